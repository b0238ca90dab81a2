/// Reads JSON (RFC 8259) field by field, straight into the values wanted. An answer of Consul holds tens of thousands of
/// fields of which a few count: what is not asked for is skipped without being made.
struct JSONReader {
    struct Malformed: Error, Hashable, CustomStringConvertible {
        let offset: Int
        let expected: String

        var description: String { "no \(expected) at byte \(offset)" }
    }

    private static let maximumDepth = 64

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads `bytes` as one value and nothing after it.
    static func read<Value>(
        _ bytes: [UInt8],
        _ body: (inout JSONReader) throws(Malformed) -> Value
    ) throws(Malformed) -> Value {
        var reader = JSONReader(bytes)
        let value = try body(&reader)
        reader.skipSpace()
        guard reader.index == bytes.count else { throw reader.malformed("end") }
        return value
    }

    // MARK: - Containers

    /// Reads an object and calls `field` at each value, which it must read or ``skip()``. `null` is an empty object.
    mutating func object(_ field: (String, inout JSONReader) throws(Malformed) -> Void) throws(Malformed) {
        if takeNull() { return }
        try open(UInt8(ascii: "{"), "object")
        if take(UInt8(ascii: "}")) { return close() }
        repeat {
            let key = try string()
            guard take(UInt8(ascii: ":")) else { throw malformed("colon") }
            try field(key, &self)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw malformed("end of object") }
        close()
    }

    /// Reads an array and calls `element` at each value. `null` is an empty array.
    mutating func array(_ element: (inout JSONReader) throws(Malformed) -> Void) throws(Malformed) {
        if takeNull() { return }
        try open(UInt8(ascii: "["), "array")
        if take(UInt8(ascii: "]")) { return close() }
        repeat { try element(&self) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw malformed("end of array") }
        close()
    }

    mutating func strings() throws(Malformed) -> [String] {
        var result: [String] = []
        try array { (reader) throws(Malformed) in result.append(try reader.string()) }
        return result
    }

    mutating func stringMap() throws(Malformed) -> [String: String] {
        var result: [String: String] = [:]
        try object { (key, reader) throws(Malformed) in result[key] = try reader.string() }
        return result
    }

    /// Whether the next value is `null`, which is then read.
    mutating func takeNull() -> Bool {
        skipSpace()
        guard index + 4 <= bytes.count, bytes[index] == UInt8(ascii: "n"),
            bytes[index..<index + 4].elementsEqual("null".utf8)
        else { return false }
        index += 4
        return true
    }

    private mutating func open(_ byte: UInt8, _ expected: String) throws(Malformed) {
        guard depth < Self.maximumDepth, take(byte) else { throw malformed(expected) }
        depth += 1
    }

    private mutating func close() { depth -= 1 }

    // MARK: - Scalars

    /// Reads a string; `null` is an empty one.
    mutating func string() throws(Malformed) -> String {
        if takeNull() { return "" }
        guard take(UInt8(ascii: "\"")) else { throw malformed("string") }
        let start = index
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                defer { index += 1 }
                return String(decoding: bytes[start..<index], as: UTF8.self)
            case UInt8(ascii: "\\"):
                return try escapedString(from: start)
            case 0..<0x20:
                throw malformed("string character")
            default:
                index += 1
            }
        }
        throw malformed("end of string")
    }

    private mutating func escapedString(from start: Int) throws(Malformed) -> String {
        var text = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard index < bytes.count else { throw malformed("escape") }
                let escape = bytes[index]
                index += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
                case UInt8(ascii: "b"): text.append(0x08)
                case UInt8(ascii: "f"): text.append(0x0c)
                case UInt8(ascii: "n"): text.append(0x0a)
                case UInt8(ascii: "r"): text.append(0x0d)
                case UInt8(ascii: "t"): text.append(0x09)
                case UInt8(ascii: "u"): text.append(contentsOf: Character(try escapedScalar()).utf8)
                default: throw malformed("escape")
                }
            case 0..<0x20: throw malformed("string character")
            default: text.append(byte)
            }
        }
        throw malformed("end of string")
    }

    private mutating func escapedScalar() throws(Malformed) -> Unicode.Scalar {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        // A surrogate: with its partner a character, alone none.
        guard UTF16.isLeadSurrogate(first), index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return "\u{fffd}" }
        index += 2
        let second = try codeUnit()
        guard UTF16.isTrailSurrogate(second) else { return "\u{fffd}" }
        return UTF16.decode(UTF16.EncodedScalar([first, second]))
    }

    private mutating func codeUnit() throws(Malformed) -> UInt16 {
        guard index + 4 <= bytes.count, let text = String(validating: bytes[index..<index + 4], as: UTF8.self),
            text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let unit = UInt16(text, radix: 16)
        else { throw malformed("four hexadecimal digits") }
        index += 4
        return unit
    }

    /// Reads a whole number; one too large for `Int` is malformed here, as Consul has none.
    mutating func int() throws(Malformed) -> Int {
        skipSpace()
        let start = index
        var value = 0
        let isNegative = take(UInt8(ascii: "-"))
        var digits = 0
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowing) = product.addingReportingOverflow(Int(bytes[index] - UInt8(ascii: "0")))
            guard !overflow, !overflowing else { throw Malformed(offset: start, expected: "number of this size") }
            value = sum
            digits += 1
            index += 1
        }
        if index < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[index]) {
            throw Malformed(offset: start, expected: "whole number")
        }
        guard digits > 0 else { throw malformed("number") }
        return isNegative ? -value : value
    }

    mutating func bool() throws(Malformed) -> Bool {
        if takeWord("true") { return true }
        if takeWord("false") { return false }
        throw malformed("true or false")
    }

    /// Reads a value of any kind and drops it.
    mutating func skip() throws(Malformed) {
        skipSpace()
        guard index < bytes.count else { throw malformed("value") }
        switch bytes[index] {
        case UInt8(ascii: "{"): try object { (_, reader) throws(Malformed) in try reader.skip() }
        case UInt8(ascii: "["): try array { (reader) throws(Malformed) in try reader.skip() }
        case UInt8(ascii: "\""): try skipString()
        default:
            if takeNull() || takeWord("true") || takeWord("false") { return }
            let start = index
            while index < bytes.count, Self.isNumberByte(bytes[index]) { index += 1 }
            guard index > start else { throw malformed("value") }
        }
    }

    private mutating func skipString() throws(Malformed) {
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        throw malformed("end of string")
    }

    // MARK: - Bytes

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private mutating func takeWord(_ word: StaticString) -> Bool {
        skipSpace()
        let length = word.utf8CodeUnitCount
        guard index + length <= bytes.count else { return false }
        for offset in 0..<length where bytes[index + offset] != word.utf8Start[offset] { return false }
        index += length
        return true
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0a, 0x0d: index += 1
            default: return
            }
        }
    }

    private func malformed(_ expected: String) -> Malformed { Malformed(offset: index, expected: expected) }
}
