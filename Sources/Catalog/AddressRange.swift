/// The addresses of one family that share their leading bits (RFC 4632, RFC 4291 section 2.3).
package struct AddressRange: Hashable, Sendable {
    /// The first address: all bits after `length` are zero.
    package let first: IPAddress
    /// How many leading bits are shared: up to 32 for IPv4, up to 128 for IPv6.
    package let length: Int

    /// Reads `10.96.0.0/12`, `2001:db8::/32`, or a single address.
    package init(_ text: String) throws(AddressRangeError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else { throw .notARange(text) }
        var length = address.width
        if parts.count == 2 {
            let isDecimal = parts[1].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard isDecimal, parts[1].utf8.count <= 3, let number = Int(parts[1]), number <= address.width else {
                throw .notARange(text)
            }
            length = number
        }
        let hostBits = UInt128(address.width - length)
        let first = address.withBits((address.bits >> hostBits) << hostBits)
        guard first == address else { throw .pastTheStart(text, start: "\(first)/\(length)") }
        self.first = first
        self.length = length
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == first.isIPv4 && (address.bits ^ first.bits) >> UInt128(first.width - length) == 0
    }
}

extension AddressRange: CustomStringConvertible {
    package var description: String { "\(first)/\(length)" }
}

/// Why a text is no address range.
package enum AddressRangeError: Error, Hashable, CustomStringConvertible {
    case notARange(String)
    /// Bits after the prefix are set.
    case pastTheStart(String, start: String)

    package var description: String {
        switch self {
        case .notARange(let text):
            "\"\(text)\" is not an address range; write it as 10.96.0.0/12, 2001:db8::/32 or a single address"
        case .pastTheStart(let text, let start):
            "\"\(text)\" does not begin at its first address; did you mean \(start)?"
        }
    }
}

extension IPAddress {
    /// The address as a number, an IPv4 address in the low 32 bits.
    package var bits: UInt128 {
        switch self {
        case .v4(let address): UInt128(address)
        case .v6(let high, let low): UInt128(high) << 64 | UInt128(low)
        }
    }

    /// The address of the same family with other bits.
    package func withBits(_ bits: UInt128) -> IPAddress {
        isIPv4
            ? .v4(UInt32(truncatingIfNeeded: bits))
            : .v6(high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits))
    }

    /// How many bits the address has: 32 or 128.
    package var width: Int { isIPv4 ? 32 : 128 }
}
