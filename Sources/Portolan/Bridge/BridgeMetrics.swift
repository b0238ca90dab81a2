internal import ServiceCatalog
internal import SyncEngine
internal import Telemetry

/// The metrics that the bridge itself keeps; the others are read from where they are, at scrape time.
struct BridgeMetrics: Sendable {
    let registry = MetricRegistry()
    let operations: Counter
    let syncPropagation: Histogram
    let dnsPropagation: Histogram
    let watchRestarts: Counter
    let problems: Counter
    let configurationReloads: Counter
    let stateWrites: Counter

    init() {
        operations = registry.counter(
            .init(
                "sync_operations_total",
                help: "Entries written to targets, by operation (add, change, remove) and result.",
                labels: ["sync", "operation", "result"]
            )
        )
        syncPropagation = registry.histogram(
            .init(
                "sync_propagation_seconds",
                help: "From the arrival of a change to its acknowledgement by the target.",
                labels: ["sync"]
            )
        )
        dnsPropagation = registry.histogram(
            .init(
                "dns_propagation_seconds",
                help: "From the arrival of a change to the moment its answer is live.",
                labels: ["zone"]
            )
        )
        watchRestarts = registry.counter(
            .init("watch_restarts_total", help: "Watches begun anew, by cause.", labels: ["system", "reason"])
        )
        problems = registry.counter(
            .init("problems_total", help: "Problems found in services and objects, by kind.", labels: ["code"])
        )
        configurationReloads = registry.counter(
            .init("configuration_reloads_total", help: "New configurations, by result.", labels: ["result"])
        )
        stateWrites = registry.counter(
            .init("dns_state_writes_total", help: "Rounds of writing dns.state, by result.", labels: ["result"])
        )
        for result in ["applied", "refused"] { configurationReloads.declare([result]) }
        for code in Problem.Code.allCases { problems.declare([code.rawValue]) }
        registry.gauge(.init("build_info", help: "The version that runs.", labels: ["version", "compiler"])) {
            [Sample(labels: [BuildInformation.version, BuildInformation.compiler], value: 1)]
        }
    }

    /// Makes the series of a sync appear at zero.
    func declare(sync: String) {
        for kind in [Operation.Kind.add, .change, .remove] { operations.declare([sync, kind.rawValue, "ok"]) }
        syncPropagation.declare([sync])
    }

    func observe(_ event: SyncEvent) {
        switch event {
        case .operation(let sync, let kind, let result): operations.increment([sync, kind.rawValue, result])
        case .propagated(let sync, let duration): syncPropagation.observe(duration, [sync])
        case .problem(let problem, _): problems.increment([problem.code.rawValue])
        case .agreed, .held, .released, .targetFailed, .targetRecovered: break
        }
    }

    /// Adds the gauges that show the catalog.
    func show(_ store: CatalogStore) {
        func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (Catalog.SystemState) -> Double) {
            registry.gauge(.init(name, help: help, labels: ["system"])) {
                store.snapshot.systems.map { Sample(labels: [$0.key.rawValue], value: value($0.value)) }
            }
        }
        gauge("catalog_services", "Services known of a system.") { Double($0.services.count) }
        gauge("catalog_endpoints", "Endpoints known of a system.") { Double($0.endpointCount) }
        gauge("system_synced", "One once a system has been read completely.") { $0.freshness.isSynced ? 1 : 0 }
        gauge("system_staleness_seconds", "For how long a system has been out of reach; zero while it is not.") {
            if case .stale(let since, _) = $0.freshness { since.duration(to: .now).inSeconds } else { 0 }
        }
    }
}
