import Synchronization

/// Notices when nothing has been heard for too long. One task listens and says so; another waits for the alarm. The
/// listener pays a lock per piece of data, not a timer.
final class SilenceAlarm: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// When to ring; `nil` while the listener is busy with what it heard.
    private let deadline: Mutex<Instant?>
    private let clock: ClientClock

    init(clock: ClientClock, limit: Duration) {
        self.clock = clock
        deadline = Mutex(clock.now + limit)
    }

    /// The listener waits for data now, for `limit` at most. An alarm that is already set is only ever put off: limits
    /// do not shrink while an answer is read.
    func arm(_ limit: Duration) {
        let due = clock.now + limit
        deadline.withLock { $0 = due }
    }

    func disarm() { deadline.withLock { $0 = nil } }

    /// Returns once the listener has waited too long; throws when cancelled.
    func wait() async throws {
        while true {
            let due = deadline.withLock { $0 }
            if let due, due <= clock.now { return }
            // While the listener is busy there is no telling when it will listen again; a second is soon enough.
            try await clock.sleep(until: due ?? clock.now + .seconds(1))
        }
    }
}
