package import KubernetesObjects
package import Logging
package import ServiceCatalog
internal import Synchronization

/// A directory of Kubernetes manifests as a system: Services, EndpointSlices and Endpoints, read again whenever a file
/// changes.
package final class ManifestsSource: CatalogSource {
    private let path: String
    private let logger: Logger
    private let readings: @Sendable () -> AsyncStream<DirectoryReading>
    private let state: Mutex<State>

    private struct State {
        var directory: ManifestDirectory
        /// While ``run(into:)`` is under way.
        var writer: CatalogWriter?
    }

    /// - Parameters:
    ///   - path: the directory; it need not exist yet.
    ///   - readings: what the directory holds, now and after every change; by default it is followed on disk.
    package init(
        path: String,
        origin: Origin,
        namespaces: NamespaceFilter = .default,
        logger: Logger,
        readings: (@Sendable () -> AsyncStream<DirectoryReading>)? = nil
    ) {
        self.path = path
        self.logger = logger
        self.readings = readings ?? { DirectoryFollower.readings(of: path) }
        state = Mutex(State(directory: ManifestDirectory(origin: origin, namespaces: namespaces)))
    }

    /// What is wrong in the directory now.
    package var problems: [ManifestProblem] { state.withLock { $0.directory.problems } }

    package func explanation(of key: ServiceKey) -> ServiceExplanation {
        state.withLock { $0.directory.explanation(of: key) }
    }

    package func run(into writer: CatalogWriter) async {
        state.withLock { $0.writer = writer }
        for await reading in readings() { take(reading) }
        state.withLock { $0.writer = nil }
    }

    /// Reads the directory now, whatever it is said to have changed.
    ///
    /// - Returns: whether the catalog holds the outcome; false when the directory cannot be read.
    package func reread() async -> Bool {
        let reading = DirectoryReading(of: path)
        guard take(reading), case .files = reading else { return false }
        return state.withLock { $0.directory.isSynced }
    }

    /// - Returns: false when the directory is not followed, and so the catalog not told.
    @discardableResult
    private func take(_ reading: DirectoryReading) -> Bool {
        // The catalog is told under the lock, so that it hears of readings in the order in which they were compared.
        let taken = state.withLock { state -> (ManifestDirectory.Outcome, files: Int, isSynced: Bool)? in
            guard let writer = state.writer else { return nil }
            let outcome = state.directory.apply(reading)
            if let event = outcome.event { writer.apply(event) }
            return (outcome, state.directory.fileCount, state.directory.isSynced)
        }
        guard let (outcome, files, isSynced) = taken else { return false }
        report(outcome, isSynced: isSynced)
        if let event = outcome.event { report(event, files: files) }
        return true
    }

    private func report(_ outcome: ManifestDirectory.Outcome, isSynced: Bool) {
        // The loss of the directory is an event of its own.
        let problems = if case .lost? = outcome.event { [ManifestProblem]() } else { outcome.newProblems }
        for problem in problems {
            var metadata: Logger.Metadata = ["directory": "\(path)", "problem": "\(problem)"]
            if problem.severity == .warning {
                logger.warning("manifest has a problem", metadata: metadata)
                continue
            }
            metadata["consequence"] =
                isSynced
                ? "the last good state is kept" : "nothing of the directory is used until every file was read once"
            logger.error("manifest cannot be used", metadata: metadata)
        }
        for file in outcome.mendedFiles {
            logger.info("manifest is good again", metadata: ["directory": "\(path)", "file": "\(file)"])
        }
    }

    private func report(_ event: SourceEvent, files: Int) {
        switch event {
        case .snapshot(let services):
            let metadata: Logger.Metadata = [
                "directory": "\(path)", "files": "\(files)", "services": "\(services.count)",
            ]
            logger.info("manifests read", metadata: metadata)
        case .changes(let changes):
            logger.info("manifests changed", metadata: ["directory": "\(path)", "services": "\(changes.count)"])
        case .lost(let reason):
            logger.error("manifests lost; the last known are kept", metadata: ["reason": "\(reason)"])
        case .current:
            logger.info("manifests are back, unchanged", metadata: ["directory": "\(path)"])
        }
    }
}
