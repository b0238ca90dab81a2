/// The requests that wait: reads for their topic to change, others for a leader.
struct WaitingRoom {
    enum Condition: Sendable {
        case change(of: Topic, beyond: UInt64)
        case leader
    }

    enum Wake: Sendable {
        /// What was waited for has come, or the wait is over for other reasons: answer now.
        case proceed
        case timeout
        case refuse(Refusal)
        /// The client went away, or the server stopped.
        case cancelled
    }

    private struct Guest {
        let condition: Condition
        let deadline: Duration
        let continuation: CheckedContinuation<Wake, Never>
    }

    /// Continuations to resume, once no lock is held.
    typealias Calls = [(CheckedContinuation<Wake, Never>, Wake)]

    private var guests: [Int: Guest] = [:]

    var count: Int { guests.count }

    mutating func enter(
        _ id: Int,
        _ condition: Condition,
        until deadline: Duration,
        _ continuation: CheckedContinuation<Wake, Never>
    ) {
        guests[id] = Guest(condition: condition, deadline: deadline, continuation: continuation)
    }

    mutating func leave(_ id: Int) -> Calls {
        guests.removeValue(forKey: id).map { [($0.continuation, .cancelled)] } ?? []
    }

    var nextDeadline: Duration? { guests.values.map(\.deadline).min() }

    /// Calls those whose condition holds, and those whose time has come.
    mutating func call(now: Duration, where holds: (Condition) -> Bool) -> Calls {
        dismiss { guest in
            if holds(guest.condition) { return .proceed }
            return guest.deadline <= now ? .timeout : nil
        }
    }

    /// A broken stream ends streaming reads with an error.
    mutating func breakStreams(_ refusal: Refusal) -> Calls {
        dismiss { guest in
            if case .change(let topic, _) = guest.condition, topic.isStreaming { .refuse(refusal) } else { nil }
        }
    }

    /// A restored snapshot ends blocking queries, whatever the index; streams go on.
    mutating func abandonQueries() -> Calls {
        dismiss { guest in
            if case .change(let topic, _) = guest.condition, !topic.isStreaming { .proceed } else { nil }
        }
    }

    mutating func close() -> Calls { dismiss { _ in .cancelled } }

    private mutating func dismiss(_ decide: (Guest) -> Wake?) -> Calls {
        var calls: Calls = []
        for (id, guest) in guests {
            guard let wake = decide(guest) else { continue }
            guests[id] = nil
            calls.append((guest.continuation, wake))
        }
        return calls
    }
}
