import Synchronization

@testable import HTTPTransport

/// Time for the deadlines of a loop that passes only when a test says so, so that a busy machine expires nothing.
struct SteppedTime {
    private final class Now: Sendable {
        let instant = Mutex(ContinuousClock.now)
    }

    private let now = Now()
    let loop: TransferLoop

    init() {
        let now = now
        loop = TransferLoop { now.instant.withLock { $0 } }
    }

    func pass(_ duration: Duration) {
        now.instant.withLock { $0 += duration }
        loop.wake()
    }

    /// Lets one second pass after the other until `body` comes to its end.
    func passing<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        let passing = Task {
            while !Task.isCancelled {
                pass(.seconds(1))
                await Task.yield()
            }
        }
        defer { passing.cancel() }
        return try await body()
    }
}
