package import KubernetesClient
import Synchronization

/// A clock that stands still until it is moved.
package final class TestClock: Clock, Sendable {
    package typealias Instant = ContinuousClock.Instant

    private struct Sleeper {
        let id: Int
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: Instant
        var sleepers: [Sleeper] = []
        var cancelled: Set<Int> = []
        var nextID = 0
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State(now: .now))

    package init() {}

    package var now: Instant { state.withLock { $0.now } }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package var clientClock: ClientClock { ClientClock(self) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (result, watchers) = state.withLock {
                    state -> (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) in
                    if state.cancelled.remove(id) != nil { return (.failure(CancellationError()), []) }
                    if deadline <= state.now { return (.success(()), []) }
                    state.sleepers.append(Sleeper(id: id, deadline: deadline, continuation: continuation))
                    defer { state.watchers = [] }
                    return (nil, state.watchers)
                }
                if let result { continuation.resume(with: result) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves forward by `duration`, stopping for each sleeper on the way to wake up and sleep again. Waits for a first
    /// sleeper; one task at a time is expected to sleep.
    package func pass(_ duration: Duration) async {
        let target = now + duration
        while true {
            await sleeper()
            let (woken, isThere) = state.withLock { state -> (Sleeper?, Bool) in
                let index = state.sleepers.indices.min { state.sleepers[$0].deadline < state.sleepers[$1].deadline }
                guard let index, state.sleepers[index].deadline <= target else {
                    state.now = target
                    return (nil, true)
                }
                let sleeper = state.sleepers.remove(at: index)
                state.now = sleeper.deadline
                return (sleeper, sleeper.deadline == target)
            }
            woken?.continuation.resume()
            if isThere { return }
        }
    }

    /// Moves forward while nothing sleeps.
    package func move(by duration: Duration) { state.withLock { $0.now += duration } }

    private func sleeper() async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.isEmpty { state.watchers.append(continuation) }
                return !state.sleepers.isEmpty
            }
            if isThere { continuation.resume() }
        }
    }
}

/// Always the same number: 0 makes every random choice the lowest.
package struct FixedRandom: RandomNumberGenerator, Sendable {
    private let value: UInt64

    package init(value: UInt64 = 0) { self.value = value }

    package mutating func next() -> UInt64 { value }
}
