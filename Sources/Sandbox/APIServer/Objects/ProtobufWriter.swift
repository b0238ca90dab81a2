/// Writes protobuf messages (proto2 wire format).
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ number: Int, _ value: UInt64) {
        raw(UInt64(number << 3))
        raw(value)
    }

    mutating func string(_ number: Int, _ text: String) {
        raw(UInt64(number << 3 | 2))
        raw(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func bytes(_ number: Int, _ content: [UInt8]) {
        raw(UInt64(number << 3 | 2))
        raw(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    mutating func message(_ number: Int, _ write: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        write(&inner)
        bytes(number, inner.bytes)
    }

    private mutating func raw(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// The header of a field whose content of `length` bytes follows elsewhere.
    static func header(_ number: Int, length: Int) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.raw(UInt64(number << 3 | 2))
        writer.raw(UInt64(length))
        return writer.bytes
    }
}
