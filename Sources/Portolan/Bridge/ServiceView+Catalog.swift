internal import AdminServer
internal import ServiceCatalog

extension ServiceView {
    init(_ service: Service, in system: SystemName, withEndpoints: Bool) {
        let kind: String
        var addresses: [String] = []
        switch service.kind {
        case .clusterAddress:
            kind = "cluster"
            addresses = service.clusterAddresses.map(\.description)
        case .headless:
            kind = "headless"
        case .alias(let name):
            kind = "alias"
            addresses = [name]
        }
        self.init(
            system: system.rawValue,
            namespace: service.key.namespace,
            name: service.key.name,
            kind: kind,
            addresses: addresses + service.externalHosts.map(\.description),
            ports: service.ports.map { Port(name: $0.name, port: Int($0.number), protocol: $0.transport.label) },
            endpointCount: service.endpoints.count,
            readyCount: service.endpoints.count { $0.readiness == .ready },
            problems: service.settings.problems.map(\.message),
            endpoints: withEndpoints ? service.endpoints.map { Endpoint($0, of: service) } : nil
        )
    }
}

extension ServiceView.Endpoint {
    fileprivate init(_ endpoint: ServiceCatalog.Endpoint, of service: Service) {
        let state =
            switch endpoint.readiness {
            case .ready: "ready"
            case .draining: "draining"
            case .notReady: "not ready"
            }
        self.init(
            address: endpoint.host.description,
            state: state,
            hostname: endpoint.hostname,
            target: endpoint.targetName,
            node: endpoint.nodeName,
            zone: endpoint.zone,
            ports: endpoint.ports.map { .init(name: $0.name, port: Int($0.number), protocol: $0.transport.label) },
            weight: endpoint.attributes?.weight,
            origin: service.origin(of: endpoint).description
        )
    }
}
