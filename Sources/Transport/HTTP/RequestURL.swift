/// The parts of an absolute `http` or `https` URL that the transport itself looks at (RFC 3986).
struct RequestURL: Hashable {
    /// Says what makes a URL unusable, in words that follow "the URL".
    struct Unusable: Error, Hashable {
        let problem: String
    }

    let isEncrypted: Bool
    let userInfo: String?
    /// As written; an IPv6 address stands in its brackets.
    let host: String
    let port: UInt16?
    /// Empty, or from the first `/` up to the query.
    let path: String
    /// Empty, or from the `?` on.
    let query: String

    init(_ text: String) throws(Unusable) {
        let bytes = text.utf8
        // Everything below may treat bytes as characters.
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Unusable(problem: "has a space, a control character or a letter that is not percent-encoded")
        }
        let authorityStart: String.Index
        if let start = Self.end(of: "https://", in: bytes) {
            isEncrypted = true
            authorityStart = start
        } else if let start = Self.end(of: "http://", in: bytes) {
            isEncrypted = false
            authorityStart = start
        } else {
            throw Unusable(problem: "must begin with http:// or https://")
        }

        let fragment = bytes.firstIndex(of: UInt8(ascii: "#")) ?? bytes.endIndex
        let queryStart = bytes[..<fragment].firstIndex(of: UInt8(ascii: "?")) ?? fragment
        let hierarchy = bytes[authorityStart...].prefix(upTo: max(queryStart, authorityStart))
        let pathStart = hierarchy.firstIndex(of: UInt8(ascii: "/")) ?? hierarchy.endIndex
        path = String(text[pathStart..<hierarchy.endIndex])
        query = String(text[hierarchy.endIndex..<max(fragment, hierarchy.endIndex)])

        var authority = hierarchy[..<pathStart]
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            userInfo = String(text[authority.startIndex..<at])
            authority = authority[authority.index(after: at)...]
        } else {
            userInfo = nil
        }

        let hostEnd: String.Index
        if authority.first == UInt8(ascii: "[") {
            guard let bracket = authority.firstIndex(of: UInt8(ascii: "]")) else {
                throw Unusable(problem: "has an IPv6 address without its closing bracket")
            }
            hostEnd = authority.index(after: bracket)
        } else {
            hostEnd = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
        }
        host = String(text[authority.startIndex..<hostEnd])
        guard !host.isEmpty, host != "[]" else { throw Unusable(problem: "names no host") }

        let afterHost = text[hostEnd..<authority.endIndex]
        if afterHost.isEmpty || afterHost == ":" {
            port = nil
        } else {
            guard afterHost.utf8.first == UInt8(ascii: ":"), let number = UInt16(afterHost.dropFirst()), number > 0
            else { throw Unusable(problem: "has a port that is no number from 1 to 65535") }
            port = number
        }
    }

    /// The host and, where the URL names one, the port: what a `Host` field says.
    var hostAndPort: String { port.map { "\(host):\($0)" } ?? host }

    /// The host without the brackets of an IPv6 address.
    var bareHost: String { host.utf8.first == UInt8(ascii: "[") ? String(host.dropFirst().dropLast()) : host }

    var effectivePort: UInt16 { port ?? (isEncrypted ? 443 : 80) }

    /// Scheme, host, port and path: what an error may show.
    var redacted: String { "\(isEncrypted ? "https" : "http")://\(hostAndPort)\(path)" }

    /// The whole URL, but for another host.
    func text(host: String) -> String {
        let credentials = userInfo.map { "\($0)@" } ?? ""
        let bracketed =
            host.utf8.contains(UInt8(ascii: ":")) && host.utf8.first != UInt8(ascii: "[") ? "[\(host)]" : host
        return
            "\(isEncrypted ? "https" : "http")://\(credentials)\(bracketed)\(port.map { ":\($0)" } ?? "")\(path)\(query)"
    }

    /// What an error may show of a text that is no usable URL: nothing before its last `@`, where a password with
    /// reserved characters could stand, nothing from a `?` or `#` on, no control characters, not more than a line.
    static func redacted(unusable text: String) -> String {
        let shown = text.unicodeScalars
        let start = shown.lastIndex(of: "@").map { shown.index(after: $0) } ?? shown.startIndex
        let safe = shown[start...].prefix { $0 != "?" && $0 != "#" }.lazy.filter {
            $0.value >= 0x20 && $0.value != 0x7f
        }
        return String(String.UnicodeScalarView(safe.prefix(200)))
    }

    private static func end(of prefix: String, in bytes: String.UTF8View) -> String.Index? {
        guard let end = bytes.index(bytes.startIndex, offsetBy: prefix.utf8.count, limitedBy: bytes.endIndex),
            zip(bytes, prefix.utf8).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 })
        else { return nil }
        return end
    }
}
