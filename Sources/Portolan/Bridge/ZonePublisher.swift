internal import DNSCore
internal import DNSZones
internal import Logging
internal import ServiceCatalog
internal import Synchronization

/// Keeps one configured zone, with the reverse zones that belong to it, equal to the catalog. It works on the thread of
/// the source that made a change: between the catalog and the answer lies no queue.
final class ZonePublisher: Sendable {
    private struct State {
        var projection: ZoneState
        var hasStarted = false
    }

    let definition: ZoneDefinition
    /// The forward zone first.
    let zones: [Zone]
    private let store: CatalogStore
    private let state: Mutex<State>
    private let subscription = Mutex<Int?>(nil)
    private let observe: @Sendable (_ sinceChange: Duration) -> Void
    private let reporter: ProblemReporter
    private let logger: Logger

    /// - Parameters:
    ///   - nameServer: what NS and SOA records name; its addresses are published when the name lies in the zone.
    ///   - serial: from which the zones' serials rise.
    ///   - observe: is given the time from the arrival of a change to its answer.
    init(
        _ definition: ZoneDefinition,
        nameServer: NameServer,
        serial: UInt32,
        store: CatalogStore,
        epochs: ReadEpochs,
        logger: Logger,
        reporter: ProblemReporter,
        observe: @escaping @Sendable (Duration) -> Void
    ) {
        self.definition = definition
        self.store = store
        self.observe = observe
        self.logger = logger
        self.reporter = reporter
        let authority = StartOfAuthority(
            primary: nameServer.name,
            mailbox: nameServer.mailbox,
            serial: serial,
            minimum: definition.ttl
        )
        zones = ([definition.name] + definition.reverse.map(\.name)).map { apex in
            let zone = Zone(apex: apex, authority: authority, ttl: definition.ttl, epochs: epochs)
            zone.apply(nameServer.records(in: apex, ttl: definition.ttl))
            return zone
        }
        state = Mutex(State(projection: ZoneState(definition)))
    }

    /// Publishes what the catalog holds and follows it until ``stop()``.
    func start() {
        let id = store.subscribe { [weak self] delta in self?.take(delta) }
        subscription.withLock { $0 = id }
        let (isReady, problems) = state.withLock { state in
            state.hasStarted = true
            state.projection.start(from: store.snapshot) { apply($0) }
            refreshFreshness(state.projection)
            return (state.projection.isReady, state.projection.problems)
        }
        if isReady { logLoaded() }
        report(problems)
    }

    func stop() {
        if let id = subscription.withLock({ $0.take() }) { store.unsubscribe(id) }
    }

    var isReady: Bool { state.withLock { $0.projection.isReady } }

    func explain(_ key: ServiceKey, in system: SystemName) -> ZoneExplanation? {
        state.withLock { $0.projection.explain(key, in: system) }
    }

    private func take(_ delta: CatalogDelta) {
        guard definition.systems.contains(delta.system) else { return }
        let (isLoad, hasChanged, problems) = state.withLock { state in
            // What comes before the start is in the snapshot that the start reads.
            guard state.hasStarted else { return (false, false, [ServiceKey: [Problem]]()) }
            let wasReady = state.projection.isReady
            var hasChanged = false
            state.projection.update(delta, reading: { store.service($0, in: $1) }) { batch in
                apply(batch)
                hasChanged = true
            }
            refreshFreshness(state.projection)
            let isLoad = !wasReady && state.projection.isReady
            guard !isLoad else { return (true, true, state.projection.problems) }
            var problems: [ServiceKey: [Problem]] = [:]
            for key in delta.changed { problems[key] = state.projection.problems[key] ?? [] }
            return (false, hasChanged, problems)
        }
        if isLoad {
            logLoaded()
        } else if hasChanged {
            observe(delta.observedAt.duration(to: .now))
        }
        report(problems)
    }

    /// What is wrong in annotations is reported with the system they stand in.
    private func report(_ problems: [ServiceKey: [Problem]]) {
        for (key, problems) in problems {
            reporter.report(
                problems.filter { $0.code != .annotationInvalid },
                of: key,
                in: "zone \(definition.name)"
            )
        }
    }

    private func apply(_ batch: ZoneBatch) {
        guard let zone = zones.first(where: { $0.apex == batch.zone }) else { return }
        for rejected in zone.apply(batch.changes).rejected {
            logger.error(
                "Records left out of the zone",
                metadata: [
                    "zone": "\(zone.apex)", "owner": "\(rejected.owner)", "reason": "\(rejected.reason)",
                ]
            )
        }
    }

    private func refreshFreshness(_ projection: ZoneState) {
        guard projection.isReady else { return }
        let isStale = definition.systems.contains { store.freshness(of: $0) != .current }
        for zone in zones { zone.freshness = isStale ? .stale : .current }
    }

    private func logLoaded() {
        logger.info(
            "Zone is answered",
            metadata: ["zone": "\(definition.name)", "names": "\(zones.reduce(0) { $0 + $1.statistics.names })"]
        )
    }
}
