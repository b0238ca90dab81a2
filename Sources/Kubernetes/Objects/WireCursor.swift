/// Reads one protobuf message field by field, straight from bytes.
///
/// Every access is checked against the end of the message before it is made. The cursor must not outlive the bytes.
package struct WireCursor {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position: Int
    private let end: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, from position: Int = 0) {
        self.bytes = bytes
        self.position = min(position, bytes.count)
        end = bytes.count
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field's key; its value must be read or skipped. `nil` at the end of the message.
    mutating func nextField() throws(ObjectDecodingError) -> WireField? {
        guard position < end else { return nil }
        let start = position
        let key = try readVarint()
        guard let type = WireField.WireType(rawValue: UInt8(truncatingIfNeeded: key & 7)) else {
            throw ObjectDecodingError(.unknownWireType(UInt8(truncatingIfNeeded: key & 7)), at: start)
        }
        guard (1...0x1fff_ffff).contains(key >> 3) else { throw ObjectDecodingError(.invalidFieldNumber, at: start) }
        return WireField(number: Int(key >> 3), type: type)
    }

    mutating func skip(_ field: WireField) throws(ObjectDecodingError) {
        switch field.type {
        case .varint: _ = try readVarint()
        case .fixed64: try advance(by: 8)
        case .fixed32: try advance(by: 4)
        case .lengthDelimited: _ = try readRange(field)
        }
    }

    /// How many fields of this number follow, up to what cannot be read.
    func count(of number: Int) -> Int {
        var cursor = self
        var count = 0
        while let field = try? cursor.nextField(), (try? cursor.skip(field)) != nil {
            if field.number == number { count += 1 }
        }
        return count
    }

    mutating func readMessage(_ field: WireField) throws(ObjectDecodingError) -> WireCursor {
        WireCursor(bytes, try readRange(field))
    }

    /// The bytes of a `string` or `bytes` field, uncopied.
    mutating func readBytes(_ field: WireField) throws(ObjectDecodingError) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[try readRange(field)])
    }

    mutating func readString(_ field: WireField) throws(ObjectDecodingError) -> String {
        String(decoding: try readBytes(field), as: UTF8.self)
    }

    mutating func readBoolean(_ field: WireField) throws(ObjectDecodingError) -> Bool {
        try expect(.varint, field)
        return try readVarint() != 0
    }

    mutating func readInt32(_ field: WireField) throws(ObjectDecodingError) -> Int {
        try expect(.varint, field)
        return Int(Int32(truncatingIfNeeded: try readVarint()))
    }

    private mutating func readRange(_ field: WireField) throws(ObjectDecodingError) -> Range<Int> {
        try expect(.lengthDelimited, field)
        let start = position
        let length = try readVarint()
        guard length <= UInt64(end - position) else { throw ObjectDecodingError(.truncated, at: start) }
        let range = position..<(position + Int(length))
        position = range.upperBound
        return range
    }

    private mutating func readVarint() throws(ObjectDecodingError) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            guard shift < 63 || byte <= 1 else { throw ObjectDecodingError(.invalidVarint, at: start) }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw ObjectDecodingError(.truncated, at: start)
    }

    private mutating func advance(by count: Int) throws(ObjectDecodingError) {
        guard end - position >= count else { throw ObjectDecodingError(.truncated, at: position) }
        position += count
    }

    private func expect(_ type: WireField.WireType, _ field: WireField) throws(ObjectDecodingError) {
        guard field.type == type else { throw ObjectDecodingError(.wrongWireType(field: field.number), at: position) }
    }
}

/// The key of a protobuf field.
package struct WireField {
    /// Groups (3 and 4) are not among them: no Kubernetes message has one.
    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case lengthDelimited = 2
        case fixed32 = 5
    }

    let number: Int
    let type: WireType
}
