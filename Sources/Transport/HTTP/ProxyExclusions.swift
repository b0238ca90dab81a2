import Glibc

/// The hosts `no_proxy` keeps from the proxy. libcurl applies the variable to the name in the URL it is given; this
/// applies it to the host really connected to where a TLS server name stands in its place.
struct ProxyExclusions: Sendable, Hashable {
    private let entries: [Substring]

    /// Names, addresses and address ranges (`10.0.0.0/8`) between commas or blanks; `*` stands for all hosts.
    init(_ list: String) {
        entries = list.split { $0 == "," || $0.isWhitespace }
    }

    /// `host` as in a URL, an IPv6 address without brackets.
    func contains(_ host: String) -> Bool {
        if let address = Address(host) {
            return entries.contains { entry in
                if entry == "*" { return true }
                let parts = entry.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
                let network = parts[0].first == "[" ? parts[0].dropFirst().dropLast() : parts[0]
                guard let base = Address(String(network)) else { return false }
                guard parts.count == 2 else { return base == address }
                return Int(parts[1]).map { address.isWithin(base, prefix: $0) } ?? false
            }
        }
        let name = Self.normal(host[...])
        return entries.contains { entry in
            if entry == "*" { return true }
            let suffix = Self.normal(entry.first == "." ? entry.dropFirst() : entry)
            return !suffix.isEmpty && (name == suffix || name.hasSuffix("." + suffix))
        }
    }

    private static func normal(_ name: Substring) -> String {
        (name.last == "." ? name.dropLast() : name).lowercased()
    }

    /// An address as its bytes in network order.
    private struct Address: Equatable {
        let bytes: [UInt8]

        init?(_ text: String) {
            var v4 = in_addr()
            var v6 = in6_addr()
            if inet_pton(AF_INET, text, &v4) == 1 {
                bytes = withUnsafeBytes(of: v4) { Array($0) }
            } else if inet_pton(AF_INET6, text, &v6) == 1 {
                bytes = withUnsafeBytes(of: v6) { Array($0) }
            } else {
                return nil
            }
        }

        func isWithin(_ base: Address, prefix: Int) -> Bool {
            guard bytes.count == base.bytes.count, (0...bytes.count * 8).contains(prefix) else { return false }
            return bytes.indices.allSatisfy { index in
                let kept = min(max(prefix - index * 8, 0), 8)
                let mask = UInt8(truncatingIfNeeded: 0xff00 >> kept)
                return (bytes[index] ^ base.bytes[index]) & mask == 0
            }
        }
    }
}
