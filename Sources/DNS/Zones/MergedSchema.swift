import DNSCore
import ServiceCatalog

/// One name for a service in all systems that have it, as the Multi-Cluster Services DNS specification names headless
/// services: `<service>.<namespace>.svc.<zone>`, with hosts at `<host>.<system>.<service>.<namespace>.svc.<zone>`.
///
/// What is shown are endpoints, also of services with cluster addresses: those lead nowhere outside their cluster.
struct MergedSchema {
    static let version = "1.0.0"

    let zone: ZoneDefinition
    /// `svc.<zone>`; `nil` when the zone's name leaves no room for it.
    private let parent: DomainName?
    /// By system.
    private let siteLabels: [[UInt8]?]
    /// The systems by falling preference.
    private let order: [Int]
    private let others: Set<SystemName>

    init(zone: ZoneDefinition) {
        self.zone = zone
        parent = zone.name.prefixed(by: "svc")
        siteLabels = zone.systems.map { RegistryLabel.label(of: $0.rawValue) }
        let indices = zone.systems.indices
        order = indices.filter { zone.systems[$0] == zone.prefer } + indices.filter { zone.systems[$0] != zone.prefer }
        others = Set(zone.systems)
    }

    /// `nil` when no name can be made of the key. Dots are escaped: the labels before a service are hosts.
    func name(of key: ServiceKey) -> DomainName? {
        guard let namespace = RegistryLabel.label(of: key.namespace), let name = RegistryLabel.label(of: key.name)
        else {
            return nil
        }
        return parent?.prefixed(by: namespace)?.prefixed(by: name)
    }

    /// Whether the name is the key's, letter by letter.
    func isLiteral(_ key: ServiceKey) -> Bool {
        func isLiteral(_ name: String) -> Bool {
            RegistryLabel.label(of: name).map { $0.elementsEqual(name.utf8) } ?? false
        }
        return isLiteral(key.namespace) && isLiteral(key.name)
    }

    /// - Parameters:
    ///   - services: by system; `nil` where a system has no such service.
    ///   - expired: the systems, by index, whose endpoints are last resorts.
    func project(_ key: ServiceKey, _ services: [Service?], expired: Set<Int>) -> ProjectedService {
        guard let name = name(of: key) else {
            return ProjectedService(problems: [.unusableName(key, zone: zone.name)])
        }
        var problems: [Problem] = []
        let sites = siteLabels.map { label in label.flatMap { name.prefixed(by: $0) } }
        var layout = ServiceLayout(name: name, sites: sites.map { $0 ?? name }, ttl: zone.ttl)
        for system in order where layout.grpcConfig == nil {
            if let service = services[system] { layout.addGRPCConfig(of: service.settings, problems: &problems) }
        }

        var builder = LayoutBuilder(layout: layout, hostNaming: .hostnames)
        builder.layout.reserveCapacity(services.reduce(0) { $0 + ($1?.endpoints.count ?? 0) })
        var hasAlias = false
        for system in order {
            guard let service = services[system] else { continue }
            guard sites[system] != nil else {
                problems.append(
                    Problem(
                        .nameInvalid,
                        "system \"\(zone.systems[system])\" is too long for a label below \(name); "
                            + "its endpoints are left out"
                    )
                )
                continue
            }
            if case .alias = service.kind {
                hasAlias = true
                continue
            }
            let priority: UInt16 = zone.prefer == nil || zone.prefer == zone.systems[system] ? 0 : 10
            for index in service.endpoints.indices where isShown(index, of: service) {
                let weight = service.weight(ofEndpointAt: index)
                let isLastResort =
                    service.endpoints[index].readiness == .draining || weight == 0 || expired.contains(system)
                builder.add(
                    service.endpoints,
                    at: index,
                    site: system,
                    priority: priority + zone.distance(to: service.endpoints[index])
                        + (isLastResort ? lastResortPriority : 0),
                    weight: weight,
                    isLastResort: isLastResort
                )
            }
        }
        let (finished, noticed) = builder.finish { site, source in services[site]?.endpoints[source].podName }
        problems += noticed
        guard finished.exists else {
            let reason =
                hasAlias
                ? "an alias (ExternalName) takes no part in a merged zone" : "it has no ready endpoint in any system"
            return ProjectedService(problems: problems, absence: reason)
        }
        return ProjectedService(layout: finished, problems: problems)
    }

    /// Leaves out copies of endpoints that the zone shows from where they were first seen.
    private func isShown(_ index: Int, of service: Service) -> Bool {
        guard service.endpoints[index].readiness != .notReady else { return false }
        guard let origin = service.endpoints[index].attributes?.origin, origin != service.origin else { return true }
        return origin.cluster != service.origin.cluster || !others.contains(origin.system)
    }
}
