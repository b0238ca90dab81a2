import Logging
import ServiceCatalog
import SyncEngine
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct DriverTests {
    /// Time that moves only when it is told to.
    private final class ManualTime: Sendable {
        private struct State {
            var now = World.start
            var sleepers: [(until: ContinuousClock.Instant, continuation: CheckedContinuation<Void, Never>)] = []
            var watcher: CheckedContinuation<Void, Never>?
        }

        private let state = Mutex(State())

        var time: SyncTime {
            SyncTime(
                now: { self.state.withLock { $0.now } },
                sleep: { moment in
                    await withCheckedContinuation { continuation in
                        let (isOver, watcher) = self.state.withLock { state in
                            if state.now >= moment { return (true, nil as CheckedContinuation<Void, Never>?) }
                            state.sleepers.append((moment, continuation))
                            return (false, state.watcher.take())
                        }
                        if isOver { continuation.resume() }
                        watcher?.resume()
                    }
                }
            )
        }

        func advance(by duration: Duration) {
            let due = state.withLock { state in
                state.now += duration
                let now = state.now
                defer { state.sleepers.removeAll { $0.until <= now } }
                return state.sleepers.filter { $0.until <= now }
            }
            for sleeper in due { sleeper.continuation.resume() }
        }

        /// Returns when somebody waits for time to pass.
        func whenAwaited() async {
            await withCheckedContinuation { continuation in
                let isAwaited = state.withLock { state in
                    if state.sleepers.isEmpty { state.watcher = continuation }
                    return !state.sleepers.isEmpty
                }
                if isAwaited { continuation.resume() }
            }
        }

        func end() { advance(by: .seconds(1_000_000)) }
    }

    private struct Scene {
        let store = CatalogStore(systems: ["k8s"])
        let registry = ModelRegistry()
        let time = ManualTime()
        let driver: SyncDriver
        let events: AsyncStream<SyncEvent>

        init(
            batchLimit: Int = 8,
            concurrentBatches: Int = 1,
            reread: @escaping @Sendable (SystemName) async -> Bool = { _ in true }
        ) {
            let (events, continuation) = AsyncStream.makeStream(of: SyncEvent.self)
            self.events = events
            driver = SyncDriver(
                target: ModelTarget(registry, batchLimit: batchLimit, concurrentBatches: concurrentBatches),
                store: store,
                configuration: .init(cluster: "east", definitions: [SyncDefinition(from: "k8s", to: "model")]),
                time: time.time,
                reread: reread,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                observe: { continuation.yield($0) }
            )
        }

        func wait(for isWanted: (SyncEvent) -> Bool) async {
            for await event in events where isWanted(event) { return }
        }

        func tell(_ event: SourceEvent) { store.writer(for: "k8s").apply(event) }
    }

    @Test("Changes of the catalog and of the target are carried to each other as they happen")
    func carries() async {
        let scene = Scene()
        let task = Task { await scene.driver.run() }
        scene.tell(.snapshot([service("a", [1])]))
        await scene.wait { $0 == .agreed(owned: 1) }
        scene.tell(.changes([.set(service("a", [1, 2]))]))
        await scene.wait { $0 == .agreed(owned: 2) }
        scene.registry.edit { $0.regions["east"] = [:] }
        await scene.wait { $0 == .agreed(owned: 2) }
        #expect(scene.registry.entries().count == 2)
        #expect(await scene.driver.status().map(\.phase) == [.idle])
        scene.driver.stop()
        await task.value
        scene.time.end()
    }

    @Test("11 Clean stop: the batch in flight is finished, nothing after it begins", arguments: [false, true])
    func cleanStop(byCancellation: Bool) async {
        let scene = Scene()
        scene.registry.with { $0.pauses = { _ in true } }
        let task = Task { await scene.driver.run() }
        scene.tell(.snapshot((1...20).map { service("s\($0)", [UInt32($0)]) }))
        // Eight fit into a batch: that one is under way.
        while await !scene.driver.isWriting { await Task.yield() }
        if byCancellation { task.cancel() } else { scene.driver.stop() }
        scene.registry.resume()
        await task.value
        #expect(scene.registry.entries().count == 8)
        scene.time.end()
    }

    @Test("11 Clean stop: of several batches in flight, the one begun long ago is waited for as well")
    func cleanStopOfOldest() async {
        let scene = Scene(batchLimit: 1, concurrentBatches: 4)
        scene.registry.with { $0.pauses = { $0[0].service == "s1" } }
        let task = Task { await scene.driver.run() }
        scene.tell(.snapshot((1...12).map { service("s\($0)", [UInt32($0)]) }))
        var events = scene.events.makeAsyncIterator()
        func written(_ count: Int) async {
            for _ in 0..<count {
                while let event = await events.next(), event != .operation(sync: "k8s-to-model", .add, result: "ok") {}
            }
        }
        await written(11)
        scene.driver.stop()
        await scene.time.whenAwaited()
        #expect(await scene.driver.isWriting)
        scene.registry.resume()
        await written(1)
        await task.value
        #expect(scene.registry.entries().count == 12)
        scene.time.end()
    }

    @Test("11 Clean stop: a target that answers nothing holds up the stop for ten seconds, no longer")
    func stopOfStuckTarget() async {
        let scene = Scene(batchLimit: 1, concurrentBatches: 4)
        scene.registry.with { $0.pauses = { _ in true } }
        let task = Task { await scene.driver.run() }
        scene.tell(.snapshot((1...12).map { service("s\($0)", [UInt32($0)]) }))
        while scene.registry.with({ $0.paused.count }) < 4 { await Task.yield() }
        scene.driver.stop(withdrawing: true)
        await scene.time.whenAwaited()
        scene.time.advance(by: .seconds(9))
        #expect(scene.registry.with { $0.paused.count } == 4)
        scene.time.advance(by: .seconds(1))
        await task.value
        #expect(scene.registry.entries().isEmpty)
        scene.time.end()
    }

    @Test("11 Clean stop: with withdrawOnExit the entries go")
    func withdraw() async {
        let scene = Scene()
        let task = Task { await scene.driver.run() }
        scene.tell(.snapshot((1...20).map { service("s\($0)", [UInt32($0)]) }))
        await scene.wait { $0 == .agreed(owned: 20) }
        scene.driver.stop(withdrawing: true)
        await task.value
        #expect(scene.registry.entries().isEmpty)
        scene.time.end()
    }

    @Test("A failed target is tried again when the delay is over, not before")
    func retries() async {
        let scene = Scene()
        scene.registry.with { $0.failures = [.unreachable("down")] }
        let task = Task { await scene.driver.run() }
        scene.tell(.snapshot([service("a", [1])]))
        await scene.wait { if case .targetFailed = $0 { true } else { false } }
        #expect(scene.registry.entries().isEmpty)
        scene.time.advance(by: .seconds(1))
        await scene.wait { $0 == .agreed(owned: 1) }
        scene.driver.stop()
        await task.value
        scene.time.end()
    }

    @Test("A hold has its source read again, and ends when it still says so after the hold")
    func rereads() async {
        let (rereads, continuation) = AsyncStream.makeStream(of: SystemName.self)
        let scene = Scene(reread: { system in
            continuation.yield(system)
            return true
        })
        let task = Task { await scene.driver.run() }
        scene.tell(.snapshot((1...20).map { service("s\($0)", [UInt32($0)]) }))
        await scene.wait { $0 == .agreed(owned: 20) }
        scene.tell(.snapshot([]))
        var asked = rereads.makeAsyncIterator()
        #expect(await asked.next() == "k8s")
        #expect(scene.registry.entries().count == 20)
        scene.time.advance(by: .seconds(301))
        await scene.wait { $0 == .agreed(owned: 0) }
        scene.driver.stop()
        await task.value
        scene.time.end()
    }
}
