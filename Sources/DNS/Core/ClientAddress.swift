/// Where a query comes from, in one form for both families: an IPv4 address stands as IPv4-mapped IPv6 (RFC 4291 section
/// 2.5.5.2).
package struct ClientAddress: Hashable, Sendable {
    /// The first and the last eight octets.
    package var high: UInt64
    package var low: UInt64

    @inline(__always)
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inline(__always)
    package init(ipv4 address: UInt32) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(address))
    }

    package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }
}
