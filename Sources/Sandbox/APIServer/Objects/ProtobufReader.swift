/// Why bytes are no protobuf message.
enum ProtobufError: Error {
    case truncated
    case unexpectedWireType
}

/// Reads the fields of one protobuf message in order.
struct ProtobufReader {
    enum Value {
        case number(UInt64)
        case content(ArraySlice<UInt8>)

        func varint() throws(ProtobufError) -> UInt64 {
            guard case .number(let number) = self else { throw .unexpectedWireType }
            return number
        }

        func message() throws(ProtobufError) -> ArraySlice<UInt8> {
            guard case .content(let bytes) = self else { throw .unexpectedWireType }
            return bytes
        }

        func text() throws(ProtobufError) -> String { String(decoding: try message(), as: UTF8.self) }
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field, or `nil` at the end.
    mutating func next() throws(ProtobufError) -> (number: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let key = try varint()
        let number = Int(truncatingIfNeeded: key >> 3)
        switch key & 7 {
        case 0: return (number, .number(try varint()))
        case 1: return (number, .content(try take(8)))
        case 2: return (number, .content(try take(try varint())))
        case 5: return (number, .content(try take(4)))
        default: throw .unexpectedWireType
        }
    }

    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw .truncated }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .unexpectedWireType
    }

    private mutating func take(_ count: UInt64) throws(ProtobufError) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw .truncated }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }
}
