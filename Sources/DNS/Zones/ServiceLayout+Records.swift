import DNSCore
import ServiceCatalog

/// What the names of a service hold.
extension ServiceLayout {
    /// What an SRV record will say, its target not yet spelt out.
    struct Entry {
        let priority: UInt16
        let weight: UInt16?
        let isLastResort: Bool
        let port: UInt16
        /// In ``ServiceLayout/hosts``; `nil` for the service itself.
        let host: Int?
        /// How many addresses it stands for.
        var addresses = 1
    }

    // MARK: Names

    /// The spelt-out names of all hosts, by index.
    func hostNames() -> [DomainName] { hosts.indices.map { hostName($0) } }

    func hostName(_ index: Int) -> DomainName {
        switch hosts[index].key {
        // A label that does not fit before its site was refused when the backend was added.
        case .address(let site, let address): HostLabel.dashed(address).name(under: sites[site])!
        case .given(let site, let label): HostLabel.given(givenLabels[label]).name(under: sites[site])!
        case .foreign(let name): foreignNames[name]
        }
    }

    static let grpcConfigLabel = "_grpc_config"
    /// The most a set can hold; far more than any message.
    static let maximumRecords = 65_535

    // MARK: Addresses

    /// The addresses at the service's own name, each once.
    func addresses() -> [IPAddress] {
        switch face {
        case .alias: return []
        case .addresses(let addresses, _): return Self.distinct(addresses)
        case .endpoints:
            let hasBetter = backends.contains { !$0.isLastResort && $0.address != nil }
            var addresses: [IPAddress] = []
            addresses.reserveCapacity(backends.count)
            for index in backends.indices where !(hasBetter && backends[index].isLastResort) {
                if let address = backends[index].address { addresses.append(address) }
            }
            return Self.distinct(addresses)
        }
    }

    /// The addresses of a host in their order, each once.
    @inline(__always)
    func forEachAddress(of host: Int, _ body: (IPAddress) -> Void) {
        var last: IPAddress?
        for member in hosts[host].members {
            guard let address = backends[members[member]].address, address != last else { continue }
            body(address)
            last = address
        }
    }

    /// Drops repetitions and keeps the order.
    private static func distinct(_ addresses: [IPAddress]) -> [IPAddress] {
        if zip(addresses, addresses.dropFirst()).allSatisfy({ $0 < $1 }) { return addresses }
        var seen: Set<IPAddress> = []
        return addresses.filter { seen.insert($0).inserted }
    }

    @inline(__always)
    private func appendAddressSets(to sets: inout [RecordSet], _ forEachAddress: ((IPAddress) -> Void) -> Void) {
        var v4: [RecordData] = []
        var v6: [RecordData] = []
        forEachAddress { address in
            switch address {
            case .v4(let address): v4.append(.a(address))
            case .v6(let high, let low): v6.append(.aaaa(high: high, low: low))
            }
        }
        if !v4.isEmpty { sets.append(RecordSet(type: .a, ttl: ttl, data: v4)) }
        if !v6.isEmpty { sets.append(RecordSet(type: .aaaa, ttl: ttl, data: v6)) }
    }

    // MARK: Ports

    /// The SRV records of a `_port._protocol` name, or with `nil` those of the service's own name: all its ports.
    func entries(of owner: Int?) -> [Entry] {
        switch face {
        case .alias where owner == nil: return []
        case .addresses(let addresses, let offers):
            return offers.compactMap { offer in
                guard owner == nil || offer.owner == owner else { return nil }
                return Entry(
                    priority: 0,
                    weight: weight,
                    isLastResort: false,
                    port: offer.port,
                    host: nil,
                    addresses: addresses.count
                )
            }
        case .endpoints, .alias:
            var entries: [Entry] = []
            entries.reserveCapacity(backends.count)
            for index in backends.indices { append(backends[index], owner: owner, to: &entries) }
            return entries
        }
    }

    /// Whether a `_port._protocol` name has records.
    func hasEntries(of owner: Int) -> Bool {
        if case .addresses(_, let offers) = face { return offers.contains { $0.owner == owner } }
        return backends.contains { offers[$0.offers].contains { $0.owner == owner } }
    }

    /// True when the service's own name and its only `_port._protocol` name list the same.
    var hasOnlyPort: Bool {
        guard portOwners.count == 1 else { return false }
        return switch face {
        case .alias: false
        case .addresses(_, let offers): offers.allSatisfy { $0.owner == 0 }
        case .endpoints: offers.allSatisfy { $0.owner == 0 }
        }
    }

    func entries(ofHost host: Int) -> [Entry] {
        var entries: [Entry] = []
        entries.reserveCapacity(hosts[host].members.count)
        for member in hosts[host].members { append(backends[members[member]], owner: nil, to: &entries) }
        return entries
    }

    @inline(__always)
    private func append(_ backend: Backend, owner: Int?, to entries: inout [Entry]) {
        for index in backend.offers where owner == nil || offers[index].owner == owner {
            entries.append(
                Entry(
                    priority: backend.priority,
                    weight: backend.weight,
                    isLastResort: backend.isLastResort,
                    port: offers[index].port,
                    host: backend.host
                )
            )
        }
    }

    /// Where no weight is known, records of one priority share 100 equally, as with CoreDNS: each address of a service
    /// counts, even where two make one record. Where one is known, those without count as 1, what registries default
    /// to. Last resorts have 0.
    private func serviceRecords(_ entries: ArraySlice<Entry>, target: (Int?) -> DomainName) -> [RecordData] {
        if entries.count == 1, let entry = entries.first {
            let weight = entry.isLastResort ? 0 : entry.weight ?? Self.share(of: entry.addresses)
            return [.srv(priority: entry.priority, weight: weight, port: entry.port, target: target(entry.host))]
        }
        let isWeighted = entries.contains { $0.weight != nil }
        var counts: [(priority: UInt16, count: Int)] = []
        for entry in entries {
            if let index = counts.firstIndex(where: { $0.priority == entry.priority }) {
                counts[index].count += entry.addresses
            } else {
                counts.append((entry.priority, entry.addresses))
            }
        }
        let shares = counts.map { (priority: $0.priority, share: Self.share(of: $0.count)) }
        var seen: Set<Int>? = areDistinct(entries) ? nil : []

        var records: [RecordData] = []
        records.reserveCapacity(entries.count)
        for entry in entries where seen?.insert(((entry.host ?? -1) + 1) << 16 | Int(entry.port)).inserted != false {
            let weight: UInt16 =
                if entry.isLastResort {
                    0
                } else if isWeighted {
                    entry.weight ?? 1
                } else {
                    shares.first { $0.priority == entry.priority }!.share
                }
            records.append(
                .srv(priority: entry.priority, weight: weight, port: entry.port, target: target(entry.host))
            )
        }
        return records
    }

    /// True when no two entries can have one target and port. Entries of one backend stand together.
    private func areDistinct(_ entries: ArraySlice<Entry>) -> Bool {
        let hasHostsOfOne = hosts.count == backends.count
        return zip(entries, entries.dropFirst()).allSatisfy { left, right in
            left.host == right.host ? left.port < right.port : hasHostsOfOne || (left.host ?? -1) < (right.host ?? -1)
        }
    }

    private static func share(of count: Int) -> UInt16 { UInt16(max(1, 100 / count)) }

    // MARK: Sets

    /// What the service's own name holds, SRV records aside.
    var faceSets: [RecordSet] {
        if case .alias(let target) = face { return [RecordSet(type: .cname, ttl: ttl, data: [.cname(target)])] }
        var sets: [RecordSet] = []
        appendAddressSets(to: &sets) { addresses().prefix(Self.maximumRecords).forEach($0) }
        return sets
    }

    /// The SRV set of `entries`; none when there are none.
    func portSets(_ entries: [Entry], hostNames: [DomainName]) -> [RecordSet] {
        let data = serviceRecords(entries.prefix(Self.maximumRecords)) { $0.map { hostNames[$0] } ?? name }
        return data.isEmpty ? [] : [RecordSet(type: .srv, ttl: ttl, data: data)]
    }

    /// What the name of a host holds.
    func hostSets(_ host: Int, name: DomainName) -> [RecordSet] {
        var sets: [RecordSet] = []
        sets.reserveCapacity(hostsOfferPorts ? 2 : 1)
        appendAddressSets(to: &sets) { forEachAddress(of: host, $0) }
        guard hostsOfferPorts else { return sets }
        let data = serviceRecords(entries(ofHost: host)[...]) { _ in name }
        if !data.isEmpty { sets.append(RecordSet(type: .srv, ttl: ttl, data: data)) }
        return sets
    }

    /// The name of the `_grpc_config` record, when there is one.
    var grpcConfigOwner: DomainName? { grpcConfig == nil ? nil : name.prefixed(by: Self.grpcConfigLabel) }

    var grpcConfigSets: [RecordSet] {
        grpcConfig.map { [RecordSet(type: .txt, ttl: ttl, data: [.txt($0)])] } ?? []
    }
}
