/// A set of fields as `fieldsV1` tells it: a tree whose nodes are members or lead to members.
struct FieldSet: Sendable, Equatable {
    var isMember = false
    var children: [PathElement: FieldSet] = [:]

    static let leaf = FieldSet(isMember: true)

    var isEmpty: Bool { !isMember && children.isEmpty }

    subscript(element: PathElement) -> FieldSet {
        get { children[element] ?? FieldSet() }
        set { children[element] = newValue.isEmpty ? nil : newValue }
    }

    func union(_ other: FieldSet) -> FieldSet {
        FieldSet(
            isMember: isMember || other.isMember,
            children: children.merging(other.children) { $0.union($1) }
        )
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        combined(other, isMember: isMember && other.isMember) { $0.intersection($1) }
    }

    func subtracting(_ other: FieldSet) -> FieldSet {
        combined(other, isMember: isMember && !other.isMember) { $0.subtracting($1) }
    }

    private func combined(
        _ other: FieldSet,
        isMember: Bool,
        _ combine: (FieldSet, FieldSet) -> FieldSet
    ) -> FieldSet {
        var result = FieldSet(isMember: isMember)
        for (element, child) in children { result[element] = combine(child, other[element]) }
        return result
    }

    /// Every member's path, sorted: `.spec.ports[port=80,protocol="TCP"].name`.
    var paths: [String] {
        (isMember ? [""] : [])
            + children.sorted { $0.key < $1.key }.flatMap { element, child in
                child.paths.map { element.pathText + $0 }
            }
    }

    // MARK: - fieldsV1

    var json: JSON {
        let own: [JSON.Member] = isMember ? [JSON.Member(name: ".", value: [:])] : []
        let rest = children.sorted { $0.key < $1.key }.map { element, child in
            JSON.Member(
                name: element.fieldsText,
                value: child.isMember && child.children.isEmpty ? [:] : child.json
            )
        }
        return .object(JSON.Members(list: own + rest))
    }

    init(isMember: Bool = false, children: [PathElement: FieldSet] = [:]) {
        self.isMember = isMember
        self.children = children
    }

    /// Reads `fieldsV1`; elements it cannot read are left out.
    init(json: JSON) {
        for member in json.members ?? [] {
            if member.name == "." {
                isMember = true
            } else if let element = PathElement(fieldsText: member.name) {
                let isLeaf = member.value.members?.isEmpty ?? true
                children[element] = isLeaf ? .leaf : FieldSet(json: member.value)
            }
        }
    }
}

/// One step of a path into an object.
enum PathElement: Hashable, Sendable, Comparable {
    case field(String)
    /// An item of a keyed list.
    case key([KeyPart])
    /// An item of a set.
    case value(String)

    struct KeyPart: Hashable, Sendable, Comparable {
        let name: String
        let value: Scalar

        static func < (left: KeyPart, right: KeyPart) -> Bool {
            left.name == right.name ? left.value < right.value : left.name < right.name
        }
    }

    enum Scalar: Hashable, Sendable, Comparable {
        case int(Int64)
        case string(String)

        init?(_ json: JSON) {
            switch json {
            case .int(let number): self = .int(number)
            case .string(let text): self = .string(text)
            default: return nil
            }
        }

        var json: JSON {
            switch self {
            case .int(let number): .int(number)
            case .string(let text): .string(text)
            }
        }
    }

    static func < (left: PathElement, right: PathElement) -> Bool {
        switch (left, right) {
        case (.field(let left), .field(let right)), (.value(let left), .value(let right)): left < right
        case (.key(let left), .key(let right)): left.lexicographicallyPrecedes(right)
        default: left.rank < right.rank
        }
    }

    private var rank: Int {
        switch self {
        case .field: 0
        case .key: 1
        case .value: 2
        }
    }

    /// `f:name`, `k:{"port":80}`, `v:"text"`.
    var fieldsText: String {
        switch self {
        case .field(let name): "f:\(name)"
        case .key(let parts): "k:\(keyObject(parts).text)"
        case .value(let text): "v:\(JSON.string(text).text)"
        }
    }

    init?(fieldsText text: String) {
        let content = String(text.dropFirst(2))
        switch text.prefix(2) {
        case "f:": self = .field(content)
        case "k:":
            guard let members = (try? JSON(parsing: Array(content.utf8)))?.members else { return nil }
            let parts = members.compactMap { member in
                Scalar(member.value).map { KeyPart(name: member.name, value: $0) }
            }
            self = .key(parts.sorted())
        case "v:":
            guard let value = (try? JSON(parsing: Array(content.utf8)))?.string else { return nil }
            self = .value(value)
        default: return nil
        }
    }

    var pathText: String {
        switch self {
        case .field(let name): ".\(name)"
        case .key(let parts): "[\(parts.map { "\($0.name)=\($0.value.json.text)" }.joined(separator: ","))]"
        case .value(let text): "[=\(JSON.string(text).text)]"
        }
    }

    private func keyObject(_ parts: [KeyPart]) -> JSON {
        .object(JSON.Members(list: parts.map { JSON.Member(name: $0.name, value: $0.value.json) }))
    }
}
