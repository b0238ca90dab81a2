import DNSCore
import DNSZones
import ServiceCatalog

/// What a server would hold after applying batches: the plainest model of a zone image.
struct PublishedZone: Equatable {
    private(set) var names: [DomainName: [RecordSet]] = [:]

    mutating func apply(_ batches: [ZoneBatch]) {
        for batch in batches {
            for change in batch.changes { apply(change) }
        }
    }

    mutating func apply(_ change: OwnerChange) {
        names[change.owner] = change.sets.isEmpty ? nil : change.sets
    }

    /// All records in zone file form, sorted.
    var lines: [String] {
        names.flatMap { OwnerChange(owner: $0, sets: $1).lines }.sorted()
    }

    /// The lines but for those of `dns-version`.
    var serviceLines: [String] { lines.filter { !$0.hasPrefix("dns-version.") } }
}

/// A zone over systems whose services a test sets.
struct TestBed {
    private(set) var catalog: Catalog
    private(set) var state: ZoneState
    private(set) var published = PublishedZone()
    /// The batches of the last change.
    private(set) var batches: [ZoneBatch] = []
    private let now = ContinuousClock.now

    /// - Parameter memory: what is remembered of systems from before.
    init(_ zone: ZoneDefinition, remembering memory: [SystemName: [Service]] = [:]) {
        catalog = Catalog(systems: zone.systems)
        state = ZoneState(zone)
        var batches: [ZoneBatch] = []
        let systems = memory.mapValues { RememberedSystem(services: $0, lastCurrent: 0) }
        state.start(from: catalog, remembering: systems) { batches.append($0) }
        self.batches = batches
        published.apply(batches)
    }

    /// A zone that has loaded `services`, all of the zone's first system.
    init(_ zone: ZoneDefinition, _ services: [Service]) {
        self.init(zone)
        for system in zone.systems { send(.snapshot(system == zone.systems[0] ? services : []), from: system) }
    }

    mutating func send(_ event: SourceEvent, from system: SystemName) {
        guard let delta = catalog.apply(event, from: system, at: now) else { return }
        let catalog = catalog
        var batches: [ZoneBatch] = []
        state.update(delta, reading: { catalog.service($0, in: $1) }, publish: { batches.append($0) })
        self.batches = batches
        published.apply(batches)
    }

    mutating func expire(_ systems: Set<SystemName>) {
        let catalog = catalog
        var batches: [ZoneBatch] = []
        state.expire(systems, reading: { catalog.service($0, in: $1) }, publish: { batches.append($0) })
        self.batches = batches
        published.apply(batches)
    }

    mutating func set(_ service: Service, in system: SystemName = "east") {
        send(.changes([.set(service)]), from: system)
    }

    mutating func remove(_ key: ServiceKey, from system: SystemName = "east") {
        send(.changes([.remove(key)]), from: system)
    }

    /// What a zone shows that finds the catalog as it is now.
    var fromScratch: (published: PublishedZone, state: ZoneState) {
        var state = ZoneState(state.zone)
        var published = PublishedZone()
        state.start(from: catalog) { published.apply([$0]) }
        return (published, state)
    }

    var changedOwners: [String] {
        batches.flatMap(\.changes).map { ($0.sets.isEmpty ? "-" : "+") + $0.owner.description }
    }
}

// MARK: - Short forms

extension DomainName: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self = DomainName(text)! }
}

extension ZoneDefinition {
    static func kubernetes(reverse: [ReverseZone] = []) -> ZoneDefinition {
        ZoneDefinition(name: "example", schema: .kubernetes, systems: ["east"], ttl: 5, reverse: reverse)
    }

    static let registry = ZoneDefinition(name: "dc1", schema: .registry, systems: ["east"], ttl: 5)

    static func merged(prefer: SystemName? = nil) -> ZoneDefinition {
        ZoneDefinition(name: "mesh", schema: .merged, systems: ["east", "west"], prefer: prefer, ttl: 5)
    }
}

extension Service {
    /// `namespace/name`, or a name in namespace `shop`.
    init(
        _ key: String,
        _ kind: Kind = .headless,
        at clusterAddresses: [String] = [],
        ports: [ServicePort] = [],
        settings: ServiceSettings = .none,
        in system: SystemName = "east",
        _ endpoints: [Endpoint] = []
    ) {
        self.init(
            key: .init(key),
            origin: Origin(cluster: "one", system: system),
            kind: kind,
            clusterAddresses: clusterAddresses.map { IPAddress($0)! },
            ports: ports,
            settings: settings,
            endpoints: endpoints
        )
    }
}

extension Service {
    init(_ key: String, _ endpoints: [Endpoint]) { self.init(key, .headless, endpoints) }
}

extension ServiceKey {
    init(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
        self.init(namespace: parts.count == 2 ? parts[0] : "shop", name: parts[parts.count - 1])
    }
}

extension Endpoint {
    init(
        _ host: String,
        _ readiness: Readiness = .ready,
        hostname: String? = nil,
        pod: String? = nil,
        ports: [EndpointPort] = [.http],
        weight: Int? = nil,
        origin: Origin? = nil
    ) {
        let attributes = EndpointAttributes(origin: origin, weight: weight)
        self.init(
            host: Host(host),
            readiness: readiness,
            hostname: hostname,
            targetName: pod,
            ports: ports,
            attributes: weight == nil && origin == nil ? nil : attributes
        )
    }
}

extension EndpointPort {
    static let http = EndpointPort(name: "http", number: 8080)
    static let unnamed = EndpointPort(number: 9000)
}

extension ServicePort {
    static let http = ServicePort(name: "http", number: 80)
    static let unnamed = ServicePort(number: 90)
}

extension String {
    /// Its lines, sorted.
    var sortedLines: [String] { split(separator: "\n").map(String.init).sorted() }
}
