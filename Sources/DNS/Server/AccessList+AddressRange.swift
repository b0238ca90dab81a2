package import DNSCore
package import ServiceCatalog

extension AccessList {
    package init(_ ranges: [AddressRange]) {
        self.init(ranges.map { Range(first: ClientAddress($0.first), length: $0.length) })
    }
}
