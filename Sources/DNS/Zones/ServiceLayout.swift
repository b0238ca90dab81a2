import DNSCore
import ServiceCatalog

/// How a zone shows one service, before the names below it are spelt out.
///
/// Cheap to make: the layouts of a service before and after a change are compared, and only what differs becomes names
/// and records. All schemas draw their services as this; they differ in names and in what they let in.
struct ServiceLayout {
    /// What the service's own name holds.
    enum Face: Equatable {
        /// Addresses and ports of the endpoints.
        case endpoints
        /// Addresses and ports of the service itself.
        case addresses([IPAddress], [Offer])
        /// Another name, which stands for all of it.
        case alias(DomainName)
    }

    /// A port as SRV records tell it.
    struct Offer: Equatable {
        var port: UInt16
        /// Which of ``portOwners`` lists it; `nil` for a port without a name.
        var owner: Int?
        /// What is spoken there, where SVCB records can tell.
        var scheme: ServiceScheme?
    }

    /// Whose name an endpoint goes by. Without references, as most are addresses; see ``order(of:to:in:)``.
    enum HostKey {
        /// The dashed address before the site with that index.
        case address(site: Int, IPAddress)
        /// One of ``givenLabels`` before the site.
        case given(site: Int, Int)
        /// One of ``foreignNames``, which only SRV records can point to.
        case foreign(Int)
    }

    /// An endpoint that the zone shows. Without references, so that the many of a large service are walked cheaply.
    struct Backend {
        /// `nil` behind a foreign name.
        let address: IPAddress?
        let priority: UInt16
        /// What the data says; `nil` leaves an equal share.
        let weight: UInt16?
        /// Listed last in SRV records, and in address records only when there is nothing better.
        let isLastResort: Bool
        /// In ``offers``.
        let offers: Range<Int>
        /// In the list of endpoints it came from.
        let source: Int
        /// In ``hosts``, once sealed.
        fileprivate(set) var host = 0
    }

    /// A host name and the backends that go by it.
    struct Host {
        let key: HostKey
        /// In ``members``, in the order of their addresses.
        let members: Range<Int>
    }

    /// The service's own name.
    let name: DomainName
    /// The names that host labels are put before.
    let sites: [DomainName]
    let ttl: UInt32
    var face = Face.endpoints
    /// The weight of records that point to the service itself.
    var weight: UInt16?
    /// Whether a host name lists its own ports, as CoreDNS does in cluster zones.
    var hostsOfferPorts = false
    /// The strings of the `_grpc_config` record.
    var grpcConfig: [[UInt8]]?
    /// In the order in which records are kept when not all fit.
    private(set) var backends: [Backend] = []
    /// Whose names ``backends`` go by, until sealed.
    private var keys: [HostKey] = []
    /// Labels of hosts that are not named by an address.
    private(set) var givenLabels: [String] = []
    /// Names from elsewhere.
    private(set) var foreignNames: [DomainName] = []
    private(set) var offers: [Offer] = []
    /// The `_port._protocol` names.
    private(set) var portOwners: [DomainName] = []
    /// Ordered by key, foreign ones last.
    private(set) var hosts: [Host] = []
    /// Indices of backends, those of one host together.
    private(set) var members: [Int] = []

    init(name: DomainName, sites: [DomainName], ttl: UInt32) {
        self.name = name
        self.sites = sites
        self.ttl = ttl
    }

    /// False when the zone has no name for the service.
    var exists: Bool {
        switch face {
        case .endpoints: backends.contains { $0.address != nil || !$0.offers.isEmpty }
        case .addresses, .alias: true
        }
    }

    /// The name all instances go by, if there are no addresses and no other names: a registry's service is an alias of it
    /// then, for clients that ask for addresses alone. A name has one CNAME record at most (RFC 1034 section 3.6.2).
    var onlyForeignName: DomainName? {
        guard hosts.count == 1, case .foreign(let index) = hosts[0].key else { return nil }
        return foreignNames[index]
    }
}

// MARK: - Making

extension ServiceLayout {
    mutating func reserveCapacity(_ count: Int) {
        backends.reserveCapacity(count)
        keys.reserveCapacity(count)
    }

    /// Adds offers for what a slice of endpoints listens on.
    mutating func add(_ ports: some Collection<Offer>) -> Range<Int> {
        let start = offers.count
        offers.append(contentsOf: ports)
        return start..<offers.count
    }

    /// Adds a backend with a name in the zone.
    mutating func add(_ backend: Backend, site: Int, label: HostLabel) {
        backends.append(backend)
        switch label {
        case .dashed(let address): keys.append(.address(site: site, address))
        case .given(let text):
            keys.append(.given(site: site, givenLabels.count))
            givenLabels.append(text)
        }
    }

    /// Adds a backend behind a name from elsewhere.
    mutating func add(_ backend: Backend, foreign name: DomainName) {
        backends.append(backend)
        keys.append(.foreign(foreignNames.count))
        foreignNames.append(name)
    }

    /// Puts the backends in their final order and finds the hosts.
    ///
    /// - Parameter pod: names the workload behind a backend, by its site and ``Backend/source``, so that of a workload with
    ///   addresses of both families either both or none are cut off when records do not fit.
    mutating func seal(portOwners: [DomainName], pod: (_ site: Int, _ source: Int) -> String?) {
        self.portOwners = portOwners
        arrange(pod: pod)
        findHosts()
        keys = []
    }

    private mutating func arrange(pod: (_ site: Int, _ source: Int) -> String?) {
        var families: (v4: Bool, v6: Bool) = (false, false)
        var isOrdered = true
        for index in backends.indices {
            switch backends[index].address {
            case .v4: families.v4 = true
            case .v6: families.v6 = true
            case nil: break
            }
            if index > 0, backends[index - 1].priority > backends[index].priority { isOrdered = false }
        }
        if !isOrdered { arrange(backends.indices.sorted { backends[$0].priority < backends[$1].priority }) }
        guard families.v4, families.v6 else { return }

        struct Pod: Hashable {
            let site: Int
            let name: String
        }
        func identify(_ index: Int) -> Pod? {
            guard let site = keys[index].site, let name = pod(site, backends[index].source) else { return nil }
            return Pod(site: site, name: name)
        }
        var rankOfPod: [Pod: Int] = [:]
        for index in backends.indices where backends[index].address?.isIPv4 == true {
            if let pod = identify(index), rankOfPod[pod] == nil { rankOfPod[pod] = index }
        }
        let ranks = backends.indices.map { index in
            let isIPv4 = backends[index].address?.isIPv4 == true
            let rank = isIPv4 ? index : identify(index).flatMap { rankOfPod[$0] } ?? .max
            return (backends[index].priority, isIPv4 ? 0 : 1, rank)
        }
        arrange(backends.indices.sorted { ranks[$0] < ranks[$1] })
    }

    private mutating func arrange(_ order: [Int]) {
        backends = order.map { backends[$0] }
        keys = order.map { keys[$0] }
    }

    private mutating func findHosts() {
        members = hostOrder()
        hosts = hosts(of: members)
        for host in hosts.indices {
            for member in hosts[host].members { backends[members[member]].host = host }
        }
    }

    /// The indices of backends by host, then address.
    private func hostOrder() -> [Int] {
        func isBefore(_ left: Int, _ right: Int) -> Bool {
            let names = order(of: keys[left], to: keys[right], in: self)
            guard names == 0 else { return names < 0 }
            guard let address = backends[left].address, let other = backends[right].address else { return false }
            return address < other
        }
        let indices = backends.indices
        let isOrdered = !indices.dropFirst().contains { isBefore($0, $0 - 1) }
        return isOrdered ? Array(indices) : indices.sorted(by: isBefore)
    }

    private func hosts(of members: [Int]) -> [Host] {
        var hosts: [Host] = []
        hosts.reserveCapacity(members.count)
        var start = 0
        for place in members.indices {
            let next = place + 1
            if next < members.count, order(of: keys[members[place]], to: keys[members[next]], in: self) == 0 {
                continue
            }
            hosts.append(Host(key: keys[members[place]], members: start..<next))
            start = next
        }
        return hosts
    }
}

extension ServiceLayout.Backend {
    init(
        address: IPAddress?,
        priority: UInt16,
        weight: UInt16?,
        isLastResort: Bool,
        offers: Range<Int>,
        source: Int
    ) {
        self.address = address
        self.priority = priority
        self.weight = weight
        self.isLastResort = isLastResort
        self.offers = offers
        self.source = source
    }
}

// MARK: - Host keys

extension ServiceLayout.HostKey {
    /// `nil` for a name from elsewhere.
    var site: Int? {
        switch self {
        case .address(let site, _), .given(let site, _): site
        case .foreign: nil
        }
    }
}

extension ServiceLayout {
    /// Below zero when a key of this layout comes before one of `other`, zero when they are the same.
    @inline(__always)
    func order(of key: HostKey, to otherKey: HostKey, in other: borrowing ServiceLayout) -> Int {
        if case .address(let site, let address) = key, case .address(let otherSite, let otherAddress) = otherKey {
            return site != otherSite ? site - otherSite : address == otherAddress ? 0 : address < otherAddress ? -1 : 1
        }
        return orderOfNamed(key, to: otherKey, in: other)
    }

    @inline(never)
    private func orderOfNamed(_ key: HostKey, to otherKey: HostKey, in other: borrowing ServiceLayout) -> Int {
        func order<T: Equatable>(_ left: T, _ right: T, by isBefore: (T, T) -> Bool) -> Int {
            left == right ? 0 : isBefore(left, right) ? -1 : 1
        }
        if let site = key.site, let otherSite = otherKey.site, site != otherSite { return site - otherSite }
        return switch (key, otherKey) {
        case (.address(_, let address), .address(_, let otherAddress)): order(address, otherAddress, by: <)
        case (.given(_, let label), .given(_, let otherLabel)):
            order(givenLabels[label], other.givenLabels[otherLabel], by: <)
        case (.foreign(let name), .foreign(let otherName)):
            order(foreignNames[name], other.foreignNames[otherName]) { $0.wire.lexicographicallyPrecedes($1.wire) }
        case (.address, _), (.given, .foreign): -1
        case (_, .address), (.foreign, .given): 1
        }
    }
}
