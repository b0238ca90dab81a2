internal import Yams

extension JSON {
    /// Reads one YAML document, which may be JSON.
    init(yaml text: String) throws(SyntaxError) {
        do {
            guard let node = try Yams.compose(yaml: text) else {
                self = .null
                return
            }
            self.init(node)
        } catch {
            throw SyntaxError(message: "error converting YAML to JSON: \(error)")
        }
    }

    /// Reads a stream of YAML documents, without the empty ones.
    static func documents(yaml text: String) throws -> [JSON] {
        var nodes = try Yams.compose_all(yaml: text)
        var documents: [JSON] = []
        while let node = nodes.next() { documents.append(JSON(node)) }
        if let error = nodes.error { throw error }
        return documents.filter { !$0.isNull }
    }

    private init(_ node: Node) {
        switch node {
        case .scalar(let scalar):
            switch Resolver.default.resolveTag(of: node) {
            case .null: self = .null
            case .bool: self = .bool(node.bool ?? false)
            case .int: self = node.int.map { .int(Int64($0)) } ?? .number(scalar.string)
            case .float: self = .number(scalar.string)
            default: self = .string(scalar.string)
            }
        case .sequence(let sequence): self = .array(sequence.map(JSON.init))
        case .mapping(let mapping):
            self = .object(
                Members(list: mapping.map { Member(name: $0.key.scalar?.string ?? "", value: JSON($0.value)) })
            )
        case .alias: self = .null
        }
    }

    /// As YAML with sorted keys, the way the API server answers `application/yaml`.
    func yaml() throws -> String {
        try Yams.serialize(node: node, width: 80, sortKeys: true)
    }

    private var node: Node {
        switch self {
        case .null: Node("null", Tag(.null))
        case .bool(let value): Node(value ? "true" : "false", Tag(.bool))
        case .int(let value): Node("\(value)", Tag(.int))
        case .number(let text): Node(text, Tag(.float))
        case .string(let text): Node(text, Tag(.str))
        case .array(let elements): Node(elements.map(\.node))
        case .object(let members): Node(members.list.map { (Node($0.name, Tag(.str)), $0.value.node) })
        }
    }
}
