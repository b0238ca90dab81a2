import ServiceCatalog
import SyncEngine

/// What the catalog takes from Consul's view of a service. Pure.
struct ConsulServiceReading: Sendable {
    /// Consul has no namespaces outside its Enterprise edition.
    static let namespace = "default"

    let origin: Origin

    func service(_ name: String, _ entries: [HealthEntry]) -> Service {
        var problems: [Problem] = []
        let endpoints = entries.compactMap { endpoint($0, name, &problems) }.sorted(by: Self.precedes)
        let ports = endpoints.flatMap(\.ports)
        return Service(
            key: ServiceKey(namespace: Self.namespace, name: name),
            origin: origin,
            kind: .headless,
            ports: ports.min { $0.number < $1.number }.map {
                [ServicePort(number: $0.number, transport: $0.transport, appProtocol: $0.appProtocol)]
            } ?? [],
            settings: problems.isEmpty ? .none : ServiceSettings(problems: problems),
            endpoints: endpoints
        )
    }

    private func endpoint(_ entry: HealthEntry, _ name: String, _ problems: inout [Problem]) -> Endpoint? {
        let address = entry.service.address.isEmpty ? entry.nodeAddress : entry.service.address
        func problem(_ text: String) {
            problems.append(
                Problem(.addressUnusable, "Consul service \"\(name)\", instance \"\(entry.service.id)\": \(text)")
            )
        }
        guard !address.isEmpty else {
            problem("has no address, and neither has its node; it is left out")
            return nil
        }
        let metadata = EntryMetadata(entry.service.meta)
        var ports: [EndpointPort] = []
        if let number = UInt16(exactly: entry.service.port) {
            if number > 0 {
                ports = [
                    EndpointPort(
                        number: number,
                        transport: metadata.transport,
                        appProtocol: metadata.appProtocol
                    )
                ]
            }
        } else {
            problem("port \(entry.service.port) is none; the instance is taken without a port")
        }
        return Endpoint(
            host: Host(address),
            readiness: readiness(entry, metadata),
            targetName: metadata.instance ?? entry.service.id,
            nodeName: metadata.owner == nil ? entry.node : metadata.node,
            zone: metadata.zone,
            ports: ports,
            attributes: attributes(entry, metadata)
        )
    }

    /// Consul's DNS serves instances in warning. In entries Portolan wrote, warning means draining.
    private func readiness(_ entry: HealthEntry, _ metadata: EntryMetadata) -> Readiness {
        switch entry.status {
        case .passing: .ready
        case .warning: metadata.owner == nil ? .ready : .draining
        case .critical: .notReady
        }
    }

    private func attributes(_ entry: HealthEntry, _ metadata: EntryMetadata) -> EndpointAttributes? {
        var rest = metadata.rest
        if metadata.owner != nil {
            rest[ConsulEntry.sourceKey] = nil
            let via = EntryMetadata.Key.via.rawValue
            rest[via] = entry.service.meta[via]
        }
        let origin = metadata.owner == nil ? nil : metadata.origin
        let weight = entry.service.passingWeight == 1 ? nil : entry.service.passingWeight
        guard origin != nil || weight != nil || !entry.service.tags.isEmpty || !rest.isEmpty else { return nil }
        return EndpointAttributes(origin: origin, weight: weight, tags: entry.service.tags, metadata: rest)
    }

    private static func precedes(_ left: Endpoint, _ right: Endpoint) -> Bool {
        switch (left.host, right.host) {
        case (.address(let one), .address(let other)) where one != other: one < other
        case (.name(let one), .name(let other)) where one != other: one < other
        case (.address, .name): true
        case (.name, .address): false
        default:
            (left.targetName ?? "", left.ports.first?.number ?? 0)
                < (right.targetName ?? "", right.ports.first?.number ?? 0)
        }
    }
}
