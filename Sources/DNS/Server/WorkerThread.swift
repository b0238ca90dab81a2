import CSocket
import Glibc
import Synchronization

/// A plain thread, for work that must not share the cooperative pool.
struct WorkerThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread and returns false when the system has no more of them.
    ///
    /// - Parameter name: at most 15 octets are shown.
    static func start(name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { context in
                // Never nil: it is what was passed to pthread_create.
                let body = Unmanaged<Body>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue()
                csocket_name_thread(body.name)
                body.run()
                return nil
            },
            body.toOpaque()
        )
        guard result == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

/// Waits for a number of threads to end.
final class ThreadGroup: Sendable {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Runs `body` on a thread of its own. False when there is none.
    func start(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { $0.running += 1 }
        let isStarted = WorkerThread.start(name: name) { [self] in
            body()
            end()
        }
        if !isStarted { end() }
        return isStarted
    }

    private func end() {
        let finished = state.withLock { state in
            state.running -= 1
            guard state.running == 0 else { return [] as [CheckedContinuation<Void, Never>] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in finished { continuation.resume() }
    }

    /// Returns when every thread has ended.
    func join() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.running > 0 { state.waiting.append(continuation) }
                return state.running == 0
            }
            if isOver { continuation.resume() }
        }
    }
}
