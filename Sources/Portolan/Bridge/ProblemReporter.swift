internal import Logging
internal import ServiceCatalog
internal import Synchronization
internal import Telemetry

/// Tells each problem of a service once, when it appears: in the log, and as a count.
final class ProblemReporter: Sendable {
    private struct Subject: Hashable {
        let place: String
        let key: ServiceKey
    }

    private let known = Mutex<[Subject: Set<Problem>]>([:])
    private let counter: Counter
    private let logger: Logger

    init(counter: Counter, logger: Logger) {
        self.counter = counter
        self.logger = logger
    }

    /// - Parameters:
    ///   - problems: all that the service has in this place now.
    ///   - place: `system east`, `zone cluster.local.`
    func report(_ problems: [Problem], of key: ServiceKey, in place: String) {
        let subject = Subject(place: place, key: key)
        let present = Set(problems)
        let new = known.withLock { known in
            let before = known[subject] ?? []
            if before != present { known[subject] = present.isEmpty ? nil : present }
            return present.subtracting(before)
        }
        for problem in new.sorted(by: { $0.message < $1.message }) {
            counter.increment([problem.code.rawValue])
            logger.warning(
                "Problem with a service",
                metadata: [
                    "place": "\(place)", "service": "\(key)", "code": "\(problem.code.rawValue)",
                    "problem": "\(problem.message)",
                ]
            )
        }
    }
}
