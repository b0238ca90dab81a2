import ServiceCatalog
import SyncEngine

/// A catalog, a registry in memory and the machine between them, driven step by step and with a clock of its own.
struct World {
    static let start = ContinuousClock.now

    var catalog: Catalog
    let registry: ModelRegistry
    let definitions: [SyncDefinition]
    let policy: GuardPolicy
    let batchLimit: Int
    let concurrentBatches: Int
    private(set) var target: ModelTarget
    private(set) var machine: SyncMachine
    private(set) var events: [SyncEvent] = []
    /// Systems the machine wants read again.
    private(set) var rereads: [SystemName] = []
    private var unheard: [CatalogDelta] = []
    var now = World.start
    /// What the machine waited for last.
    private(set) var waitsUntil: ContinuousClock.Instant?

    init(
        from sources: [SystemName] = ["k8s"],
        to system: SystemName = "model",
        template: String = "{service}",
        registry: ModelRegistry = ModelRegistry(),
        policy: GuardPolicy = GuardPolicy(),
        batchLimit: Int = 8,
        concurrentBatches: Int = 1,
        cluster: String = "east"
    ) throws {
        let template = try NameTemplate(template)
        definitions = sources.map { SyncDefinition(from: $0, to: system, template: template) }
        catalog = Catalog(systems: sources)
        self.registry = registry
        self.policy = policy
        self.batchLimit = batchLimit
        self.concurrentBatches = concurrentBatches
        target = ModelTarget(
            registry,
            cluster: cluster,
            batchLimit: batchLimit,
            concurrentBatches: concurrentBatches
        )
        machine = Self.machine(target, definitions, policy, cluster)
        machine.start(catalog, now: now)
    }

    private static func machine(
        _ target: ModelTarget,
        _ definitions: [SyncDefinition],
        _ policy: GuardPolicy,
        _ cluster: String
    ) -> SyncMachine {
        SyncMachine(
            target: target,
            configuration: .init(cluster: cluster, definitions: definitions, guardPolicy: policy, seed: 1)
        )
    }

    /// A new process on the same registry: catalog and machine know nothing.
    mutating func restart(cluster: String = "east") {
        catalog = Catalog(systems: definitions.map(\.from))
        unheard = []
        target = ModelTarget(
            registry,
            cluster: cluster,
            batchLimit: batchLimit,
            concurrentBatches: concurrentBatches
        )
        machine = Self.machine(target, definitions, policy, cluster)
        machine.start(catalog, now: now)
    }

    // MARK: - The source

    mutating func tell(_ event: SourceEvent, from system: SystemName = "k8s") {
        guard let delta = catalog.apply(event, from: system, at: now) else { return }
        machine.catalogChanged(delta.changed.map { ($0, delta.observedAt) }, in: system, catalog)
    }

    /// Changes the catalog and leaves the machine to hear of it later, as when a source acts between two steps.
    mutating func changeUnnoticed(_ event: SourceEvent, from system: SystemName = "k8s") {
        if let delta = catalog.apply(event, from: system, at: now) { unheard.append(delta) }
    }

    mutating func hear() {
        for delta in unheard {
            machine.catalogChanged(delta.changed.map { ($0, delta.observedAt) }, in: delta.system, catalog)
        }
        unheard = []
    }

    mutating func answerReread(_ system: SystemName = "k8s", succeeded: Bool = true) {
        rereads.removeAll { $0 == system }
        machine.reread(system, succeeded: succeeded, now: now)
    }

    // MARK: - The machine

    /// Decides the next step without carrying it out.
    mutating func next() -> SyncMachine.Step {
        machine.targetChanged(target.takeChanges())
        return machine.next(catalog, now: now)
    }

    mutating func finish(_ operations: [SyncEngine.Operation]) async {
        machine.applied(await target.apply(operations), of: operations, now: now)
        machine.targetChanged(target.takeChanges())
    }

    /// Runs until the machine waits, and returns what was performed.
    @discardableResult
    mutating func run() async -> [SyncEngine.Operation] {
        let before = registry.log.count
        for _ in 0..<10_000 {
            let step = next()
            events += machine.takeEvents()
            switch step {
            case .apply(let operations): await finish(operations)
            case .reread(let system): rereads.append(system)
            case .wait(let moment):
                waitsUntil = moment
                events += machine.takeEvents()
                return Array(registry.log[before...])
            }
        }
        return Array(registry.log[before...])
    }

    /// Lets time pass in steps to each moment the machine waits for, for `duration`.
    @discardableResult
    mutating func pass(_ duration: Duration) async -> [SyncEngine.Operation] {
        let before = registry.log.count
        let end = now + duration
        await run()
        while let moment = waitsUntil, moment <= end {
            now = max(moment, now + .milliseconds(1))
            await run()
        }
        now = end
        await run()
        return Array(registry.log[before...])
    }

    mutating func withdraw() { machine.withdraw() }
    mutating func takeEvents() -> [SyncEvent] {
        defer { events = [] }
        return events
    }
    var status: SyncStatus { machine.status()[0] }
    func outline() -> SyncPlan? { machine.outline(catalog, now: now) }
    func explain(_ name: String) -> [SyncExplanation.Step] {
        machine.explain(ServiceKey(namespace: "shop", name: name), in: "k8s", catalog).flatMap(\.steps)
    }

    /// What the catalog wants, whatever the machine thinks.
    var desired: Set<Registration> {
        var result: Set<Registration> = []
        for definition in definitions {
            let projector = Projector(definition: definition, cluster: "east") { Normalised($0) }
            for service in catalog.systems[definition.from]?.services.values ?? [:].values {
                for name in projector.names(of: service) {
                    result.formUnion(projector.project(service, as: name).entries.values)
                }
            }
        }
        return result
    }
}

/// A service of `shop` whose instances have the given last octets; those in `notReady` and `draining` are so.
func service(
    _ name: String = "cart",
    _ octets: [UInt32],
    namespace: String = "shop",
    notReady: Set<UInt32> = [],
    draining: Set<UInt32> = [],
    origin: Origin = Origin(cluster: "east", system: "k8s"),
    settings: ServiceSettings = .none,
    ports: [ServicePort] = [ServicePort(name: "http", number: 80)]
) -> Service {
    Service(
        key: ServiceKey(namespace: namespace, name: name),
        origin: origin,
        kind: .clusterAddress,
        ports: ports,
        settings: settings,
        endpoints: octets.map { octet in
            Endpoint(
                host: .address(.v4(0x0a00_0000 + octet)),
                readiness: notReady.contains(octet) ? .notReady : draining.contains(octet) ? .draining : .ready,
                targetName: "\(name)-\(octet)",
                nodeName: "node-1",
                zone: "a",
                ports: ports.map { EndpointPort(name: $0.name, number: $0.number + 8000, transport: $0.transport) }
            )
        }
    )
}

extension [SyncEngine.Operation] {
    var added: [String] { filter { $0.kind == .add }.map(\.id.rawValue) }
    var removed: [String] { filter { $0.kind == .remove }.map(\.id.rawValue) }
}
