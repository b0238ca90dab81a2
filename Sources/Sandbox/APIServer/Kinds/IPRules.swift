internal import Glibc

/// Rules for addresses in endpoints and Services.
enum IPRules {
    /// What is wrong with an address of either family, or `nil`.
    static func problem(_ text: String) -> String? {
        if hasLeadingZeros(text) { return "must not have leading 0s" }
        return bytes(text) == nil ? "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)" : nil
    }

    static func isIPv4(_ text: String) -> Bool { bytes(text)?.count == 4 }

    static func isIPv6(_ text: String) -> Bool { bytes(text)?.count == 16 }

    /// Addresses no endpoint may have.
    static func specialRange(_ text: String) -> String? {
        guard let bytes = bytes(text) else { return nil }
        if bytes.allSatisfy({ $0 == 0 }) { return "may not be unspecified (0.0.0.0 or ::)" }
        let isIPv4 = bytes.count == 4
        if isIPv4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy({ $0 == 0 }) && bytes.last == 1 {
            return "may not be in the loopback range (127.0.0.0/8, ::1/128)"
        }
        if isIPv4 ? bytes.starts(with: [169, 254]) : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80 {
            return "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        }
        if isIPv4 ? bytes.starts(with: [224, 0, 0]) : bytes[0] == 0xFF && bytes[1] & 0x0F == 2 {
            return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        }
        return nil
    }

    /// 4 or 16 bytes, most significant first; octets with leading zeros are read as decimal.
    static func bytes(_ text: String) -> [UInt8]? {
        if text.utf8.contains(UInt8(ascii: ":")) {
            var address = in6_addr()
            guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
            return withUnsafeBytes(of: &address) { Array($0) }
        }
        var octets: [UInt8] = []
        for part in text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...3).contains(part.count), part.allSatisfy(isDigit) else { return nil }
            guard let octet = UInt8(exactly: part.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }) else {
                return nil
            }
            octets.append(octet)
        }
        return octets.count == 4 ? octets : nil
    }

    static func text(_ bytes: [UInt8]) -> String {
        guard bytes.count == 16 else { return bytes.map { "\($0)" }.joined(separator: ".") }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = bytes.withUnsafeBytes { inet_ntop(AF_INET6, $0.baseAddress, &buffer, socklen_t(buffer.count)) }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    static func hasLeadingZeros(_ text: String) -> Bool {
        !text.utf8.contains(UInt8(ascii: ":"))
            && text.utf8.split(separator: UInt8(ascii: ".")).contains { part in
                part.count > 1 && part.first == UInt8(ascii: "0") && part.allSatisfy(isDigit)
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
