package import DNSCore
package import ServiceCatalog

/// A zone of reverse names (RFC 1035 section 3.5, RFC 3596 section 2.5) and the addresses whose names stand in it.
package struct ReverseZone: Hashable, Sendable {
    package let name: DomainName
    /// The first address of the range.
    package let prefix: IPAddress
    /// Leading bits shared by all of them: a multiple of 8 up to 24 for IPv4, of 4 up to 124 for IPv6.
    package let length: Int

    private init(prefix: IPAddress, length: Int) {
        self.prefix = prefix
        self.length = length
        let octetsOfName: Int
        switch prefix {
        case .v4: octetsOfName = prefix.reverseName.wire.lengthOfLabels(4 - length / 8)
        case .v6: octetsOfName = (32 - length / 4) * 2
        }
        name = DomainName(uncheckedWire: Array(prefix.reverseName.wire[octetsOfName...]))
    }

    /// `in-addr.arpa` and `ip6.arpa`: every address, as the DNS of a cluster usually has it.
    package static let all = [
        ReverseZone(prefix: .v4(0), length: 0), ReverseZone(prefix: .v6(high: 0, low: 0), length: 0),
    ]

    package func contains(_ address: IPAddress) -> Bool {
        switch (prefix, address) {
        case (.v4(let prefix), .v4(let address)): (prefix ^ address) >> UInt32(32 - length) == 0
        case (.v6, .v6): (prefix.bits ^ address.bits) >> UInt128(128 - length) == 0
        default: false
        }
    }

    /// The zones that together hold exactly the addresses of `cidr`: one where the prefix ends between labels, else the
    /// 2 to 128 next below.
    package static func covering(_ cidr: String) throws(ReverseRangeError) -> [ReverseZone] {
        let range: AddressRange
        do {
            range = try AddressRange(cidr)
        } catch {
            throw .invalid(error)
        }
        let (prefix, length) = (range.first, range.length)
        guard length <= prefix.longestZonePrefix else { throw .tooNarrow(cidr, longest: prefix.longestZonePrefix) }
        let step = prefix.bitsPerLabel
        let zoneLength = (length + step - 1) / step * step
        return (0..<(1 << (zoneLength - length))).map { index in
            let offset = UInt128(index) << UInt128(prefix.width - zoneLength)
            return ReverseZone(prefix: prefix.withBits(prefix.bits | offset), length: zoneLength)
        }
    }
}

/// Why a text is no range for reverse zones.
package enum ReverseRangeError: Error, Hashable, CustomStringConvertible {
    case invalid(AddressRangeError)
    case tooNarrow(String, longest: Int)

    package var description: String {
        switch self {
        case .invalid(let error):
            "reverse range \(error)"
        case .tooNarrow(let text, let longest):
            "reverse range \"\(text)\" is too narrow for a zone of its own; use a prefix of at most /\(longest)"
        }
    }
}

// MARK: - Reverse names

extension IPAddress {
    /// The name whose PTR records tell what the address belongs to.
    var reverseName: DomainName {
        switch self {
        case .v4(let address): Self.reverseName(v4: address)
        case .v6(let high, let low): Self.reverseName(v6: UInt128(high) << 64 | UInt128(low))
        }
    }

    private static func reverseName(v4 address: UInt32) -> DomainName {
        let suffix: StaticString = "\u{7}in-addr\u{4}arpa\u{0}"
        var length = suffix.utf8CodeUnitCount
        for shift in stride(from: UInt32(0), through: 24, by: 8) {
            let octet = address >> shift & 0xff
            length += octet >= 100 ? 4 : octet >= 10 ? 3 : 2
        }
        let wire = [UInt8](unsafeUninitializedCapacity: length) { wire, count in
            for shift in stride(from: UInt32(0), through: 24, by: 8) {
                let digits = wire.writeDecimal(UInt8(truncatingIfNeeded: address >> shift), at: count + 1)
                wire[count] = UInt8(digits)
                count += 1 + digits
            }
            count += wire.write(suffix, at: count)
        }
        return DomainName(uncheckedWire: wire)
    }

    private static func reverseName(v6 address: UInt128) -> DomainName {
        let suffix: StaticString = "\u{3}ip6\u{4}arpa\u{0}"
        let wire = [UInt8](unsafeUninitializedCapacity: 64 + suffix.utf8CodeUnitCount) { wire, count in
            for nibble in 0..<32 {
                wire[2 * nibble] = 1
                wire[2 * nibble + 1] = hexDigit(UInt8(truncatingIfNeeded: address >> UInt128(nibble * 4)) & 0xf)
            }
            count = 64 + wire.write(suffix, at: 64)
        }
        return DomainName(uncheckedWire: wire)
    }

    fileprivate var bitsPerLabel: Int { isIPv4 ? 8 : 4 }
    /// One label must be left for the addresses: a PTR record at the apex would not be theirs alone.
    fileprivate var longestZonePrefix: Int { width - bitsPerLabel }
}

extension UnsafeMutableBufferPointer<UInt8> {
    @inline(__always)
    fileprivate func write(_ text: StaticString, at index: Int) -> Int {
        let bytes = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        _ = UnsafeMutableBufferPointer(rebasing: self[index...]).update(fromContentsOf: bytes)
        return bytes.count
    }
}

extension [UInt8] {
    /// How many octets the first `count` labels of a wire name take.
    fileprivate func lengthOfLabels(_ count: Int) -> Int {
        (0..<count).reduce(0) { offset, _ in offset + 1 + Int(self[offset]) }
    }
}
