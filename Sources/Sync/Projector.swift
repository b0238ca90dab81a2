package import ServiceCatalog

/// What one sync makes of one service. Pure.
package struct Projector: Sendable {
    /// Why an endpoint is not written.
    package enum Skip: Hashable, Sendable {
        /// It came from the target, directly or through other systems.
        case loop(Origin)
    }

    package struct Projection: Sendable {
        /// The registrations of one target name.
        package var entries: [EntryID: Registration] = [:]
        package var problems: [Problem] = []
        package var skipped: [(host: Host, reason: Skip)] = []
    }

    /// The ports that go under one name in the target.
    struct Group: Hashable {
        /// The name in the target.
        let name: String
        let portName: String
    }

    package let definition: SyncDefinition
    package let cluster: String
    private let normalise: @Sendable (Registration) -> Normalised

    package init(
        definition: SyncDefinition,
        cluster: String,
        normalise: @escaping @Sendable (Registration) -> Normalised
    ) {
        self.definition = definition
        self.cluster = cluster
        self.normalise = normalise
    }

    /// The names `service` claims in the target, the primary one first; empty when it is not selected.
    package func names(of service: Service) -> [String] { groups(of: service).groups.map(\.name) }

    /// The registrations of `service` under `name`.
    package func project(_ service: Service, as name: String) -> Projection {
        var projection = Projection()
        let (groups, problems) = groups(of: service)
        projection.problems = service.settings.problems + problems
        let reserved = service.settings.metadata.keys.filter { $0.hasPrefix(EntryMetadata.prefix) }
        for key in reserved.sorted() {
            projection.problems.append(
                Problem(
                    .annotationInvalid,
                    "service \(service.key): metadata key \"\(key)\" is ignored: keys that begin with "
                        + "\"\(EntryMetadata.prefix)\" are Portolan's own"
                )
            )
        }
        for group in groups where group.name.lowercased() == name.lowercased() {
            add(service, group, to: &projection)
        }
        return projection
    }

    // MARK: - Names and ports

    /// One group per port; see `portName`s of ``Group``. The service's first port, or the one the `port` annotation
    /// chooses, goes under the plain name, so that a client that asks for the name never gets mixed ports.
    func groups(of service: Service) -> (groups: [Group], problems: [Problem]) {
        guard definition.selection(of: service) == .selected else { return ([], []) }
        var problems: [Problem] = []
        var ports: [(name: String, number: UInt16)] = service.ports.map { ($0.name, $0.number) }
        if ports.isEmpty {
            for endpoint in service.endpoints {
                for port in endpoint.ports where !ports.contains(where: { $0.name == port.name }) {
                    ports.append((port.name, port.number))
                }
            }
        }
        if ports.isEmpty { ports = [("", 0)] }
        if let choice = service.settings.port {
            let chosen = ports.first { port in
                switch choice {
                case .named(let name): port.name == name
                case .number(let number): port.number == number
                }
            }
            if let chosen {
                ports = [chosen]
            } else {
                problems.append(
                    Problem(
                        .portMissing,
                        "service \(service.key): annotation \(ServiceSettings.annotationPrefix)port names a port the "
                            + "service does not have; all its ports are written"
                    )
                )
            }
        }
        let groups = ports.enumerated().map { index, port in
            Group(name: name(of: service, port: port, isPrimary: index == 0), portName: port.name)
        }
        return (groups, problems)
    }

    private func name(of service: Service, port: (name: String, number: UInt16), isPrimary: Bool) -> String {
        let label = port.name.isEmpty ? "\(port.number)" : port.name
        let template = definition.template
        let base =
            service.settings.name
            ?? template.name(of: service.key, cluster: cluster, system: definition.from, port: label)
        let distinguished = template.namesPort && service.settings.name == nil
        return isPrimary || distinguished ? base : "\(base)-\(label)"
    }

    // MARK: - Instances

    private func add(_ service: Service, _ group: Group, to projection: inout Projection) {
        if case .alias(let target) = service.kind {
            let port = service.ports.first { $0.name == group.portName }
            let endpoint = Endpoint(host: Host(target))
            let listening = port.map {
                EndpointPort(
                    name: $0.name,
                    number: $0.number,
                    transport: $0.transport,
                    appProtocol: $0.appProtocol
                )
            }
            add(endpoint, listening, service, group, to: &projection)
            return
        }
        for endpoint in service.endpoints {
            if endpoint.ports.isEmpty, service.ports.isEmpty {
                add(endpoint, nil, service, group, to: &projection)
            }
            for port in endpoint.ports where port.name == group.portName {
                add(endpoint, port, service, group, to: &projection)
            }
        }
    }

    private func add(
        _ endpoint: Endpoint,
        _ port: EndpointPort?,
        _ service: Service,
        _ group: Group,
        to projection: inout Projection
    ) {
        let origin = service.origin(of: endpoint)
        let path = EntryMetadata.path(endpoint.attributes?.metadata[EntryMetadata.Key.via.rawValue])
        let target = Origin(cluster: cluster, system: definition.to)
        if origin == target || path.contains(target) {
            projection.skipped.append((endpoint.host, .loop(origin)))
            return
        }
        let source = Origin(cluster: cluster, system: definition.from)
        let number = port?.number ?? 0
        var registration = Registration(
            id: EntryID(service: group.name, host: endpoint.host, port: number),
            service: group.name,
            host: endpoint.host,
            port: number,
            portName: port?.name ?? "",
            transport: port?.transport ?? .tcp,
            appProtocol: port?.appProtocol,
            health: Registration.Health(endpoint.readiness),
            weight: service.settings.weight ?? endpoint.attributes?.weight ?? 1,
            tags: service.settings.tags,
            metadata: service.settings.metadata,
            mark: Mark(
                owner: cluster,
                from: definition.from,
                key: service.key,
                origin: origin,
                via: origin == source ? [] : path + [source]
            ),
            instance: endpoint.targetName,
            node: endpoint.nodeName,
            zone: endpoint.zone
        )
        if let attributes = endpoint.attributes {
            registration.tags += attributes.tags.filter { !registration.tags.contains($0) }
            registration.metadata.merge(attributes.metadata) { settings, _ in settings }
        }
        registration.metadata = registration.metadata.withoutPrefix(EntryMetadata.prefix)
        let normal = normalise(registration)
        for problem in normal.problems where !projection.problems.contains(problem) {
            projection.problems.append(problem)
        }
        // The same address twice, as pods on the host's network have it: the better one counts.
        if let present = projection.entries[normal.registration.id],
            present.health.rank <= normal.registration.health.rank
        {
            return
        }
        projection.entries[normal.registration.id] = normal.registration
    }
}

extension Registration.Health {
    init(_ readiness: Readiness) {
        self =
            switch readiness {
            case .ready: .passing
            case .draining: .draining
            case .notReady: .critical
            }
    }

    fileprivate var rank: Int {
        switch self {
        case .passing: 0
        case .draining: 1
        case .critical: 2
        }
    }
}

extension [String: String] {
    /// Without the keys that begin with `prefix`; the same storage when there are none.
    fileprivate func withoutPrefix(_ prefix: String) -> [String: String] {
        keys.contains { $0.hasPrefix(prefix) } ? filter { !$0.key.hasPrefix(prefix) } : self
    }
}
