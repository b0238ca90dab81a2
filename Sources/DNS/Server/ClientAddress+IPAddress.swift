import DNSCore
import ServiceCatalog

extension ClientAddress {
    init(_ address: IPAddress) {
        switch address {
        case .v4(let address): self.init(ipv4: address)
        case .v6(let high, let low): self.init(high: high, low: low)
        }
    }
}
