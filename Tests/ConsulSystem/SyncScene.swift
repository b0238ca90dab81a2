import Logging
import Sandbox
import ServiceCatalog
import SyncEngine
import Synchronization

@testable import ConsulSystem

/// A catalog with one source, and a driver that keeps a Consul in agreement with it.
final class SyncScene: Sendable {
    let store: CatalogStore
    let driver: SyncDriver
    private let task: Task<Void, Never>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(
        _ target: some Target,
        cluster: String = "east",
        store: CatalogStore = CatalogStore(systems: ["k8s"]),
        policy: GuardPolicy = GuardPolicy(),
        time: SyncTime = .continuous
    ) {
        (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.store = store
        let events = Locked<[SyncEvent]>([])
        driver = SyncDriver(
            target: target,
            store: store,
            configuration: SyncMachine.Configuration(
                cluster: cluster,
                definitions: [SyncDefinition(from: "k8s", to: target.system)],
                guardPolicy: policy,
                targetBackoff: Backoff(base: .milliseconds(10), cap: .milliseconds(50)),
                entryBackoff: Backoff(base: .milliseconds(10), cap: .milliseconds(50))
            ),
            time: time,
            reread: { _ in true },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            observe: { [signal] event in
                events.value.withLock { $0.append(event) }
                signal.yield()
            }
        )
        self.events = events
        task = Task { [driver] in await driver.run() }
    }

    private let events: Locked<[SyncEvent]>

    var seenEvents: [SyncEvent] { events.value.withLock { $0 } }

    func tell(_ event: SourceEvent) { store.writer(for: "k8s").apply(event) }

    var status: SyncStatus { get async { await driver.status()[0] } }

    /// Waits for what the driver does to make `condition` true; the test's time limit bounds the wait.
    func wait(until condition: () async throws -> Bool) async throws {
        if try await condition() { return }
        for await _ in signals {
            if try await condition() { return }
        }
    }

    /// Waits until everything is written and the adapter waits for changes again.
    func settle(_ consul: ConsulStandIn, reads: Int = 2) async throws {
        try await wait {
            guard case .agreed = seenEvents.last(where: { $0.isAboutWork }) else { return false }
            return await status.phase == .idle
        }
        await consul.whenWaiting(requests: reads)
    }

    func stop(withdrawing: Bool = false) async {
        driver.stop(withdrawing: withdrawing)
        await task.value
    }

    func beginCancel() { task.cancel() }
    func ended() async { await task.value }
}

extension SyncEvent {
    fileprivate var isAboutWork: Bool {
        switch self {
        case .operation, .agreed, .held: true
        default: false
        }
    }
}

/// Time in which every wait is over at once: it has passed by then.
final class LeapingTime: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { instant.withLock { $0 } }

    var time: SyncTime {
        SyncTime(
            now: { self.now },
            sleep: { moment in self.instant.withLock { $0 = max($0, moment) } }
        )
    }
}

/// A value that closures share.
final class Locked<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}

func service(
    _ name: String = "cart",
    _ octets: [UInt32],
    notReady: Set<UInt32> = [],
    draining: Set<UInt32> = [],
    settings: ServiceSettings = .none
) -> Service {
    Service(
        key: ServiceKey(namespace: "shop", name: name),
        origin: Origin(cluster: "east", system: "k8s"),
        kind: .clusterAddress,
        ports: [ServicePort(name: "http", number: 80)],
        settings: settings,
        endpoints: octets.map { octet in
            Endpoint(
                host: .address(.v4(0x0a00_0000 + octet)),
                readiness: notReady.contains(octet) ? .notReady : draining.contains(octet) ? .draining : .ready,
                targetName: "\(name)-\(octet)",
                ports: [EndpointPort(name: "http", number: 8080)]
            )
        }
    )
}
