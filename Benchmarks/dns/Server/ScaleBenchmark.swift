import DNSCore
import DNSZones
import Glibc
import ServiceCatalog
import Synchronization

/// What a cluster of 100,000 endpoints costs DNS on top of the catalog: loading it, holding it, and changing one endpoint of
/// it, from the catalog to the answer.
struct ScaleBenchmark {
    private static let services = 1000
    private static let endpoints = 100
    private static let system = SystemName("east")
    private static let ports = [EndpointPort(name: "http", number: 8080)]

    func run() {
        let catalog = CatalogStore(systems: [Self.system])
        let source = catalog.writer(for: Self.system)
        source.apply(.snapshot((0..<Self.services).map { service($0) }))
        let projection = Projection(of: catalog, Self.system)
        let before = residentBytes()
        let load = cpuSeconds { projection.start() }
        let held = residentBytes() - before
        show("100,000 endpoints: names in memory", "\(projection.statistics.names)")
        show("100,000 endpoints: load, ms of CPU", format(load * 1e3))
        show("100,000 endpoints: memory of the DNS part, MB", format(Double(held) / 1e6))

        // An endpoint of a service is replaced, and replaced back.
        var costs: [Double] = []
        for round in 0..<2000 {
            let number = round * 7 % Self.services
            for service in [service(number, replaced: round), service(number)] {
                costs.append(cpuSeconds { source.apply(.changes([.set(service)])) })
            }
        }
        costs.sort()
        show("change of one endpoint, µs of CPU (median)", format(costs[costs.count / 2] * 1e6))
        show("change of one endpoint, µs of CPU (99 in 100)", format(costs[costs.count * 99 / 100] * 1e6))
    }

    private func service(_ number: Int, replaced round: Int? = nil) -> Service {
        let first = 0x0a00_0000 + UInt32(number * Self.endpoints)
        var addresses = (0..<UInt32(Self.endpoints)).map { first + $0 }
        if let round { addresses[Self.endpoints - 1] = 0x0a80_0000 + UInt32(round) }
        return Service(
            key: ServiceKey(namespace: "default", name: "svc-\(number)"),
            origin: Origin(cluster: "one", system: Self.system),
            kind: .headless,
            ports: [ServicePort(name: "http", number: 8080)],
            endpoints: addresses.map { Endpoint(host: .address(.v4($0)), ports: Self.ports) }
        )
    }

    private func show(_ what: String, _ value: String) { print("\(what)\t\(value)") }

    private func format(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private func cpuSeconds(_ body: () -> Void) -> Double {
        let start = now()
        body()
        return now() - start
    }

    private func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    private func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 128)
        guard fgets(&text, 128, file) != nil else { return 0 }
        let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            separator: " "
        )
        return words.count > 1 ? (Int(words[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}

/// A zone with all reverse names that follows a catalog, as the bridge has it.
private final class Projection: Sendable {
    private let catalog: CatalogStore
    private let state: Mutex<ZoneState>
    private let zones: [Zone]

    init(of catalog: CatalogStore, _ system: SystemName) {
        self.catalog = catalog
        let definition = ZoneDefinition(
            name: BenchmarkZone.apex,
            schema: .kubernetes,
            systems: [system],
            ttl: 5,
            reverse: ReverseZone.all
        )
        state = Mutex(ZoneState(definition))
        let store = ZoneStore()
        zones = ([definition.name] + definition.reverse.map(\.name)).map {
            Zone(
                apex: $0,
                authority: StartOfAuthority(primary: $0, mailbox: $0, serial: 1),
                ttl: 5,
                epochs: store.epochs
            )
        }
    }

    var statistics: (names: Int, bytes: Int) {
        zones.map(\.statistics).reduce((0, 0)) { ($0.0 + $1.names, $0.1 + $1.bytes) }
    }

    func start() {
        state.withLock { $0.start(from: catalog.snapshot) { apply($0) } }
        _ = catalog.subscribe { [self] delta in
            state.withLock { $0.update(delta, reading: { catalog.service($0, in: $1) }, publish: { apply($0) }) }
        }
    }

    private func apply(_ batch: ZoneBatch) {
        zones.first { $0.apex == batch.zone }?.apply(batch.changes)
    }
}
