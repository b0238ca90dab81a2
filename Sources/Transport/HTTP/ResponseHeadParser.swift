/// Puts a response head together from the header lines libcurl hands over one by one.
struct ResponseHeadParser {
    enum Step {
        case more
        /// The final head; interim (1xx) heads are skipped.
        case complete(HTTPResponseHead)
        /// A head beyond ``limit`` bytes.
        case tooLarge
    }

    /// The most bytes of all header lines.
    static let limit = 256 << 10

    /// Anything of a response has been seen.
    private(set) var hasBegun = false
    private(set) var isComplete = false
    private var status = 0
    private var fields: [(name: String, value: String)] = []
    private var size = 0

    mutating func consume(_ line: UnsafeRawBufferPointer) -> Step {
        // What follows a complete head are trailers; nothing here reads them.
        guard !isComplete else { return .more }
        hasBegun = true
        size += line.count
        guard size <= Self.limit else { return .tooLarge }

        let content = line.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        if content.isEmpty { return endOfHead() }
        if content.starts(with: "HTTP/".utf8) {
            status = Self.status(content)
            fields = []
        } else if content.first == UInt8(ascii: " ") || content.first == UInt8(ascii: "\t") {
            // An obsolete line folding (RFC 9112, section 5.2).
            if let last = fields.indices.last { fields[last].value.fold(Self.text(content)) }
        } else if let colon = content.firstIndex(of: UInt8(ascii: ":")) {
            fields.append((Self.text(content[..<colon]), Self.text(content[(colon + 1)...])))
        }
        return .more
    }

    private mutating func endOfHead() -> Step {
        guard status >= 200 else {
            fields = []
            return .more
        }
        isComplete = true
        var headers = HTTPHeaders()
        for field in fields { headers.append(field.name, field.value) }
        return .complete(HTTPResponseHead(status: status, headers: headers))
    }

    /// The three digits after the protocol version.
    private static func status(_ line: Slice<UnsafeRawBufferPointer>) -> Int {
        guard let space = line.firstIndex(of: UInt8(ascii: " ")) else { return 0 }
        return line[space...].dropFirst().prefix(3).reduce(0) { sum, byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? sum * 10 + Int(byte - UInt8(ascii: "0")) : sum
        }
    }

    private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var trimmed = bytes.drop(while: isBlank)
        while let last = trimmed.last, isBlank(last) { trimmed.removeLast() }
        return String(decoding: trimmed, as: UTF8.self)
    }
}

extension String {
    /// Takes in what a folded line goes on with. The fold is one of the blanks between words, and there are none around
    /// a value.
    fileprivate mutating func fold(_ text: String) {
        if !isEmpty, !text.isEmpty { self += " " }
        self += text
    }
}
