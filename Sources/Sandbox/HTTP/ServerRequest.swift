/// A request as a server receives it, with its whole body.
package struct ServerRequest: Sendable {
    /// Upper case, as sent.
    package let method: String
    /// The request target as sent: path and query, still percent-encoded.
    package let target: String
    /// The part of `target` before `?`, still percent-encoded.
    package let path: String
    /// In order, decoded; a name without `=` has an empty value.
    package let query: [QueryItem]
    package let headers: HeaderFields
    package let body: [UInt8]
    /// Tells connections apart, in the order they were accepted.
    package let connection: Int
    package let isSecure: Bool

    package struct QueryItem: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package init(
        method: String,
        target: String,
        headers: HeaderFields,
        body: [UInt8],
        connection: Int = 0,
        isSecure: Bool = false
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.connection = connection
        self.isSecure = isSecure
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query =
            parts.count < 2
            ? []
            : parts[1].split(separator: "&").map { item in
                let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return QueryItem(
                    name: percentDecoded(pair[0], plusIsSpace: true),
                    value: pair.count < 2 ? "" : percentDecoded(pair[1], plusIsSpace: true)
                )
            }
    }

    /// The path's segments, decoded, without the empty ones.
    package var segments: [String] {
        path.split(separator: "/").map { percentDecoded($0, plusIsSpace: false) }
    }

    /// The first value of a query parameter; empty for a name without `=`.
    package func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }
}

/// Decodes `%xx`; an incomplete or malformed escape stays as it is.
package func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool) -> String {
    let bytes = Array(text.utf8)
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
        let byte = bytes[index]
        if byte == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
            let low = hexValue(bytes[index + 2])
        {
            decoded.append(high << 4 | low)
            index += 3
        } else {
            decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            index += 1
        }
    }
    return String(decoding: decoded, as: UTF8.self)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
