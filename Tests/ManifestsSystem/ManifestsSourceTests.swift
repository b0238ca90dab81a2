import Logging
import ServiceCatalog
import Synchronization
import Testing

@testable import ManifestsSystem

@Suite struct ManifestsSourceTests {
    /// Keeps what is logged.
    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }

        var logger: Logger {
            Logger(label: "test") { _ in Handler(log: self) }
        }

        private struct Handler: LogHandler {
            let log: Log
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.trace

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }

            func log(event: LogEvent) {
                let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
                log.lines.withLock {
                    $0.append("\(event.level) \(event.message) \(values.joined(separator: " "))")
                }
            }
        }
    }

    private func run(_ readings: [DirectoryReading]) async -> (ManifestsSource, CatalogStore, [String]) {
        let log = Log()
        let store = CatalogStore(systems: ["files"])
        let source = ManifestsSource(path: "services", origin: Manifests.origin, logger: log.logger) {
            AsyncStream { continuation in
                for reading in readings { continuation.yield(reading) }
                continuation.finish()
            }
        }
        await source.run(into: store.writer(for: "files"))
        return (source, store, log.all)
    }

    @Test("The log tells the story of a directory, with places")
    func story() async {
        let (source, store, lines) = await run([
            Manifests.reading(["a.yaml": Manifests.cart]),
            Manifests.reading(["a.yaml": "kind: Service\nkind: Service"]),
            Manifests.reading(["a.yaml": Manifests.cart.replacing("10.0.0.1", with: "10.0.0.2")]),
            .unreadable("gone"),
            Manifests.reading(["a.yaml": Manifests.cart.replacing("10.0.0.1", with: "10.0.0.2")]),
        ])
        #expect(
            lines == [
                "info manifests read directory=services files=1 services=1",
                "error manifest cannot be used consequence=the last good state is kept directory=services "
                    + "problem=a.yaml:1:1: the key \"kind\" is given twice",
                "info manifest is good again directory=services file=a.yaml",
                "info manifests changed directory=services services=1",
                "error manifests lost; the last known are kept reason=gone",
                "info manifests are back, unchanged directory=services",
            ]
        )
        #expect(source.problems.isEmpty)
        #expect(store.freshness(of: "files") == .current)
    }

    @Test("A broken file at the start is told with what follows from it, and holds the system back")
    func brokenAtStart() async {
        let (source, store, lines) = await run([Manifests.reading(["a.yaml": "a: ["])])
        #expect(lines.count == 1)
        #expect(lines[0].contains("nothing of the directory is used until every file was read once"))
        #expect(source.problems.count == 1)
        #expect(store.freshness(of: "files") == .unsynced)
    }
}
