/// The address of an API server as configured: scheme, host, port and an optional path prefix.
enum ServerURL {
    struct Mistake: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    /// `text` with its scheme in lower case and no trailing slash.
    static func normalized(_ text: String, defaultScheme: String) throws(Mistake) -> String {
        var scheme = defaultScheme
        var rest = text[...]
        if let marker = firstRange(of: "://", in: text) {
            scheme = text[..<marker.lowerBound].lowercased()
            rest = text[marker.upperBound...]
        }
        func mistake(_ problem: String) -> Mistake { Mistake(description: "is \"\(text)\", \(problem)") }

        guard ["http", "https"].contains(scheme) else { throw mistake("which is neither http:// nor https://") }
        guard !rest.contains("@") else {
            throw Mistake(description: "holds a user name; credentials belong under users")
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
            throw mistake("which has a query, a fragment or a space")
        }
        while rest.hasSuffix("/") { rest.removeLast() }
        let authority = rest.prefix { $0 != "/" }
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { throw mistake("whose [ has no ]") }
            let tail = authority[authority.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw mistake("which is no URL") }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard let host = parts.first, !host.isEmpty else { throw mistake("which names no host") }
            guard parts.count <= 2 else { throw mistake("which needs [ ] around its IPv6 address") }
            port = parts.count == 2 ? parts[1] : nil
        }
        if let port {
            guard let number = UInt16(port), number > 0 else { throw mistake("whose port is not a number up to 65535") }
        }
        return "\(scheme)://\(rest)"
    }

    private static func firstRange(of marker: String, in text: String) -> Range<String.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(marker) { return index..<text.index(index, offsetBy: marker.count) }
            index = text.index(after: index)
        }
        return nil
    }
}
