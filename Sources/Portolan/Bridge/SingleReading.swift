internal import ServiceCatalog

/// Reads a source until its first complete snapshot, for commands that run once.
struct SingleReading: Sendable {
    private static let limit = Duration.seconds(30)

    private let source: any CatalogSource
    private let system: SystemName

    init(of source: any CatalogSource, system: SystemName) {
        self.source = source
        self.system = system
    }

    func services() async throws(CommandFailure) -> [Service] {
        let store = CatalogStore(systems: [system])
        let (events, continuation) = AsyncStream.makeStream(of: Void.self)
        store.subscribe { delta in if delta.becameSynced { continuation.finish() } }
        let reading = Task { await source.run(into: store.writer(for: system)) }
        let clock = Task {
            try? await Task.sleep(for: Self.limit)
            continuation.finish()
        }
        for await _ in events {}
        clock.cancel()
        reading.cancel()
        await reading.value
        guard store.freshness(of: system).isSynced, let state = store.snapshot.systems[system] else {
            throw CommandFailure(
                .unavailable,
                message: "could not be read within \(Self.limit); `portolan check` tells why"
            )
        }
        return Array(state.services.values)
    }
}
