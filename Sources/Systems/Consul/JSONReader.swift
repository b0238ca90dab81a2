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
            let key = try text()
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
    mutating func string() throws(Malformed) -> String { takeNull() ? "" : try text() }

    private mutating func text() throws(Malformed) -> String {
        guard take(UInt8(ascii: "\"")) else { throw malformed("string") }
        let start = index
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                defer { index += 1 }
                return String(decoding: bytes[start..<index], as: UTF8.self)
            case UInt8(ascii: "\\"):
                return try escapedText(from: start)
            case 0..<0x20:
                throw malformed("string character")
            default:
                index += 1
            }
        }
        throw malformed("end of string")
    }

    private mutating func escapedText(from start: Int) throws(Malformed) -> String {
        var text = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(contentsOf: Character(try escape()).utf8)
            case 0..<0x20: throw malformed("string character")
            default:
                text.append(byte)
                index += 1
            }
        }
        throw malformed("end of string")
    }

    /// Reads the escape whose backslash is the next byte.
    private mutating func escape() throws(Malformed) -> Unicode.Scalar {
        guard index + 1 < bytes.count else { throw malformed("escape") }
        let scalar: Unicode.Scalar
        switch bytes[index + 1] {
        case UInt8(ascii: "\""): scalar = "\""
        case UInt8(ascii: "\\"): scalar = "\\"
        case UInt8(ascii: "/"): scalar = "/"
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{c}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"):
            index += 2
            return try escapedScalar()
        default: throw malformed("escape")
        }
        index += 2
        return scalar
    }

    private mutating func escapedScalar() throws(Malformed) -> Unicode.Scalar {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        // A surrogate: with its partner a character; alone none, and what follows stands for itself.
        let end = index
        if UTF16.isLeadSurrogate(first), index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        {
            index += 2
            let second = try codeUnit()
            if UTF16.isTrailSurrogate(second) { return UTF16.decode(UTF16.EncodedScalar([first, second])) }
            index = end
        }
        return "\u{fffd}"
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
        try skipNumber()
        // A fraction or an exponent makes it no `Int`, as a size beyond does.
        guard let text = String(validating: bytes[start..<index], as: UTF8.self), let value = Int(text) else {
            throw Malformed(offset: start, expected: "whole number")
        }
        return value
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
            try skipNumber()
        }
    }

    private mutating func skipString() throws(Malformed) {
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return
            case UInt8(ascii: "\\"): _ = try escape()
            case 0..<0x20: throw malformed("string character")
            default: index += 1
            }
        }
        throw malformed("end of string")
    }

    private mutating func skipNumber() throws(Malformed) {
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) { try skipDigits() }
        if skip(UInt8(ascii: ".")) { try skipDigits() }
        guard skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) else { return }
        _ = skip(UInt8(ascii: "+")) || skip(UInt8(ascii: "-"))
        try skipDigits()
    }

    private mutating func skipDigits() throws(Malformed) {
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        guard index > start else { throw malformed("number") }
    }

    // MARK: - Bytes

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

    /// As ``take(_:)``, but with no space before.
    private mutating func skip(_ byte: UInt8) -> Bool {
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
