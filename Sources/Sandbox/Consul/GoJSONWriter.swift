/// Writes JSON byte for byte as Go's `encoding/json` does: compact or indented, with `<`, `>`, `&` escaped.
struct GoJSONWriter {
    private(set) var bytes: [UInt8] = []
    private let isIndented: Bool
    private let indentation: Int
    private var depth = 0
    private var isEmpty = true

    init(isIndented: Bool, indentation: Int = 4) {
        self.isIndented = isIndented
        self.indentation = indentation
    }

    mutating func object(_ members: (inout GoJSONWriter) -> Void) {
        enclose(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    mutating func array<Elements: Sequence>(
        _ elements: Elements,
        _ element: (inout GoJSONWriter, Elements.Element) -> Void
    ) {
        enclose(UInt8(ascii: "["), UInt8(ascii: "]")) { writer in
            for item in elements {
                writer.separate()
                element(&writer, item)
            }
        }
    }

    /// Begins a member; its value must follow.
    mutating func name(_ name: String) {
        separate()
        string(name)
        bytes.append(UInt8(ascii: ":"))
        if isIndented { bytes.append(UInt8(ascii: " ")) }
    }

    mutating func null() { raw("null") }

    mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    mutating func number(_ value: some FixedWidthInteger) { bytes.append(contentsOf: String(value).utf8) }

    /// A number as it was written.
    mutating func number(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            var start = 0
            for index in utf8.indices {
                let byte = utf8[index]
                let needsEscape =
                    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
                    || byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "&")
                let isSeparator =
                    byte == 0xE2 && index + 2 < utf8.count && utf8[index + 1] == 0x80 && utf8[index + 2] & 0xFE == 0xA8
                guard needsEscape || isSeparator else { continue }
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
                if isSeparator {
                    raw(utf8[index + 2] == 0xA8 ? "\\u2028" : "\\u2029")
                    start = index + 3
                } else {
                    escape(byte)
                    start = index + 1
                }
            }
            if start < utf8.count { bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...])) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func newline() { bytes.append(0x0A) }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x0A: raw("\\n")
        case 0x0D: raw("\\r")
        case 0x09: raw("\\t")
        default:
            raw("\\u00")
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 0xF)])
        }
    }

    private mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func enclose(_ open: UInt8, _ close: UInt8, _ content: (inout GoJSONWriter) -> Void) {
        bytes.append(open)
        depth += 1
        isEmpty = true
        content(&self)
        depth -= 1
        if !isEmpty { breakLine() }
        isEmpty = false
        bytes.append(close)
    }

    private mutating func separate() {
        if !isEmpty { bytes.append(UInt8(ascii: ",")) }
        isEmpty = false
        breakLine()
    }

    private mutating func breakLine() {
        guard isIndented else { return }
        bytes.append(0x0A)
        for _ in 0..<depth * indentation { bytes.append(UInt8(ascii: " ")) }
    }
}

extension GoJSONWriter {
    mutating func member(_ name: String, _ text: String) {
        self.name(name)
        string(text)
    }

    mutating func member(_ name: String, _ value: Bool) {
        self.name(name)
        bool(value)
    }

    mutating func member(_ name: String, _ value: some FixedWidthInteger) {
        self.name(name)
        number(value)
    }

    /// `nil` becomes `null`.
    mutating func member(_ name: String, _ list: [String]?) {
        self.name(name)
        guard let list else { return null() }
        array(list) { writer, text in writer.string(text) }
    }

    /// Keys in order of their bytes; `nil` becomes `null`.
    mutating func member(_ name: String, _ map: [String: String]?) {
        self.name(name)
        guard let map else { return null() }
        object { writer in
            for (key, text) in map.sorted(by: { $0.key < $1.key }) { writer.member(key, text) }
        }
    }

    mutating func emptyObject(_ name: String) {
        self.name(name)
        object { _ in }
    }
}
