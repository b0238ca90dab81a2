/// What a read depends on, and so what it waits for.
enum Topic: Sendable, Equatable {
    case nodes
    /// All services; `catalog/services` wakes for any of them.
    case services
    /// Nodes and services together.
    case catalog
    /// One node with its services. An absent node has index 0, though everything that may make it exist is newer.
    case node(String)
    /// One service as the catalog shows it, through the blocking-query backend.
    case service(String)
    /// The same with its checks.
    case health(String)
    /// One service through the streaming backend.
    case view(String)
    case checks
    case key(String)
    case keys(under: String)
    case sessions
    case access

    /// Streaming reads end with an error where blocking queries sleep on.
    var isStreaming: Bool {
        if case .view = self { true } else { false }
    }
}

extension ConsulState {
    /// The index a read answers with: never 0, on which a client could not block.
    func index(of topic: Topic) -> UInt64 {
        let index =
            switch topic {
            case .nodes: indexes.nodes
            case .services: indexes.services
            case .catalog: indexes.catalog
            case .node(let name): nodes[Self.identity(name)] == nil ? 0 : indexes.catalog
            case .service(let name): index(ofService: Self.identity(name), countingChecks: false)
            case .health(let name): index(ofService: Self.identity(name))
            case .view(let name): views[Self.identity(name)] ?? index(ofService: Self.identity(name))
            case .checks: indexes.checks
            case .key(let key): keys[key]?.modifyIndex ?? max(indexes.keys, indexes.tombstones)
            case .keys(let prefix): index(ofKeysUnder: prefix)
            case .sessions: indexes.sessions
            case .access: indexes.access
            }
        return max(index, 1)
    }

    /// A service without instances has the index at which some service last lost its last one.
    func index(ofService name: Identity, countingChecks: Bool = true) -> UInt64 {
        if instances[name] == nil, let extinction = indexes.extinction { return extinction }
        return serviceIndexes[name] ?? (countingChecks ? max(indexes.catalog, indexes.checks) : indexes.catalog)
    }

    private func index(ofKeysUnder prefix: String) -> UInt64 {
        let whole = max(indexes.keys, indexes.tombstones)
        guard !prefix.isEmpty else { return whole }
        let newestKey = keys.values.lazy.filter { $0.key.hasPrefix(prefix) }.map(\.modifyIndex).max() ?? 0
        let newestTombstone = tombstones.lazy.filter { $0.key.hasPrefix(prefix) }.map(\.value).max() ?? 0
        let newest = max(newestKey, newestTombstone)
        return newest > 0 ? newest : whole
    }

    func service(_ key: InstanceKey) -> ServiceRecord? { nodes[key.node]?.services[key.id] }

    func check(_ key: InstanceKey) -> CheckRecord? { nodes[key.node]?.checks[key.id] }

    func node(_ name: String) -> NodeEntry? { nodes[Self.identity(name)] }

    /// In order of node and service ID.
    func services(named name: String) -> [(service: ServiceRecord, entry: NodeEntry)] {
        (instances[Self.identity(name)] ?? []).sorted().compactMap { key in
            guard let entry = nodes[key.node], let service = entry.services[key.id] else { return nil }
            return (service, entry)
        }
    }

    /// In order of name.
    var sortedNodes: [NodeEntry] { nodes.sorted { $0.key < $1.key }.map(\.value) }
}

extension ConsulState.NodeEntry {
    /// In order of ID.
    var sortedServices: [ServiceRecord] { services.sorted { $0.key < $1.key }.map(\.value) }

    /// In order of ID.
    var sortedChecks: [CheckRecord] { checks.sorted { $0.key < $1.key }.map(\.value) }

    /// The node's own checks, then the service's.
    func checks(bearingOn service: ServiceRecord) -> [CheckRecord] {
        let id = ConsulState.identity(service.id)
        return checks(ofService: "") + (id.isEmpty ? [] : checks(ofService: id))
    }

    private func checks(ofService id: ConsulState.Identity) -> [CheckRecord] {
        (checksOfService[id] ?? []).sorted().compactMap { checks[$0] }
    }
}
