internal import DNSCore
internal import DNSServer
internal import DNSSigning
internal import DNSState
internal import DNSTransfer
internal import DNSZones
internal import Logging
package import PortolanConfiguration
package import PortolanLogs
internal import ServiceCatalog
internal import SyncEngine
internal import Synchronization
internal import Telemetry

/// The whole bridge: sources, catalog, zones, syncs and the listeners, made equal to a configuration.
///
/// ``apply(_:)`` first makes everything that can fail, and only then lets go of anything; what the new configuration
/// leaves as it was is not touched.
package actor Bridge {
    private struct RunningSource {
        let configuration: SystemConfiguration
        let system: ConnectedSystem
        /// `nil` for a registry that is only written to.
        let task: Task<Void, Never>?
    }

    private struct RunningFlow {
        let flow: TargetFlow
        let driver: SyncDriver
        let task: Task<Void, Never>
    }

    private struct RunningZone {
        let plan: ZonePlan
        let publisher: ZonePublisher
        /// `nil` for an unsigned zone.
        let signing: ZoneSigning?
    }

    private struct RunningServer {
        let configuration: ServerConfiguration
        let certificate: ServerCertificate?
        let server: DNSServer
    }

    let store = CatalogStore(systems: [])
    private let instruments = BridgeMetrics()
    private let dnsMetrics = DNSMetrics()
    private let logs: LogOutput
    private let logger: Logger
    private let problemReporter: ProblemReporter
    private let zoneStore = ZoneStore()
    /// For configurations that name none. It lives as long as the process, so that a reload makes no cookie worthless.
    private let randomCookies = CookieSecrets(current: .random())
    private let signers = ZoneSigners()
    private let signatures = SignatureCache()
    /// Looks after the keys of signed zones.
    private var keyWatch: Task<Void, Never>?
    private let transfers: TransferService
    private let notifier: Notifier
    private let lastStatuses = Mutex<[SyncStatus]>([])
    private let lastPublishers = Mutex<[ZonePublisher]>([])
    private(set) var configuration: Configuration?
    private var isStopping = false
    private var sources: [SystemName: RunningSource] = [:]
    private var flows: [SystemName: RunningFlow] = [:]
    private var zones: [RunningZone] = []
    private var server: RunningServer?
    private var keeper: StateKeeper?
    private var clockwork: Task<Void, Never>?
    private var admin: AdminListener?

    package init(logs: LogOutput) {
        self.logs = logs
        logger = logs.logger("bridge")
        problemReporter = ProblemReporter(counter: instruments.problems, logger: logs.logger("catalog"))
        instruments.show(store)
        transfers = TransferService(signers: signers, logger: logs.logger("dns"))
        notifier = Notifier(logger: logs.logger("dns"))
        dnsMetrics.register(in: instruments.registry)
        TransferMetrics.register(transfers, notifier, in: instruments.registry)
        registerSyncGauges()
        registerZoneGauges()
        store.subscribe { [store, problemReporter] delta in
            for key in delta.changed {
                let problems = store.service(key, in: delta.system)?.settings.problems ?? []
                problemReporter.report(problems, of: key, in: "system \(delta.system)")
            }
        }
    }

    // MARK: - Configurations

    /// Makes the bridge equal to `new`, or leaves it as it was and says why.
    package func apply(_ new: Configuration) async throws(CommandFailure) {
        if let old = configuration, old.cluster != new.cluster {
            throw CommandFailure(
                .configuration,
                message: "cluster is \"\(old.cluster)\" and cannot become \"\(new.cluster)\" while the bridge runs, "
                    + "as it marks every entry written; restart for that"
            )
        }
        logs.set(new.log)
        let connected = try connect(new)
        let keys = try TSIGKeyring(new.dns?.keys ?? [])
        let plans = ZonePlan.zones(of: new)
        let zoneKeys = try plans.map { plan throws(CommandFailure) in try Self.loadKeys(of: plan) }
        let nextKeeper = makeKeeper(new)
        let memory = recall(new, nextKeeper)
        let next = plans.map { plan in zones.first { $0.plan == plan } ?? makeZone(plan, memory, nextKeeper) }
        var renewed: [Zone] = []
        for (zone, keys) in zip(next, zoneKeys) {
            if let keys { renewed += zone.signing?.use(keys, at: .now) ?? [] }
        }
        if configuration == nil {
            serve(next, new)
            offer(next, new, keys)
        }
        try await listen(new)

        configuration = new
        store.keep(systems: Set(new.systems.map(\.name)))
        await exchangeZones(next, new)
        watchKeys()
        await exchangeKeeper(nextKeeper, new)
        offer(next, new, keys)
        announce(renewed)
        await exchangeFlows(TargetFlow.flows(of: new), connected)
        await exchangeSources(connected)
    }

    /// Finishes what is under way and stops. Entries stay in the registries, except where a system withdraws on exit.
    package func stop() async {
        isStopping = true
        let withdrawing = Set((configuration?.systems ?? []).filter(\.withdrawOnExit).map(\.name))
        await stopFlows(Array(flows.keys), withdrawing: withdrawing)
        for source in sources.values { source.task?.cancel() }
        for source in sources.values { await source.task?.value }
        sources = [:]
        keyWatch?.cancel()
        for zone in zones { zone.publisher.stop() }
        clockwork?.cancel()
        await keeper?.finish()
        notifier.stop()
        await server?.server.stop()
        await admin?.stop()
        logger.info("The bridge has stopped")
    }

    // MARK: - Systems

    /// The systems of `new`: those that are configured as before as they are, the others made.
    private func connect(_ new: Configuration) throws(CommandFailure) -> [SystemName: RunningSource] {
        let connector = SystemConnector(
            cluster: new.cluster,
            logs: logs,
            watchRestarts: instruments.watchRestarts
        )
        var connected: [SystemName: RunningSource] = [:]
        for system in new.systems {
            if let running = sources[system.name], running.configuration == system,
                (running.task != nil) == new.isRead(system.name)
            {
                connected[system.name] = running
            } else {
                do throws(CommandFailure) {
                    let made = try connector.connect(system)
                    connected[system.name] = RunningSource(configuration: system, system: made, task: nil)
                } catch {
                    throw error.of(system.name)
                }
            }
        }
        return connected
    }

    private func exchangeSources(_ next: [SystemName: RunningSource]) async {
        let old = sources
        sources = next
        for (name, running) in old where running.task != nil && next[name]?.task != running.task {
            running.task?.cancel()
            await running.task?.value
        }
        for (name, source) in next where source.task == nil && configuration?.isRead(name) == true {
            let writer = store.writer(for: name)
            sources[name] = RunningSource(
                configuration: source.configuration,
                system: source.system,
                task: Task { await source.system.source.run(into: writer) }
            )
        }
    }

    func connected(_ name: SystemName) -> ConnectedSystem? { sources[name]?.system }

    // MARK: - Zones

    private func makeZone(
        _ plan: ZonePlan,
        _ memory: [SystemName: RememberedSystem],
        _ keeper: StateKeeper?
    ) -> RunningZone {
        let name = plan.definition.name.description
        let publisher = ZonePublisher(
            plan.definition,
            nameServer: plan.nameServer,
            maxStale: plan.maxStale,
            memory: memory.filter { plan.definition.systems.contains($0.key) },
            serial: { apex in
                // A zone that is made anew goes on above the one it replaces.
                let present = zones.flatMap(\.publisher.zones).first { $0.apex == apex }?.serial
                let start = keeper?.startingSerial(of: apex) ?? .now
                return present.map { SerialCeiling.start(above: $0, now: start) } ?? start
            },
            store: store,
            epochs: zoneStore.epochs,
            logger: logs.logger("dns"),
            reporter: problemReporter,
            observe: { [instruments] in instruments.dnsPropagation.observe($0, [name]) },
            published: { [notifier] in notifier.change($0) }
        )
        instruments.dnsPropagation.declare([name])
        let signing = plan.keyDirectory.map { path in
            ZoneSigning(
                KeyDirectory(path: path),
                zones: publisher.zones,
                nameServer: plan.nameServer,
                ttl: plan.definition.ttl,
                cache: signatures,
                logger: logs.logger("dns")
            )
        }
        return RunningZone(plan: plan, publisher: publisher, signing: signing)
    }

    private static func loadKeys(of plan: ZonePlan) throws(CommandFailure) -> KeyDirectory.Contents? {
        guard let path = plan.keyDirectory else { return nil }
        return try KeyDirectory(path: path).load(
            plan.definition.name,
            others: plan.definition.reverse.map(\.name),
            at: .now
        )
    }

    /// Key directories are looked at every ten seconds, and a configuration that is applied anew looks at them at once.
    private func watchKeys() {
        keyWatch?.cancel()
        guard zones.contains(where: { $0.signing != nil }) else { return }
        keyWatch = Task { [weak self] in
            while (try? await Task.sleep(for: .seconds(10))) != nil { await self?.followKeys() }
        }
    }

    private func followKeys() {
        let renewed = zones.flatMap { $0.signing?.follow(at: .now) ?? [] }
        signers.use(zones.flatMap { $0.signing?.signers ?? [] })
        announce(renewed)
    }

    /// Tells secondaries of zones that are signed otherwise than before.
    private func announce(_ zones: [Zone]) {
        for zone in zones where zone.freshness.isAnswered { notifier.change(zone) }
    }

    private func exchangeZones(_ next: [RunningZone], _ new: Configuration) async {
        let old = zones
        zones = next
        for zone in next where !old.contains(where: { $0.publisher === zone.publisher }) { zone.publisher.start() }
        serve(next, new)
        for zone in old where !next.contains(where: { $0.publisher === zone.publisher }) { zone.publisher.stop() }
        lastPublishers.withLock { $0 = next.map(\.publisher) }
        if clockwork == nil {
            clockwork = Task { [weak self] in
                while (try? await Task.sleep(for: .seconds(1))) != nil {
                    for publisher in await self?.publishers ?? [] { publisher.refresh() }
                }
            }
        }
    }

    // MARK: - State

    /// The keeper of the directory that `new` names: the present one where it is the same.
    private func makeKeeper(_ new: Configuration) -> StateKeeper? {
        guard let path = new.dns?.state else { return nil }
        if let keeper, keeper.path == path { return keeper }
        return StateKeeper(path: path, store: store, writes: instruments.stateWrites, logger: logs.logger("dns"))
    }

    /// What is remembered of the systems of `new` that have not been read.
    private func recall(_ new: Configuration, _ keeper: StateKeeper?) -> [SystemName: RememberedSystem] {
        guard let keeper else { return [:] }
        var memory: [SystemName: RememberedSystem] = [:]
        for subject in StateKeeper.subjects(of: new) where !store.freshness(of: subject.system).isSynced {
            memory[subject.system] = keeper.recall(subject)
        }
        return memory
    }

    private func exchangeKeeper(_ next: StateKeeper?, _ new: Configuration) async {
        if let keeper, keeper !== next { await keeper.finish() }
        keeper = next
        next?.follow(StateKeeper.subjects(of: new), zones.flatMap(\.publisher.zones))
    }

    /// Since when what DNS shows of a system is no better, where that is from before this process.
    func recalledSince(_ system: SystemName) -> ContinuousClock.Instant? {
        publishers.lazy.compactMap { $0.recalled[system] }.first
    }

    /// Serves zones to whom `configuration` allows to ask them. A reverse zone follows the zone it belongs to.
    private func serve(_ zones: [RunningZone], _ configuration: Configuration) {
        var access: [DomainName: AccessList] = [:]
        for zone in zones {
            let ranges = configuration.dns?.zones.first { $0.zone == zone.plan.definition.name }?.allowQuery
            guard let ranges else { continue }
            for apex in zone.publisher.zones.map(\.apex) { access[apex] = AccessList(ranges) }
        }
        signers.use(zones.flatMap { $0.signing?.signers ?? [] })
        zoneStore.serve(zones.flatMap(\.publisher.zones), to: access)
    }

    /// Lets secondaries copy what `configuration` says, and tells them of changes. A reverse zone follows the zone it belongs to.
    private func offer(_ zones: [RunningZone], _ configuration: Configuration, _ keys: TSIGKeyring) {
        var policy = TransferService.Policy()
        policy.keys = keys
        var targets: [DomainName: [NotifyMachine.Target]] = [:]
        for running in zones {
            let transfer = configuration.dns?.zones.first { $0.zone == running.plan.definition.name }?.transfer
            for zone in running.publisher.zones {
                policy.zones.insert(zone.apex)
                let isOffered = transfer.map { !$0.access.rules.isEmpty } ?? false
                zone.keepsChanges = isOffered && !zone.isSigned
                guard let transfer else { continue }
                policy.offers[zone.apex] = .init(zone: zone, access: transfer.access)
                if !transfer.notify.isEmpty { targets[zone.apex] = transfer.notify }
            }
        }
        transfers.policy = policy
        let served = zones.flatMap(\.publisher.zones)
        let unready = Set(served.filter { !$0.freshness.isAnswered }.map(\.apex))
        notifier.follow(targets, unready: unready, keys: keys)
        // Loaded in between.
        for zone in served where unready.contains(zone.apex) && zone.freshness.isAnswered { notifier.change(zone) }
    }

    var publishers: [ZonePublisher] { zones.map(\.publisher) }

    // MARK: - Syncs

    private func exchangeFlows(_ next: [SystemName: TargetFlow], _ connected: [SystemName: RunningSource]) async {
        await stopFlows(flows.keys.filter { flows[$0]?.flow != next[$0] }, withdrawing: [])
        for (name, flow) in next where flows[name] == nil {
            guard let target = connected[name]?.system.makeTarget?() else { continue }
            let machine = flow.machine
            for definition in machine.definitions { instruments.declare(sync: definition.name) }
            let driver = SyncDriver(
                target: target,
                store: store,
                configuration: machine,
                reread: { [weak self] system in await self?.connected(system)?.reread() ?? false },
                logger: logs.logger("sync"),
                observe: { [instruments, weak self] event in
                    instruments.observe(event)
                    guard case .problem(let problem, let subjects) = event, !subjects.isEmpty else { return }
                    Task { await self?.report(problem, about: subjects) }
                }
            )
            flows[name] = RunningFlow(flow: flow, driver: driver, task: Task { await driver.run() })
        }
    }

    /// Tells the systems of services what a sync has found about them.
    private func report(_ problem: Problem, about subjects: [SyncEvent.Subject]) {
        for subject in subjects { connected(subject.system)?.report(problem, subject.key) }
    }

    private func stopFlows(_ names: [SystemName], withdrawing: Set<SystemName>) async {
        for name in names { flows[name]?.driver.stop(withdrawing: withdrawing.contains(name)) }
        for name in names { await flows.removeValue(forKey: name)?.task.value }
    }

    func syncStatuses() async -> [SyncStatus] {
        var statuses: [SyncStatus] = []
        for flow in flows.values { statuses += await flow.driver.status() }
        return statuses.sorted { $0.name < $1.name }
    }

    func syncExplanations(_ key: ServiceKey, in system: SystemName) async -> [SyncExplanation] {
        var explanations: [SyncExplanation] = []
        for flow in flows.values { explanations += await flow.driver.explain(key, in: system) }
        return explanations.sorted { $0.sync < $1.sync }
    }

    // MARK: - Listeners

    /// Opens what `new` asks for. When an address cannot be opened, everything listens as before.
    private func listen(_ new: Configuration) async throws(CommandFailure) {
        let wanted = try new.dns.map { dns throws(CommandFailure) in
            try ServerConfiguration(dns, cookies: randomCookies)
        }
        if wanted != server?.configuration { try await exchangeServer(wanted) }
        if admin?.configured != new.admin.listen {
            let listener = try await AdminListener.start(
                on: new.admin.listen,
                views: self,
                logger: logs.logger("admin")
            )
            await admin?.stop()
            admin = listener
        }
    }

    private func exchangeServer(_ wanted: ServerConfiguration?) async throws(CommandFailure) {
        let old = server
        // What is in use stays, even if its files have been broken since.
        let isKnown = old?.certificate != nil && old?.certificate?.files == wanted?.tls?.files
        let certificate = isKnown ? old?.certificate : try ServerCertificate.reading(wanted?.tls)
        let shared = Set(wanted?.addresses ?? []).intersection(old?.configuration.addresses ?? [])
        if !shared.isEmpty { await old?.server.stop() }
        do throws(ListenError) {
            server = try await start(wanted, certificate)
        } catch {
            if !shared.isEmpty {
                do throws(ListenError) {
                    server = try await start(old?.configuration, old?.certificate)
                } catch {
                    // So that the next configuration, be it the same, is tried.
                    server = nil
                    dnsMetrics.show(nil)
                    logger.critical("DNS is not served any more", metadata: ["error": "\(error)"])
                }
            }
            throw CommandFailure(error.reason == .notPermitted ? .permission : .unavailable, message: "\(error)")
        }
        if shared.isEmpty { await old?.server.stop() }
    }

    private func start(
        _ wanted: ServerConfiguration?,
        _ certificate: ServerCertificate?
    ) async throws(ListenError) -> RunningServer? {
        guard let wanted else {
            dnsMetrics.show(nil)
            return nil
        }
        let server = DNSServer(
            configuration: wanted,
            certificate: certificate,
            zones: zoneStore,
            signers: signers,
            transfers: transfers,
            logger: logs.logger("dns")
        )
        try await server.start()
        dnsMetrics.show(server)
        return RunningServer(configuration: wanted, certificate: certificate, server: server)
    }

    // MARK: - Views

    func isRequired(_ publisher: ZonePublisher) -> Bool {
        publisher.definition.systems.allSatisfy { configuration?.isRequired($0) ?? true }
    }

    var waiting: [String] {
        guard let configuration else { return ["the bridge is starting"] }
        guard !isStopping else { return ["the bridge is stopping"] }
        let systems = configuration.systems.filter { system in
            configuration.isRequired(system.name) && !store.freshness(of: system.name).isSynced
        }
        return systems.map { "system \($0.name) has not been read completely yet" }
            + publishers.filter { !$0.isReady && isRequired($0) }.map { "zone \($0.definition.name) is not loaded" }
    }

    /// The metrics of this moment, in Prometheus' text format.
    func renderMetrics() async -> String {
        let statuses = await syncStatuses()
        lastStatuses.withLock { $0 = statuses }
        return instruments.registry.render()
    }

    private nonisolated func registerSyncGauges() {
        func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (SyncStatus) -> Int) {
            instruments.registry.gauge(.init(name, help: help, labels: ["sync"])) { [weak self] in
                (self?.lastStatuses.withLock { $0 } ?? []).map { Sample(labels: [$0.name], value: Double(value($0))) }
            }
        }
        gauge("sync_pending", "Service names that wait to be written.", \.pending)
        gauge("guard_held", "Entries whose removal is held back.", \.held)
        gauge("sync_owned", "Entries in the target that are this installation's.", \.owned)
        instruments.registry.gauge(.init("leader", help: "One while this instance writes to the targets.")) {
            [Sample(value: 1)]
        }
    }

    private nonisolated func registerZoneGauges() {
        instruments.registry.gauge(
            .init(
                "dns_zone_staleness_seconds",
                help: "For how long a zone has been answered as last known, or has not been for that reason; "
                    + "zero while it is current.",
                labels: ["zone"]
            )
        ) { [weak self] in
            (self?.lastPublishers.withLock { $0 } ?? []).compactMap { publisher in
                let standing = publisher.standing
                guard standing.freshness != .unready else { return nil }
                let age = standing.since?.duration(to: .now).inSeconds ?? 0
                return Sample(labels: [publisher.definition.name.description], value: age)
            }
        }
    }

    /// Counts what became of a new configuration.
    package func countReload(_ result: String) { instruments.configurationReloads.increment([result]) }
}
