import DNSCore
import ServiceCatalog

/// The names of a registry's services: `<service>.<zone>` for addresses and all ports,
/// `_<port or service>._<protocol>.<service>.<zone>` for the instances with one port, and
/// `<address with dashes>.<service>.<zone>` for each instance.
///
/// The namespace has no part in names: a registry system shows one datacenter, group or prefix.
struct RegistrySchema {
    let zone: ZoneDefinition

    /// `nil` when no name can be made of the key.
    func name(of key: ServiceKey) -> DomainName? {
        guard let labels = RegistryLabel.labels(of: key.name) else { return nil }
        return labels.reversed().reduce(zone.name) { name, label in name?.prefixed(by: label) }
    }

    /// Whether the name is the key's, letter by letter: such a key goes before one that had to be mapped.
    func isLiteral(_ key: ServiceKey) -> Bool {
        RegistryLabel.labels(of: key.name)?.joined(separator: [UInt8(ascii: ".")]).elementsEqual(key.name.utf8) ?? false
    }

    func project(_ service: Service) -> ProjectedService {
        guard let name = name(of: service.key), let label = RegistryLabel.labels(of: service.key.name)?.first else {
            return ProjectedService(problems: [.unusableName(service.key, zone: zone.name)])
        }
        var layout = ServiceLayout(name: name, sites: [name], ttl: zone.ttl)
        var problems: [Problem] = []
        layout.addGRPCConfig(of: service.settings, problems: &problems)

        // gRPC clients take `_grpclb._tcp` for the address of a load balancer: only a port so named may say it.
        let unnamedPortLabel = label == Array("grpclb".utf8) ? nil : label
        var builder = LayoutBuilder(layout: layout, hostNaming: .addresses, unnamedPortLabel: unnamedPortLabel)
        builder.layout.reserveCapacity(service.endpoints.count)
        for index in service.endpoints.indices where service.endpoints[index].readiness != .notReady {
            let weight = service.weight(ofEndpointAt: index)
            let isLastResort = service.endpoints[index].readiness == .draining || weight == 0
            builder.add(
                service.endpoints,
                at: index,
                priority: zone.distance(to: service.endpoints[index]) + (isLastResort ? lastResortPriority : 0),
                weight: weight,
                isLastResort: isLastResort
            )
        }
        var (finished, noticed) = builder.finish { _, source in service.endpoints[source].podName }
        problems += noticed
        if let target = finished.onlyForeignName, target != name { finished.face = .alias(target) }
        guard finished.exists else {
            return ProjectedService(problems: problems, absence: "it has no healthy instance")
        }
        return ProjectedService(layout: finished, problems: problems)
    }
}

/// Added to the SRV priority of endpoints that are to be chosen last.
let lastResortPriority: UInt16 = 20

extension Service {
    /// What the registry says of the instance, else what the service's annotation says.
    func weight(ofEndpointAt index: Int) -> Int? { endpoints[index].attributes?.weight ?? settings.weight }
}

extension Problem {
    static func unusableName(_ key: ServiceKey, zone: DomainName) -> Problem {
        Problem(
            .nameInvalid,
            "\(key) makes no name in zone \(zone): it is empty, or as DNS labels longer than 63 octets each "
                + "or 255 together; give it a shorter name"
        )
    }
}
