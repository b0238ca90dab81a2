/// Time as this module reads it and waits for it, so that tests can hold its hands.
package struct ClientClock: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private let read: @Sendable () -> Instant
    private let wait: @Sendable (Instant) async throws -> Void

    package init<C: Clock>(_ clock: C) where C.Instant == Instant {
        read = { clock.now }
        wait = { try await clock.sleep(until: $0, tolerance: nil) }
    }

    package static let continuous = ClientClock(ContinuousClock())

    package var now: Instant { read() }

    /// Returns early only when the task is cancelled, then by throwing.
    package func sleep(until deadline: Instant) async throws { try await wait(deadline) }

    package func sleep(for duration: Duration) async throws { try await wait(now + duration) }
}
