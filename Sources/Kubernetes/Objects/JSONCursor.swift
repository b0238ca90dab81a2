/// Reads JSON (RFC 8259) straight from bytes, value by value, without building a tree.
///
/// Strict about grammar everywhere, skipped values included; text that is not valid UTF-8 is repaired with U+FFFD when
/// it is read, as the API server's own decoder does. A `null` counts as absent. Of a key given twice the last counts.
///
/// Every access is checked against the end of the bytes before it is made. The cursor must not outlive them.
package struct JSONCursor {
    static let maximumDepth = 128

    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0
    private var depth = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The first byte of the next token.
    mutating func peek() throws(ObjectDecodingError) -> UInt8 {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            position += 1
        }
        throw ObjectDecodingError(.truncated, at: position)
    }

    /// Whether only white space is left.
    mutating func isAtEnd() -> Bool {
        do {
            _ = try peek()
            return false
        } catch {
            return true
        }
    }

    mutating func expectEnd() throws(ObjectDecodingError) {
        guard isAtEnd() else { throw ObjectDecodingError(.trailingBytes, at: position) }
    }

    // MARK: Containers

    /// Calls `member` for each member; it must read or skip the value.
    ///
    /// - Returns: false for `null`.
    @discardableResult
    mutating func readObject(
        _ member: (_ key: JSONText, _ json: inout JSONCursor) throws(ObjectDecodingError) -> Void
    ) throws(ObjectDecodingError) -> Bool {
        guard try open(UInt8(ascii: "{"), .object) else { return false }
        if try peek() == UInt8(ascii: "}") { return close() }
        while true {
            guard try peek() == UInt8(ascii: "\"") else { throw unexpectedByte() }
            let key = try scanString()
            guard try peek() == UInt8(ascii: ":") else { throw unexpectedByte() }
            position += 1
            try member(key, &self)
            switch try peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"): return close()
            default: throw unexpectedByte()
            }
        }
    }

    /// Calls `element` for each element; it must read or skip the value.
    ///
    /// - Returns: false for `null`.
    @discardableResult
    mutating func readArray(
        _ element: (_ json: inout JSONCursor) throws(ObjectDecodingError) -> Void
    ) throws(ObjectDecodingError) -> Bool {
        guard try open(UInt8(ascii: "["), .array) else { return false }
        if try peek() == UInt8(ascii: "]") { return close() }
        while true {
            try element(&self)
            switch try peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"): return close()
            default: throw unexpectedByte()
            }
        }
    }

    private mutating func open(
        _ bracket: UInt8,
        _ type: ObjectDecodingError.JSONType
    ) throws(ObjectDecodingError) -> Bool {
        guard try peek() == bracket else {
            guard try readNull() else { throw wrongType(type) }
            return false
        }
        guard depth < Self.maximumDepth else { throw ObjectDecodingError(.tooDeep, at: position) }
        position += 1
        depth += 1
        return true
    }

    private mutating func close() -> Bool {
        position += 1
        depth -= 1
        return true
    }

    // MARK: Scalars; nil stands for null

    mutating func readText() throws(ObjectDecodingError) -> JSONText? {
        guard try peek() == UInt8(ascii: "\"") else {
            guard try readNull() else { throw wrongType(.string) }
            return nil
        }
        return try scanString()
    }

    mutating func readString() throws(ObjectDecodingError) -> String? { try readText()?.string }

    mutating func readBoolean() throws(ObjectDecodingError) -> Bool? {
        switch try peek() {
        case UInt8(ascii: "t"):
            try read("true")
            return true
        case UInt8(ascii: "f"):
            try read("false")
            return false
        default:
            guard try readNull() else { throw wrongType(.boolean) }
            return nil
        }
    }

    mutating func readInteger() throws(ObjectDecodingError) -> Int? {
        let first = try peek()
        guard first == UInt8(ascii: "-") || Self.isDigit(first) else {
            guard try readNull() else { throw wrongType(.integer) }
            return nil
        }
        let start = position
        try skipNumber()
        var value = 0
        for byte in bytes[(first == UInt8(ascii: "-") ? start + 1 : start)..<position] {
            guard Self.isDigit(byte) else { throw ObjectDecodingError(.wrongType(expected: .integer), at: start) }
            let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = shifted.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflowed, !carried else { throw ObjectDecodingError(.wrongType(expected: .integer), at: start) }
            value = sum
        }
        return first == UInt8(ascii: "-") ? -value : value
    }

    private mutating func readNull() throws(ObjectDecodingError) -> Bool {
        guard try peek() == UInt8(ascii: "n") else { return false }
        try read("null")
        return true
    }

    private mutating func read(_ literal: StaticString) throws(ObjectDecodingError) {
        for index in 0..<literal.utf8CodeUnitCount {
            guard position < bytes.count else { throw ObjectDecodingError(.truncated, at: position) }
            guard bytes[position] == literal.utf8Start[index] else { throw unexpectedByte() }
            position += 1
        }
    }

    // MARK: Passing over

    mutating func skip() throws(ObjectDecodingError) {
        switch try peek() {
        case UInt8(ascii: "\""): _ = try scanString()
        case UInt8(ascii: "{"):
            try readObject { (_, json) throws(ObjectDecodingError) in try json.skip() }
        case UInt8(ascii: "["):
            try readArray { (json) throws(ObjectDecodingError) in try json.skip() }
        case UInt8(ascii: "t"): try read("true")
        case UInt8(ascii: "f"): try read("false")
        case UInt8(ascii: "n"): try read("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try skipNumber()
        default: throw unexpectedByte()
        }
    }

    private mutating func skipNumber() throws(ObjectDecodingError) {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let integer = skipDigits()
        guard integer == 1 || (integer > 1 && bytes[position - integer] != UInt8(ascii: "0")) else {
            throw ObjectDecodingError(position < bytes.count ? .invalidNumber : .truncated, at: start)
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() > 0 else { throw ObjectDecodingError(.invalidNumber, at: start) }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard skipDigits() > 0 else { throw ObjectDecodingError(.invalidNumber, at: start) }
        }
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while position < bytes.count, Self.isDigit(bytes[position]) { position += 1 }
        return position - start
    }

    /// Reads the string whose opening quote is the next byte, checking its escapes.
    private mutating func scanString() throws(ObjectDecodingError) -> JSONText {
        let start = position + 1
        var index = start
        var hasEscapes = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                position = index + 1
                return JSONText(
                    raw: UnsafeBufferPointer(rebasing: bytes[start..<index]),
                    hasEscapes: hasEscapes,
                    offset: start - 1
                )
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                index += try escapeLength(at: index)
            } else {
                guard byte >= 0x20 else { throw ObjectDecodingError(.invalidString, at: index) }
                index += 1
            }
        }
        throw ObjectDecodingError(.truncated, at: index)
    }

    private func escapeLength(at index: Int) throws(ObjectDecodingError) -> Int {
        guard index + 1 < bytes.count else { throw ObjectDecodingError(.truncated, at: index) }
        switch bytes[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"):
            guard index + 6 <= bytes.count else { throw ObjectDecodingError(.truncated, at: index) }
            for byte in bytes[(index + 2)..<(index + 6)] where JSONText.hexDigit(byte) == nil {
                throw ObjectDecodingError(.invalidString, at: index)
            }
            return 6
        default:
            throw ObjectDecodingError(.invalidString, at: index)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private func unexpectedByte() -> ObjectDecodingError {
        ObjectDecodingError(.unexpectedByte(bytes[position]), at: position)
    }

    /// The next value is of another type; if it is no value at all, that is what is wrong.
    private func wrongType(_ expected: ObjectDecodingError.JSONType) -> ObjectDecodingError {
        switch bytes[position] {
        case UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "t"), UInt8(ascii: "f"),
            UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            ObjectDecodingError(.wrongType(expected: expected), at: position)
        default:
            unexpectedByte()
        }
    }
}
