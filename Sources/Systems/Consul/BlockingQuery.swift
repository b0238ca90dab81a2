/// The place in a blocking query. Pure.
///
/// Rules of Consul's documentation: an index is at least 1, and one that goes backwards (after a restore) means that
/// nothing known before can be relied on.
struct BlockingQuery: Sendable {
    enum Answer: Hashable, Sendable {
        /// The wait ran out without a change: the body says nothing new.
        case unchanged
        /// The body is the present state, later than what was known.
        case changed
        /// The body is a state that what was known must not be compared with.
        case restarted
    }

    /// What to send; `nil` for a read that does not wait.
    private(set) var index: UInt64?
    /// The highest index seen since the query (re)started.
    private var last: UInt64?
    /// An index was seen to fall, and nothing has been read since.
    private var hasFallen = false

    /// Takes in the index of an answer.
    mutating func received(_ returned: UInt64?) -> Answer {
        // Without the header there is nothing to wait on: read again later.
        guard let returned else {
            index = nil
            return .changed
        }
        let next = max(1, returned)
        defer {
            last = next
            hasFallen = false
        }
        if hasFallen || last.map({ next < $0 }) == true {
            index = nil
            return .restarted
        }
        defer { index = next }
        return index == next ? .unchanged : .changed
    }

    /// Takes in the index of an answer that says no more than that, as one to a query that filters everything out.
    ///
    /// - Returns: whether the state has to be read, which does not wait.
    mutating func woken(_ returned: UInt64?) -> Bool {
        if let returned, max(1, returned) == index { return false }
        index = nil
        if let returned, let last, max(1, returned) < last { hasFallen = true }
        return true
    }

    /// The next read does not wait.
    mutating func restart() { index = nil }
}

/// When a loop may read again. A busy registry changes with every write, and each read of it is as large as all it
/// holds: what is read is kept under 2 MB a second, which costs neither side more than a small share of a core. So is
/// what is asked, to 20 requests a second, except that nothing is left unread for more than ten seconds because of that.
enum ReadingPace {
    static func delay(afterReading byteCount: Int, requests: Int = 1) -> Duration {
        max(min(.milliseconds(50) * max(1, requests), .seconds(10)), .microseconds(byteCount / 2))
    }
}
