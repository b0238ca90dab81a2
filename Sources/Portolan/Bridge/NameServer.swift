internal import DNSCore
internal import Glibc
internal import ServiceCatalog

/// The name under which the zones say they are served, as a cluster's DNS does: `ns.dns.<zone>`.
struct NameServer: Equatable {
    let name: DomainName
    let mailbox: DomainName
    let addresses: [IPAddress]

    /// - Parameter addresses: where queries are answered. An unspecified address stands for those of the host.
    init(for zone: DomainName, addresses: [IPAddress]) {
        name = zone.prefixed(by: "dns").flatMap { $0.prefixed(by: "ns") } ?? zone
        mailbox = zone.prefixed(by: "hostmaster") ?? zone
        var found: [IPAddress] = []
        for address in addresses {
            let isUnspecified = address == .v4(0) || address == .v6(high: 0, low: 0)
            let all = isUnspecified ? Self.hostAddresses().filter { $0.isIPv4 == address.isIPv4 } : [address]
            for address in all where !found.contains(address) { found.append(address) }
        }
        self.addresses = found.sorted()
    }

    /// The apex's NS record, and the addresses behind it where they lie in this zone.
    func records(in apex: DomainName, ttl: UInt32) -> [OwnerChange] {
        var changes: [OwnerChange] = []
        if name.isSubdomain(of: apex), !addresses.isEmpty {
            var a: [RecordData] = []
            var aaaa: [RecordData] = []
            for address in addresses {
                switch address {
                case .v4(let address): a.append(.a(address))
                case .v6(let high, let low): aaaa.append(.aaaa(high: high, low: low))
                }
            }
            let sets = [RecordSet(type: .a, ttl: ttl, data: a), RecordSet(type: .aaaa, ttl: ttl, data: aaaa)]
            changes.append(OwnerChange(owner: name, sets: sets.filter { !$0.data.isEmpty }))
        }
        changes.append(OwnerChange(owner: apex, sets: apexSets(ttl: ttl)))
        return changes
    }

    /// What an apex holds beside SOA and keys.
    func apexSets(ttl: UInt32) -> [RecordSet] { [RecordSet(type: .ns, ttl: ttl, data: [.ns(name)])] }

    /// The addresses of the interfaces that are up, without loopback and link-local ones.
    private static func hostAddresses() -> [IPAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var addresses: [IPAddress] = []
        var next = first
        while let interface = next {
            defer { next = interface.pointee.ifa_next }
            let flags = Int32(bitPattern: interface.pointee.ifa_flags)
            guard flags & Int32(IFF_UP) != 0, flags & Int32(IFF_LOOPBACK) == 0,
                let socketAddress = interface.pointee.ifa_addr
            else { continue }
            var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let isIPv4 = socketAddress.pointee.sa_family == UInt16(AF_INET)
            guard isIPv4 || socketAddress.pointee.sa_family == UInt16(AF_INET6) else { continue }
            let length = socklen_t(isIPv4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
            guard getnameinfo(socketAddress, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST) == 0,
                let end = host.firstIndex(of: 0),
                // A zone index, as link-local addresses have one, is no address for anyone else.
                let address = IPAddress(String(decoding: host[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self))
            else { continue }
            addresses.append(address)
        }
        return addresses
    }
}
