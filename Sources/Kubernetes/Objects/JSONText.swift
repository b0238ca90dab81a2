/// A JSON string as it stands in the input, its escapes already checked. Must not outlive the input.
package struct JSONText {
    private let raw: UnsafeBufferPointer<UInt8>
    private let hasEscapes: Bool
    /// Of the opening quote.
    let offset: Int

    init(raw: UnsafeBufferPointer<UInt8>, hasEscapes: Bool, offset: Int) {
        self.raw = raw
        self.hasEscapes = hasEscapes
        self.offset = offset
    }

    var string: String { hasEscapes ? unescaped() : String(decoding: raw, as: UTF8.self) }

    /// Calls `body` with the string's bytes; without escapes, those of the input.
    func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        guard hasEscapes else { return body(raw) }
        var copy = unescaped()
        return copy.withUTF8(body)
    }

    static func ~= (name: StaticString, text: JSONText) -> Bool {
        if text.hasEscapes { return text.unescaped() == name.description }
        let count = name.utf8CodeUnitCount
        guard text.raw.count == count else { return false }
        for index in 0..<count where text.raw[index] != name.utf8Start[index] { return false }
        return true
    }

    // MARK: Escapes

    /// A lone surrogate becomes U+FFFD.
    private func unescaped() -> String {
        // No escape is shorter than the text it stands for.
        String(unsafeUninitializedCapacity: raw.count) { output in
            var written = 0
            func append(_ byte: UInt8) {
                output.initializeElement(at: written, to: byte)
                written += 1
            }
            var index = 0
            while index < raw.count {
                guard raw[index] == UInt8(ascii: "\\") else {
                    append(raw[index])
                    index += 1
                    continue
                }
                switch raw[index + 1] {
                case UInt8(ascii: "b"): append(0x08)
                case UInt8(ascii: "f"): append(0x0c)
                case UInt8(ascii: "n"): append(0x0a)
                case UInt8(ascii: "r"): append(0x0d)
                case UInt8(ascii: "t"): append(0x09)
                case UInt8(ascii: "u"):
                    let (scalar, length) = unicodeEscape(at: index)
                    for byte in UTF8.encode(scalar)! { append(byte) }
                    index += length
                    continue
                case let byte: append(byte)
                }
                index += 2
            }
            return written
        }
    }

    private func unicodeEscape(at index: Int) -> (Unicode.Scalar, length: Int) {
        let first = codeUnit(at: index)
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        let next = index + 6
        if UTF16.isLeadSurrogate(UInt16(first)), next + 6 <= raw.count, raw[next] == UInt8(ascii: "\\"),
            raw[next + 1] == UInt8(ascii: "u")
        {
            let second = codeUnit(at: next)
            if UTF16.isTrailSurrogate(UInt16(second)),
                let scalar = Unicode.Scalar(0x10000 + (first & 0x3ff) << 10 + (second & 0x3ff))
            {
                return (scalar, 12)
            }
        }
        return ("\u{fffd}", 6)
    }

    private func codeUnit(at index: Int) -> UInt32 {
        raw[(index + 2)..<(index + 6)].reduce(0) { $0 << 4 | UInt32(Self.hexDigit($1) ?? 0) }
    }

    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
