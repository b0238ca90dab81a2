/// Merging what an applier wants into an object, and taking out what it wants no longer.
enum ServerSideApply {
    /// The fields a configuration names.
    static func fields(of configuration: JSON, _ schema: Schema) -> FieldSet {
        var fields = fields(of: configuration, .object(schema))
        for name in FieldComparison.unmanaged { fields[.field("metadata")][.field(name)] = FieldSet() }
        if fields[.field("metadata")].children.isEmpty { fields[.field("metadata")] = FieldSet() }
        return fields
    }

    private static func fields(of value: JSON, _ kind: Schema.Kind) -> FieldSet {
        guard let parts = kind.parts(of: value), !parts.isEmpty else { return .leaf }
        var fields = FieldSet()
        for (element, part) in parts {
            var inner = self.fields(of: part.value, part.kind)
            if case .field = element {} else { inner.isMember = true }
            fields[element] = inner
        }
        return fields
    }

    /// `old` with the configuration laid over it.
    static func merge(_ configuration: JSON, into old: JSON?, _ kind: Schema.Kind) -> JSON {
        switch kind {
        case .object(let schema, isAtomic: false):
            guard case .object(var members) = old ?? [:], let new = configuration.members else { return configuration }
            for member in new {
                guard let field = schema[member.name] else { continue }
                members[member.name] = merge(member.value, into: members[member.name], field.kind)
            }
            return .object(members)
        case .map(isAtomic: false):
            guard case .object(var members) = old ?? [:], let new = configuration.members else { return configuration }
            for member in new { members[member.name] = member.value }
            return .object(members)
        case .list(let element, .keyed(let keys)):
            guard let new = configuration.array else { return configuration }
            var items = old?.array ?? []
            for item in new {
                let key = Schema.Kind.element(of: item, keys)
                if let index = items.firstIndex(where: { Schema.Kind.element(of: $0, keys) == key }) {
                    items[index] = merge(item, into: items[index], element)
                } else {
                    items.append(item)
                }
            }
            return .array(items)
        case .list(_, .set):
            guard let new = configuration.array else { return configuration }
            let items = old?.array ?? []
            return .array(items + new.filter { !items.contains($0) })
        default: return configuration
        }
    }

    /// `value` without the fields in `lost`. An item of a list goes as a whole unless something in it is `held`.
    static func removing(_ lost: FieldSet, held: FieldSet, from value: JSON, _ kind: Schema.Kind) -> JSON? {
        guard !lost.isEmpty else { return value }
        guard let parts = kind.parts(of: value) else { return lost.isMember ? nil : value }
        switch kind {
        case .list(_, let merging):
            let kept = (value.array ?? []).compactMap { item -> JSON? in
                let element: PathElement =
                    if case .keyed(let keys) = merging { Schema.Kind.element(of: item, keys) } else {
                        .value(item.string ?? "")
                    }
                let inner = lost[element]
                if inner.isMember, held[element].isEmpty { return nil }
                return removing(inner, held: held[element], from: item, parts[element]?.kind ?? .string)
            }
            return kept.isEmpty && held.isEmpty ? nil : .array(kept)
        default:
            guard case .object(var members) = value else { return value }
            for (element, part) in parts {
                guard case .field(let name) = element else { continue }
                members[name] = removing(lost[element], held: held[element], from: part.value, part.kind)
            }
            return members.isEmpty && lost.isMember && held.isEmpty ? nil : .object(members)
        }
    }
}
