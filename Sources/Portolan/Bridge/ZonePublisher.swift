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
        /// What is remembered of systems from before this process; let go of at the start.
        var memory: [SystemName: RememberedSystem]
        var hasStarted = false
        /// As it was last judged and told.
        var standing = ZoneStanding([:], maxStale: .zero, at: .now)
    }

    let definition: ZoneDefinition
    /// The forward zone first.
    let zones: [Zone]
    private let store: CatalogStore
    /// Since when what is remembered of a system is no better.
    private let recalledSince: [SystemName: ContinuousClock.Instant]
    let maxStale: Duration
    private let state: Mutex<State>
    private let subscription = Mutex<Int?>(nil)
    private let observe: @Sendable (_ sinceChange: Duration) -> Void
    private let published: @Sendable (Zone) -> Void
    private let reporter: ProblemReporter
    let logger: Logger

    /// - Parameters:
    ///   - nameServer: what NS and SOA records name; its addresses are published when the name lies in the zone.
    ///   - maxStale: for how long the last state of a lost system is answered.
    ///   - memory: what is remembered of systems, for those that have not been read when the publisher starts.
    ///   - serial: from which the serial of the zone of that name rises.
    ///   - observe: is given the time from the arrival of a change to its answer.
    ///   - published: is told of zones that are answered otherwise than before.
    init(
        _ definition: ZoneDefinition,
        nameServer: NameServer,
        maxStale: Duration,
        memory: [SystemName: RememberedSystem] = [:],
        serial: (_ apex: DomainName) -> UInt32,
        store: CatalogStore,
        epochs: ReadEpochs,
        logger: Logger,
        reporter: ProblemReporter,
        observe: @escaping @Sendable (Duration) -> Void,
        published: @escaping @Sendable (Zone) -> Void
    ) {
        self.published = published
        self.definition = definition
        self.store = store
        self.maxStale = maxStale
        let clock = WallClock()
        recalledSince = memory.mapValues { clock.instant(of: $0.lastCurrent) }
        self.observe = observe
        self.logger = logger
        self.reporter = reporter
        zones = ([definition.name] + definition.reverse.map(\.name)).map { apex in
            let authority = StartOfAuthority(
                primary: nameServer.name,
                mailbox: nameServer.mailbox,
                serial: serial(apex),
                minimum: definition.ttl
            )
            let zone = Zone(apex: apex, authority: authority, ttl: definition.ttl, epochs: epochs, clock: { .now })
            zone.apply(nameServer.records(in: apex, ttl: definition.ttl))
            return zone
        }
        state = Mutex(State(projection: ZoneState(definition), memory: memory))
    }

    /// Publishes what the catalog holds and follows it until ``stop()``.
    func start() {
        let id = store.subscribe { [weak self] delta in self?.take(delta) }
        subscription.withLock { $0 = id }
        let (isReady, problems, judgement) = state.withLock { state in
            state.hasStarted = true
            state.projection.start(from: store.snapshot, remembering: state.memory) { apply($0) }
            state.memory = [:]
            return (state.projection.isReady, state.projection.problems, judge(&state))
        }
        if isReady { logLoaded() }
        tell(judgement)
        report(problems)
    }

    func stop() {
        if let id = subscription.withLock({ $0.take() }) { store.unsubscribe(id) }
    }

    var isReady: Bool { state.withLock { $0.projection.isReady } }

    /// As it was last judged.
    var standing: ZoneStanding { state.withLock { $0.standing } }

    /// The systems whose state from before this process is shown, and since when it is no better.
    var recalled: [SystemName: ContinuousClock.Instant] {
        let recalled = state.withLock { $0.projection.recalled }
        return recalledSince.filter { recalled.contains($0.key) }
    }

    /// Judges the zone anew: also where nothing happens, time goes by.
    func refresh() {
        let judgement = state.withLock { state in state.hasStarted ? judge(&state) : nil }
        if let judgement { tell(judgement) }
    }

    func explain(_ key: ServiceKey, in system: SystemName) -> ZoneExplanation? {
        state.withLock { $0.projection.explain(key, in: system) }
    }

    private func take(_ delta: CatalogDelta) {
        guard definition.systems.contains(delta.system) else { return }
        let taken: Taken? = state.withLock { state in
            // What comes before the start is in the snapshot that the start reads.
            guard state.hasStarted else { return nil }
            let wasReady = state.projection.isReady
            var hasChanged = false
            state.projection.update(delta, reading: { store.service($0, in: $1) }) { batch in
                apply(batch)
                hasChanged = true
            }
            let judgement = judge(&state)
            let isLoad = !wasReady && state.projection.isReady
            var problems = state.projection.problems
            if !isLoad {
                let changed = delta.changed.map { ($0, problems[$0] ?? []) }
                problems = Dictionary(changed, uniquingKeysWith: { first, _ in first })
            }
            return Taken(isLoad: isLoad, hasChanged: hasChanged, problems: problems, judgement: judgement)
        }
        guard let taken else { return }
        if taken.isLoad {
            logLoaded()
        } else if taken.hasChanged {
            observe(delta.observedAt.duration(to: .now))
        }
        tell(taken.judgement)
        report(taken.problems)
    }

    /// What a delta led to.
    private struct Taken {
        let isLoad: Bool
        let hasChanged: Bool
        let problems: [ServiceKey: [Problem]]
        let judgement: Judgement
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
        let applied = zone.apply(batch.changes)
        if applied.changed > 0, zone.freshness != .unready { published(zone) }
        for rejected in applied.rejected {
            logger.error(
                "Records left out of the zone",
                metadata: [
                    "zone": "\(zone.apex)", "owner": "\(rejected.owner)", "reason": "\(rejected.reason)",
                ]
            )
        }
    }

    /// Takes in how far the zone's systems can be trusted now.
    private func judge(_ state: inout State) -> Judgement {
        let now = ContinuousClock.now
        let systems = Self.systems(of: state.projection, in: store, recalledSince: recalledSince, at: now)
        let before = state.standing
        state.standing = ZoneStanding(systems, maxStale: maxStale, at: now)
        state.projection.expire(state.standing.expired, reading: { store.service($0, in: $1) }) { apply($0) }
        for zone in zones { zone.freshness = state.standing.freshness }
        return Judgement(before: before, after: state.standing)
    }

    private func logLoaded() {
        for zone in zones { published(zone) }
        logger.info(
            "Zone is answered",
            metadata: ["zone": "\(definition.name)", "names": "\(zones.reduce(0) { $0 + $1.statistics.names })"]
        )
    }
}
