internal import Synchronization

/// What goes wrong on command. Everything is off at first.
package final class Faults: Sendable {
    /// What happens to a request instead of, or before, being served.
    package enum Effect: Sendable {
        /// The answer, as the server's own failures look: a Status in JSON or protobuf. 500 has no reason.
        case failure(Int, message: String)
        /// 429 of priority and fairness: plain text with `Retry-After` in seconds.
        case tooManyRequests(retryAfter: Int)
        case delay(Duration)
        /// No answer at all; the connection stays open.
        case silence
        /// The connection is closed without an answer.
        case cut
        /// The right head, this many bytes of the right body, then a closed connection.
        case truncation(after: Int)
        /// These bytes, which need not be HTTP, then a closed connection.
        case raw([UInt8])
        /// A whole answer of one's own.
        case response(ServerResponse)
    }

    private struct Rule {
        let id: Int
        let effect: Effect
        var remaining: Int?
        let matches: @Sendable (ServerRequest) -> Bool
    }

    private struct State {
        var last = 0
        var rules: [Rule] = []
        /// Watches begun so far; those up to `muted` are silent.
        var watches = 0
        var muted = 0
    }

    private let state = Mutex(State())
    private let storage = Gate()
    private let voices = Gate()

    /// Lets `effect` happen to matching requests, `times` times or until removed. Earlier rules come first.
    @discardableResult
    package func add(
        _ effect: Effect,
        times: Int? = nil,
        where matches: @escaping @Sendable (ServerRequest) -> Bool = { _ in true }
    ) -> Int {
        state.withLock { state in
            state.last += 1
            state.rules.append(Rule(id: state.last, effect: effect, remaining: times, matches: matches))
            return state.last
        }
    }

    package func remove(_ id: Int) { state.withLock { state in state.rules.removeAll { $0.id == id } } }

    package func removeAll() { state.withLock { $0.rules = [] } }

    /// While storage is down, writes and consistent reads wait, watches are silent, and cached reads go on.
    package func setStorageDown(_ isDown: Bool) { storage.setOpen(!isDown) }

    /// Watches open now fall silent, without a byte or an end; later ones are not affected.
    package func muteOpenWatches() {
        state.withLock { $0.muted = $0.watches }
        voices.setOpen(false)
    }

    /// Silent watches go on with what they held back.
    package func unmuteWatches() {
        state.withLock { $0.muted = 0 }
        voices.setOpen(true)
    }

    // MARK: - The server's side

    func effect(on request: ServerRequest) -> Effect? {
        state.withLock { state in
            guard let index = state.rules.firstIndex(where: { $0.matches(request) }) else { return nil }
            let effect = state.rules[index].effect
            if let remaining = state.rules[index].remaining {
                state.rules[index].remaining = remaining - 1
                if remaining <= 1 { state.rules.remove(at: index) }
            }
            return effect
        }
    }

    var isStorageDown: Bool { !storage.isOpen }

    func waitForStorage() async { await storage.pass() }

    func beginWatch() -> Int {
        state.withLock { state in
            state.watches += 1
            return state.watches
        }
    }

    func waitForVoice(_ watch: Int) async {
        while !Task.isCancelled, state.withLock({ watch <= $0.muted }) { await voices.pass() }
    }
}
