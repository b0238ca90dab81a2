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
    private let directory: Mutex<ManifestDirectory>

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
        directory = Mutex(ManifestDirectory(origin: origin, namespaces: namespaces))
    }

    /// What is wrong in the directory now.
    package var problems: [ManifestProblem] { directory.withLock { $0.problems } }

    package func explanation(of key: ServiceKey) -> ServiceExplanation {
        directory.withLock { $0.explanation(of: key) }
    }

    package func run(into writer: CatalogWriter) async {
        for await reading in readings() {
            let (outcome, files, isSynced) = directory.withLock { directory in
                (directory.apply(reading), directory.fileCount, directory.isSynced)
            }
            report(outcome, isSynced: isSynced)
            guard let event = outcome.event else { continue }
            report(event, files: files)
            writer.apply(event)
        }
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
