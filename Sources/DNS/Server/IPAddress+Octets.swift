import ServiceCatalog

extension IPAddress {
    /// 4 or 16 octets in network order.
    var octets: [UInt8] {
        switch self {
        case .v4(let address):
            return (0..<4).map { UInt8(truncatingIfNeeded: address >> UInt32(24 - 8 * $0)) }
        case .v6(let high, let low):
            return [high, low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) }
            }
        }
    }
}
