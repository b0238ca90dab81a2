import DNSCore
import ServiceCatalog

/// The names of Kubernetes DNS-Based Service Discovery, version 1.1.0, as CoreDNS extends them: SRV records of all
/// ports at a service's own name and at those of its endpoints, and names and PTR records for the endpoints of services
/// with cluster addresses too. Only ready endpoints are shown. There are no names for pods: the specification has none.
struct KubernetesSchema {
    static let version = "1.1.0"

    let zone: ZoneDefinition
    /// `svc.<zone>`; `nil` when the zone's name leaves no room for it.
    private let parent: DomainName?

    init(zone: ZoneDefinition) {
        self.zone = zone
        parent = zone.name.prefixed(by: "svc")
    }

    /// `<service>.<namespace>.svc.<zone>`; `nil` when the key cannot be of a Kubernetes service, or the name is over
    /// 255 octets.
    func name(of key: ServiceKey) -> DomainName? {
        guard key.namespace.isLabel, key.name.isLabel else { return nil }
        return parent?.prefixed(by: key.namespace)?.prefixed(by: key.name)
    }

    func project(_ service: Service) -> ProjectedService {
        guard let name = name(of: service.key) else {
            return ProjectedService(problems: [
                Problem(
                    .nameInvalid,
                    "\(service.key) makes no name in zone \(zone.name): namespace and service must be labels of a-z, "
                        + "0-9 and inner -, up to 63 octets"
                )
            ])
        }
        var layout = ServiceLayout(name: name, sites: [name], ttl: zone.ttl)
        layout.hostsOfferPorts = true
        layout.weight = service.settings.weight.map { UInt16(clamping: $0) }
        var problems: [Problem] = []
        if case .alias(let target) = service.kind {
            do {
                layout.face = .alias(try Alias.read(target, of: name))
            } catch {
                return ProjectedService(problems: [error.problem])
            }
        }
        layout.addGRPCConfig(of: service.settings, problems: &problems)

        var builder = LayoutBuilder(layout: layout, hostNaming: .hostnames)
        if case .endpoints = layout.face {
            // Manifests need not say an address that the API server would give: the endpoints stand in for it.
            if service.kind == .clusterAddress, !service.clusterAddresses.isEmpty {
                let offers = builder.offers(of: service.ports)
                builder.layout.face = .addresses(service.clusterAddresses, offers)
            }
            builder.layout.reserveCapacity(service.endpoints.count)
            let weight = service.settings.weight
            for index in service.endpoints.indices where service.endpoints[index].readiness == .ready {
                builder.add(
                    service.endpoints,
                    at: index,
                    priority: zone.near == nil ? 0 : zone.distance(to: service.endpoints[index]),
                    weight: weight
                )
            }
        }
        let (finished, noticed) = builder.finish { _, source in service.endpoints[source].podName }
        problems += noticed
        guard finished.exists else {
            // Section 2.4.1: a headless service without ready endpoints does not exist.
            return ProjectedService(problems: problems, absence: "it has no address and no ready endpoint")
        }
        return ProjectedService(layout: finished, problems: problems)
    }

    /// The names that PTR records of `address` give for `service`.
    func names(of address: IPAddress, in service: Service) -> (service: DomainName?, hosts: Set<DomainName>) {
        guard let name = name(of: service.key) else { return (nil, []) }
        if case .alias = service.kind { return (nil, []) }
        var hosts: Set<DomainName> = []
        var index = service.endpoints.firstIndex(notBelow: address)
        while index < service.endpoints.count, service.endpoints[index].host == .address(address) {
            defer { index += 1 }
            guard service.endpoints[index].readiness == .ready else { continue }
            let given = service.endpoints[index].hostname.flatMap { HostLabel(hostname: $0) }
            if let host = (given ?? .dashed(address)).name(under: name) { hosts.insert(host) }
        }
        let isOwn = service.kind == .clusterAddress && service.clusterAddresses.contains(address)
        return (isOwn ? name : nil, hosts)
    }
}

extension Endpoint {
    /// What its addresses of both families have in common.
    var podName: String? { targetName ?? hostname }
}

extension [Endpoint] {
    /// Where the first endpoint at `address` is, if there is one. Endpoints are ordered by address, names come last.
    fileprivate func firstIndex(notBelow address: IPAddress) -> Int {
        var range = indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let isBelow = if case .address(let found) = self[middle].host { found < address } else { false }
            range = isBelow ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}

extension String {
    /// Whether this is a label as Kubernetes names are: 1 to 63 octets of a-z, 0-9 and inner `-`.
    fileprivate var isLabel: Bool {
        (1...63).contains(utf8.count) && utf8.first != UInt8(ascii: "-") && utf8.last != UInt8(ascii: "-")
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
