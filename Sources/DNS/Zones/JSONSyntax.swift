/// Tells JSON (RFC 8259) from other text, without reading any value: a client that finds a broken config fails.
struct JSONSyntax {
    enum Kind {
        case object
        case array
        case other
    }

    private static let maximumDepth = 64
    private let bytes: [UInt8]
    private var index = 0

    /// What the whole text is; `nil` when it is not JSON.
    static func kind(of text: [UInt8]) -> Kind? {
        guard String(validating: text, as: UTF8.self) != nil else { return nil }
        var syntax = JSONSyntax(bytes: text)
        guard let kind = syntax.value(depth: 0), syntax.next() == nil else { return nil }
        return kind
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// The next octet that is not blank, not yet taken.
    private mutating func next() -> UInt8? {
        while index < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[index]) { index += 1 }
        return index < bytes.count ? bytes[index] : nil
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next() == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) -> Kind? {
        guard depth < Self.maximumDepth, let first = next() else { return nil }
        switch first {
        case UInt8(ascii: "{"):
            return items(until: "}") { $0.string() && $0.take(":") && $0.value(depth: depth + 1) != nil }
                ? .object : nil
        case UInt8(ascii: "["):
            return items(until: "]") { $0.value(depth: depth + 1) != nil } ? .array : nil
        case UInt8(ascii: "\""):
            return string() ? .other : nil
        case UInt8(ascii: "t"): return literal("true") ? .other : nil
        case UInt8(ascii: "f"): return literal("false") ? .other : nil
        case UInt8(ascii: "n"): return literal("null") ? .other : nil
        default: return number() ? .other : nil
        }
    }

    private mutating func items(until end: Unicode.Scalar, item: (inout JSONSyntax) -> Bool) -> Bool {
        index += 1
        if take(end) { return true }
        repeat {
            guard item(&self) else { return false }
        } while take(",")
        return take(end)
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): guard escape() else { return false }
            case ..<0x20: return false
            default: break
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard index < bytes.count else { return false }
        let byte = bytes[index]
        index += 1
        guard byte == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(byte) }
        guard bytes.count - index >= 4, bytes[index..<(index + 4)].allSatisfy(Self.isHexDigit) else { return false }
        index += 4
        return true
    }

    private mutating func literal(_ text: String) -> Bool {
        guard bytes[index...].starts(with: text.utf8) else { return false }
        index += text.utf8.count
        return true
    }

    private mutating func number() -> Bool {
        _ = skip("-")
        if !skip("0"), !digits() { return false }
        if skip("."), !digits() { return false }
        if skip("e") || skip("E") {
            _ = skip("+") || skip("-")
            return digits()
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        return index > start
    }

    private mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
