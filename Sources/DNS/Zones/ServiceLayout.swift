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

    /// Whose name an endpoint goes by.
    enum HostKey: Hashable {
        /// A name in the zone: `label` before the site with that index.
        case own(site: Int, label: HostLabel)
        /// A name from elsewhere, which only SRV records can point to.
        case foreign(DomainName)
    }

    /// An endpoint that the zone shows.
    struct Backend {
        let host: HostKey
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
        fileprivate(set) var hostIndex = 0
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
}

// MARK: - Making

extension ServiceLayout {
    mutating func reserveCapacity(_ count: Int) { backends.reserveCapacity(count) }

    /// Adds offers for what a slice of endpoints listens on.
    mutating func add(_ ports: some Collection<Offer>) -> Range<Int> {
        let start = offers.count
        offers.append(contentsOf: ports)
        return start..<offers.count
    }

    mutating func add(_ backend: Backend) { backends.append(backend) }

    /// Puts the backends in their final order and finds the hosts.
    ///
    /// - Parameter pod: names the workload behind a backend, so that of a workload with addresses of both families
    ///   either both or none are cut off when records do not fit.
    mutating func seal(portOwners: [DomainName], pod: (Backend) -> String?) {
        self.portOwners = portOwners
        arrange(pod: pod)
        findHosts()
    }

    private mutating func arrange(pod: (Backend) -> String?) {
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
        if !isOrdered { backends.sort { $0.priority < $1.priority } }
        guard families.v4, families.v6 else { return }

        struct Pod: Hashable {
            let site: Int
            let name: String
        }
        func identify(_ backend: Backend) -> Pod? {
            guard case .own(let site, _) = backend.host, let name = pod(backend) else { return nil }
            return Pod(site: site, name: name)
        }
        var rankOfPod: [Pod: Int] = [:]
        for (rank, backend) in backends.enumerated() where backend.address?.isIPv4 == true {
            if let pod = identify(backend), rankOfPod[pod] == nil { rankOfPod[pod] = rank }
        }
        let ranked = backends.enumerated().map { offset, backend in
            let isIPv4 = backend.address?.isIPv4 == true
            let rank = isIPv4 ? offset : identify(backend).flatMap { rankOfPod[$0] } ?? .max
            return (key: (backend.priority, isIPv4 ? 0 : 1, rank), backend: backend)
        }
        backends = ranked.sorted { $0.key < $1.key }.map(\.backend)
    }

    private mutating func findHosts() {
        let order = Self.hostOrder(of: backends)
        hosts.reserveCapacity(order.count)
        var start = 0
        while start < order.count {
            let key = backends[order[start]].host
            var end = start
            while end < order.count, backends[order[end]].host == key {
                backends[order[end]].hostIndex = hosts.count
                end += 1
            }
            hosts.append(Host(key: key, members: start..<end))
            start = end
        }
        members = order
    }

    /// The indices of backends by host, then address.
    private static func hostOrder(of backends: [Backend]) -> [Int] {
        func isBefore(_ left: Int, _ right: Int) -> Bool {
            if backends[left].host != backends[right].host { return backends[left].host < backends[right].host }
            guard let address = backends[left].address, let other = backends[right].address else { return false }
            return address < other
        }
        let order = Array(backends.indices)
        let isOrdered = !order.dropFirst().contains { isBefore($0, $0 - 1) }
        return isOrdered ? order : order.sorted(by: isBefore)
    }
}

extension ServiceLayout.Backend {
    init(
        host: ServiceLayout.HostKey,
        address: IPAddress?,
        priority: UInt16,
        weight: UInt16?,
        isLastResort: Bool,
        offers: Range<Int>,
        source: Int
    ) {
        self.host = host
        self.address = address
        self.priority = priority
        self.weight = weight
        self.isLastResort = isLastResort
        self.offers = offers
        self.source = source
    }
}

extension ServiceLayout.HostKey {
    static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.own(let leftSite, let left), .own(let rightSite, let right)):
            leftSite != rightSite ? leftSite < rightSite : left < right
        case (.own, .foreign): true
        case (.foreign, .own): false
        case (.foreign(let left), .foreign(let right)): left.wire.lexicographicallyPrecedes(right.wire)
        }
    }
}
