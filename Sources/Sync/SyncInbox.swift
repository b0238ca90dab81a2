import ServiceCatalog
import Synchronization

/// What waits for a driver: keys, never events, so that it is bounded however long a batch takes.
final class SyncInbox: Sendable {
    struct Contents: Sendable {
        /// Changed services, with the first moment each was seen.
        var changes: [SystemName: [ServiceKey: ContinuousClock.Instant]] = [:]
        var hasTargetChanged = false
        var finished: [(batch: [Operation], results: [OperationResult])] = []
        var rereads: [SystemName: Bool] = [:]
        var isStopping = false
        /// Whether this installation's entries are to be removed on the way out.
        var isWithdrawing = false

        fileprivate var isEmpty: Bool {
            changes.isEmpty && !hasTargetChanged && finished.isEmpty && rereads.isEmpty && !isStopping
        }
    }

    private struct State {
        var contents = Contents()
        var waiter: CheckedContinuation<Void, Never>?
        /// Counts waits, so that a timer of an earlier wait wakes no later one.
        var wait = 0
    }

    private let state = Mutex(State())

    func put(_ delta: CatalogDelta) {
        put { contents in
            var keys = contents.changes[delta.system] ?? [:]
            for key in delta.changed where keys[key] == nil { keys[key] = delta.observedAt }
            contents.changes[delta.system] = keys
        }
    }

    func targetChanged() { put { $0.hasTargetChanged = true } }

    func put(_ results: [OperationResult], of batch: [Operation]) { put { $0.finished.append((batch, results)) } }

    func put(reread system: SystemName, succeeded: Bool) { put { $0.rereads[system] = succeeded } }

    func stop(withdrawing: Bool) {
        put { contents in
            contents.isStopping = true
            contents.isWithdrawing = withdrawing
        }
    }

    private func put(_ change: (inout Contents) -> Void) {
        let waiter = state.withLock { state in
            change(&state.contents)
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Takes everything but the wish to stop, which stays.
    func take() -> Contents {
        state.withLock { state in
            defer {
                let (isStopping, isWithdrawing) = (state.contents.isStopping, state.contents.isWithdrawing)
                state.contents = Contents()
                state.contents.isStopping = isStopping
                state.contents.isWithdrawing = isWithdrawing
            }
            return state.contents
        }
    }

    /// Returns when there is something to take, or at `moment`.
    func wait(until moment: ContinuousClock.Instant?, _ time: SyncTime) async {
        let wait = state.withLock { state in
            state.wait += 1
            return state.wait
        }
        let timer = moment.map { moment in
            Task {
                await time.sleep(moment)
                self.expire(wait)
            }
        }
        defer { timer?.cancel() }
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                guard state.contents.isEmpty, state.wait == wait else { return true }
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    private func expire(_ wait: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.wait == wait else { return nil }
            // Also when the wait has not begun yet: then it does not.
            state.wait += 1
            return state.waiter.take()
        }
        waiter?.resume()
    }
}
