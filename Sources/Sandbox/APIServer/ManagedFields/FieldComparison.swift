/// What changed between two objects, field by field as their schema divides them.
struct FieldComparison {
    var added = FieldSet()
    var modified = FieldSet()
    var removed = FieldSet()

    init(_ schema: Schema, old: JSON, new: JSON) {
        self.init(.object(schema), old: old, new: new)
        for element in Self.unmanaged { forget(element) }
    }

    /// Fields nobody manages.
    static let unmanaged = [
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion",
        "deletionTimestamp", "deletionGracePeriodSeconds",
    ]

    private mutating func forget(_ name: String) {
        let metadata = PathElement.field("metadata")
        added[metadata][.field(name)] = FieldSet()
        modified[metadata][.field(name)] = FieldSet()
        removed[metadata][.field(name)] = FieldSet()
    }

    private init() {}

    private init(_ kind: Schema.Kind, old: JSON?, new: JSON?) {
        let old = old.flatMap { $0.isNull ? nil : $0 }
        let new = new.flatMap { $0.isNull ? nil : $0 }
        guard old != new else { return }
        let oldParts = old.flatMap { kind.parts(of: $0) }
        let newParts = new.flatMap { kind.parts(of: $0) }
        if (old == nil || oldParts != nil) && (new == nil || newParts != nil) {
            added.isMember = old == nil
            removed.isMember = new == nil
            var elements: Set<PathElement> = Set((oldParts ?? [:]).keys)
            elements.formUnion((newParts ?? [:]).keys)
            for element in elements {
                let oldPart = oldParts?[element]
                let newPart = newParts?[element]
                guard let partKind = newPart?.kind ?? oldPart?.kind else { continue }
                let inner = FieldComparison(partKind, old: oldPart?.value, new: newPart?.value)
                added[element] = inner.added
                modified[element] = inner.modified
                removed[element] = inner.removed
            }
        } else if old == nil {
            added = .leaf
        } else if new == nil {
            removed = .leaf
        } else {
            modified = .leaf
        }
    }
}

extension Schema.Kind {
    struct Part {
        let kind: Schema.Kind
        let value: JSON
    }

    /// The parts of a value that are managed one by one, or `nil` when it is managed as a whole.
    func parts(of value: JSON) -> [PathElement: Part]? {
        switch self {
        case .object(let schema, isAtomic: false):
            guard let members = value.members else { return nil }
            var parts: [PathElement: Part] = [:]
            for member in members {
                guard let field = schema[member.name] else { continue }
                parts[.field(member.name)] = Part(kind: field.kind, value: member.value)
            }
            return parts
        case .map(isAtomic: false):
            guard let members = value.members else { return nil }
            return Dictionary(
                members.map { (.field($0.name), Part(kind: .string, value: $0.value)) },
                uniquingKeysWith: { $1 }
            )
        case .list(let element, .keyed(let keys)):
            guard let items = value.array else { return nil }
            var parts: [PathElement: Part] = [:]
            for item in items { parts[Self.element(of: item, keys)] = Part(kind: element, value: item) }
            return parts
        case .list(let element, .set):
            guard let items = value.array else { return nil }
            return Dictionary(
                items.map { (.value($0.string ?? ""), Part(kind: element, value: $0)) },
                uniquingKeysWith: { $1 }
            )
        default: return nil
        }
    }

    /// What tells an item of a keyed list apart.
    static func element(of item: JSON, _ keys: [Schema.Key]) -> PathElement {
        .key(
            keys.compactMap { key in
                (item[key.name] ?? key.fallback).flatMap(PathElement.Scalar.init)
                    .map { PathElement.KeyPart(name: key.name, value: $0) }
            }
        )
    }
}
