extension JSON {
    /// As the API server writes it: compact, or indented by two.
    func encoded(isIndented: Bool = false) -> [UInt8] {
        var writer = GoJSONWriter(isIndented: isIndented, indentation: 2)
        write(to: &writer)
        return writer.bytes
    }

    var text: String { String(decoding: encoded(), as: UTF8.self) }

    func write(to writer: inout GoJSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .int(let value): writer.number(value)
        case .number(let text): writer.number(text)
        case .string(let text): writer.string(text)
        case .array(let elements): writer.array(elements) { $1.write(to: &$0) }
        case .object(let members):
            writer.object { writer in
                for member in members.list {
                    writer.name(member.name)
                    member.value.write(to: &writer)
                }
            }
        }
    }
}
