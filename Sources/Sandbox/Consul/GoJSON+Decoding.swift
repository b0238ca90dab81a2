/// Why JSON does not fit the structure wanted, worded as Go's strict decoder words it.
enum DecodingFailure: Error, Equatable {
    case mismatch(kind: String, type: String, path: [String])
    case other(String)

    /// What goes behind "Request decode failed: ". `root` is the Go name of the outermost structure, often empty.
    func message(root: String) -> String {
        switch self {
        case .mismatch(let kind, let type, let path):
            path.isEmpty
                ? "json: cannot unmarshal \(kind) into Go value of type \(type)"
                : "json: cannot unmarshal \(kind) into Go struct field \(root).\(path.joined(separator: ".")) of type \(type)"
        case .other(let message): message
        }
    }

    fileprivate func within(_ field: String) -> DecodingFailure {
        guard case .mismatch(let kind, let type, let path) = self else { return self }
        return .mismatch(kind: kind, type: type, path: [field] + path)
    }
}

/// How field names are matched: the catalog ignores case, the agent's own endpoints also take snake_case.
enum FieldMatching {
    case ignoringCase
    case ignoringCaseAndUnderscores

    func normalized(_ name: String) -> String {
        switch self {
        case .ignoringCase: name.lowercased()
        case .ignoringCaseAndUnderscores: String(name.lowercased().filter { $0 != "_" })
        }
    }
}

extension GoJSON {
    /// Hands every field, in order, to `read`, which tells by `false` that it does not know the name. `null` has none.
    func readFields(
        of type: String,
        matching: FieldMatching = .ignoringCase,
        _ read: (_ name: String, _ value: GoJSON) throws(DecodingFailure) -> Bool
    ) throws(DecodingFailure) {
        switch self {
        case .null: return
        case .object(let members):
            for member in members {
                let isKnown: Bool
                do throws(DecodingFailure) {
                    isKnown = try read(matching.normalized(member.name), member.value)
                } catch {
                    throw error.within(member.name)
                }
                guard isKnown else { throw .other("json: unknown field \(quoted(member.name))") }
            }
        default: throw .mismatch(kind: kind, type: type, path: [])
        }
    }

    func readElements(
        of type: String,
        _ read: (GoJSON) throws(DecodingFailure) -> Void
    ) throws(DecodingFailure) {
        switch self {
        case .null: return
        case .array(let elements): for element in elements { try read(element) }
        default: throw .mismatch(kind: kind, type: type, path: [])
        }
    }

    func read(into target: inout String) throws(DecodingFailure) {
        switch self {
        case .null: return
        case .string(let text): target = text
        default: throw .mismatch(kind: kind, type: "string", path: [])
        }
    }

    func read(into target: inout Bool) throws(DecodingFailure) {
        switch self {
        case .null: return
        case .bool(let value): target = value
        default: throw .mismatch(kind: kind, type: "bool", path: [])
        }
    }

    func read<Number: FixedWidthInteger>(into target: inout Number) throws(DecodingFailure) {
        let type = Number.isSigned ? "int" : "uint64"
        switch self {
        case .null: return
        case .number(let text):
            guard let value = Number(text) else { throw .mismatch(kind: "number \(text)", type: type, path: []) }
            target = value
        default: throw .mismatch(kind: kind, type: type, path: [])
        }
    }

    func read(into target: inout [String]?) throws(DecodingFailure) {
        guard self != .null else { return }
        var list: [String] = []
        try readElements(of: "[]string") { element throws(DecodingFailure) in
            var text = ""
            try element.read(into: &text)
            list.append(text)
        }
        target = list
    }

    func read(into target: inout [String: String]?) throws(DecodingFailure) {
        guard self != .null else { return }
        var map: [String: String] = [:]
        guard case .object(let members) = self else {
            throw .mismatch(kind: kind, type: "map[string]string", path: [])
        }
        for member in members {
            var text = ""
            try member.value.read(into: &text)
            map[member.name] = text
        }
        target = map
    }

    /// A duration as text ("10s") or as a number of nanoseconds.
    func read(into target: inout GoDuration) throws(DecodingFailure) {
        switch self {
        case .null: return
        case .string(let text):
            guard !text.isEmpty else { return }
            guard let value = GoDuration(text) else { throw .other("time: invalid duration \(quoted(text))") }
            target = value
        default: try read(into: &target.nanoseconds)
        }
    }
}

/// Text in double quotes with Go's escapes (`%q`).
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
