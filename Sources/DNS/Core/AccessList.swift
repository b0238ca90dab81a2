/// Who may ask: the addresses in any of some ranges.
package struct AccessList: Hashable, Sendable {
    /// The addresses of one family that share leading bits.
    package struct Range: Hashable, Sendable {
        fileprivate let first: ClientAddress
        fileprivate let mask: ClientAddress

        /// - Parameter length: how many leading bits of the address count, up to 32 for IPv4, up to 128 for IPv6.
        package init(first: ClientAddress, length: Int) {
            let length = first.isIPv4 ? length + 96 : length
            let bits = ~UInt128(0) << UInt128(128 - length)
            mask = ClientAddress(high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits))
            self.first = first
        }

        @inline(__always)
        fileprivate func contains(_ client: ClientAddress) -> Bool {
            (client.high ^ first.high) & mask.high | (client.low ^ first.low) & mask.low == 0
                // An IPv6 range that holds all IPv4-mapped addresses does not mean them.
                && client.isIPv4 == first.isIPv4
        }
    }

    package let ranges: [Range]

    package init(_ ranges: [Range]) { self.ranges = ranges }

    /// The ranges at a place in memory that whoever reads them knows to stay.
    struct View {
        let ranges: UnsafePointer<Range>
        let count: Int

        @inline(__always)
        func contains(_ client: ClientAddress) -> Bool {
            for index in 0..<count where ranges[index].contains(client) { return true }
            return false
        }
    }
}
