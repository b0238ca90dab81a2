/// JSON as Go's `encoding/json` reads it: names in order, numbers as written, and Go's words for what is wrong.
enum GoJSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([GoJSON])
    case object([Member])

    struct Member: Sendable, Equatable {
        let name: String
        let value: GoJSON
    }

    struct SyntaxError: Error, Equatable {
        let message: String
    }

    /// Reads the first value; whatever follows it is ignored, as `json.Decoder` does.
    init(parsing bytes: [UInt8]) throws(SyntaxError) {
        var parser = Parser(bytes: bytes)
        self = try parser.value(depth: 0)
    }

    /// The kind as Go's type errors name it.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

private struct Parser {
    private let bytes: [UInt8]
    private var index = 0
    private static let maximumDepth = 500

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func value(depth: Int) throws(GoJSON.SyntaxError) -> GoJSON {
        guard depth < Self.maximumDepth else { throw GoJSON.SyntaxError(message: "exceeded max depth") }
        switch try next("looking for beginning of value") {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw unexpected("looking for beginning of value")
        }
    }

    private mutating func object(depth: Int) throws(GoJSON.SyntaxError) -> GoJSON {
        index += 1
        var members: [GoJSON.Member] = []
        if try next("looking for beginning of object key string") == UInt8(ascii: "}") {
            index += 1
            return .object([])
        }
        while true {
            guard try next("looking for beginning of object key string") == UInt8(ascii: "\"") else {
                throw unexpected("looking for beginning of object key string")
            }
            let name = try string()
            guard try next("after object key") == UInt8(ascii: ":") else { throw unexpected("after object key") }
            index += 1
            members.append(GoJSON.Member(name: name, value: try value(depth: depth + 1)))
            switch try next("after object key:value pair") {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "}"):
                index += 1
                return .object(members)
            default: throw unexpected("after object key:value pair")
            }
        }
    }

    private mutating func array(depth: Int) throws(GoJSON.SyntaxError) -> GoJSON {
        index += 1
        var elements: [GoJSON] = []
        if try next("looking for beginning of value") == UInt8(ascii: "]") {
            index += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            switch try next("after array element") {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "]"):
                index += 1
                return .array(elements)
            default: throw unexpected("after array element")
            }
        }
    }

    private mutating func string() throws(GoJSON.SyntaxError) -> String {
        index += 1
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\") {
            guard bytes[index] >= 0x20 else { throw unexpected("in string literal") }
            index += 1
        }
        guard index < bytes.count else { throw endOfInput }
        if bytes[index] == UInt8(ascii: "\"") {
            defer { index += 1 }
            return String(decoding: bytes[start..<index], as: UTF8.self)
        }
        return try escapedString(Array(bytes[start..<index]))
    }

    /// Goes on at the first backslash of a string whose beginning is `decoded`.
    private mutating func escapedString(_ beginning: [UInt8]) throws(GoJSON.SyntaxError) -> String {
        var decoded = beginning
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: decoded, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard index < bytes.count else { throw endOfInput }
                let escape = bytes[index]
                index += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(escape)
                case UInt8(ascii: "b"): decoded.append(0x08)
                case UInt8(ascii: "f"): decoded.append(0x0C)
                case UInt8(ascii: "n"): decoded.append(0x0A)
                case UInt8(ascii: "r"): decoded.append(0x0D)
                case UInt8(ascii: "t"): decoded.append(0x09)
                case UInt8(ascii: "u"): decoded.append(contentsOf: Array(try unicodeEscape().utf8))
                default:
                    index -= 1
                    throw unexpected("in string escape code")
                }
            case ..<0x20:
                index -= 1
                throw unexpected("in string literal")
            default: decoded.append(byte)
            }
        }
        throw endOfInput
    }

    /// The scalar of `\uXXXX`, of a surrogate pair, or U+FFFD for half a pair.
    private mutating func unicodeEscape() throws(GoJSON.SyntaxError) -> String {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return String(Character(scalar)) }
        let isPair =
            (0xD800..<0xDC00).contains(first) && index + 1 < bytes.count
            && bytes[index] == UInt8(ascii: "\\") && bytes[index + 1] == UInt8(ascii: "u")
        guard isPair else { return "\u{FFFD}" }
        let resume = index
        index += 2
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else {
            index = resume
            return "\u{FFFD}"
        }
        return String(Character(scalar))
    }

    private mutating func hexadecimal() throws(GoJSON.SyntaxError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count else { throw endOfInput }
            guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else {
                throw unexpected("in \\u hexadecimal character escape")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }

    private mutating func number() throws(GoJSON.SyntaxError) -> String {
        let start = index
        if bytes[index] == UInt8(ascii: "-") {
            index += 1
            guard index < bytes.count else { throw endOfInput }
            guard isDigit else { throw unexpected("in numeric literal") }
        }
        let leadsWithZero = bytes[index] == UInt8(ascii: "0")
        index += 1
        if !leadsWithZero { skipDigits() }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            try digits("after decimal point in numeric literal")
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            try digits("in exponent of numeric literal")
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func digits(_ place: String) throws(GoJSON.SyntaxError) {
        guard index < bytes.count else { throw endOfInput }
        guard isDigit else { throw unexpected(place) }
        skipDigits()
    }

    private mutating func skipDigits() {
        while index < bytes.count, isDigit { index += 1 }
    }

    private var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) }

    private mutating func literal(_ word: StaticString, _ value: GoJSON) throws(GoJSON.SyntaxError) -> GoJSON {
        let expected = word.description
        for byte in expected.utf8 {
            guard index < bytes.count else { throw endOfInput }
            guard bytes[index] == byte else { throw unexpected("in literal \(expected)") }
            index += 1
        }
        return value
    }

    /// Skips white space; the byte found is not consumed.
    private mutating func next(_ place: String) throws(GoJSON.SyntaxError) -> UInt8 {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            case let byte: return byte
            }
        }
        throw endOfInput
    }

    private var endOfInput: GoJSON.SyntaxError {
        let isBlank = bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        return GoJSON.SyntaxError(message: isBlank ? "EOF" : "unexpected EOF")
    }

    private func unexpected(_ place: String) -> GoJSON.SyntaxError {
        let character = Character(Unicode.Scalar(bytes[index]))
        let shown =
            switch character {
            case "'": "'\\''"
            case "\"": "'\"'"
            case "\n": "'\\n'"
            default: "'\(character)'"
            }
        return GoJSON.SyntaxError(message: "invalid character \(shown) \(place)")
    }
}
