/// Decides which events are worth a request: a repeated one is counted on the Event already there, and rarely.
struct EventCorrelator: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Verdict: Hashable, Sendable {
        case create(name: String)
        /// Say on the present Event that it has happened `count` times.
        case count(Int, onEvent: String)
        case drop
    }

    private struct Record {
        let name: String
        var count = 1
        var told: Instant
    }

    /// How long a repetition is only counted.
    let window: Duration
    /// How many different events are remembered.
    let capacity: Int
    private var records: [ObjectEvent: Record] = [:]

    init(window: Duration = .seconds(600), capacity: Int = 4096) {
        self.window = window
        self.capacity = capacity
    }

    mutating func judge(_ event: ObjectEvent, at now: Instant, time: Timestamp) -> Verdict {
        if var record = records[event] {
            record.count += 1
            let isDue = now - record.told >= window
            if isDue { record.told = now }
            records[event] = record
            return isDue ? .count(record.count, onEvent: record.name) : .drop
        }
        if records.count >= capacity {
            records = records.filter { now - $0.value.told < window }
            if records.count >= capacity { records = [:] }
        }
        return .create(name: remember(event, at: now, time: time))
    }

    /// Gives the event a new name: the server has forgotten the old one, as it does after an hour.
    mutating func remember(_ event: ObjectEvent, at now: Instant, time: Timestamp) -> String {
        let name = "\(event.object.name).\(String(time.microsecondsSince1970, radix: 16))"
        records[event] = Record(name: name, told: now)
        return name
    }
}

/// Spreads requests: a burst at once, then one per interval.
struct TokenBucket: Sendable {
    let interval: Duration
    private let burst: Int
    /// When the bucket will be full again.
    private var full: ContinuousClock.Instant

    init(burst: Int, interval: Duration, at now: ContinuousClock.Instant) {
        self.burst = burst
        self.interval = interval
        full = now
    }

    /// Takes a token.
    ///
    /// - Returns: how long to wait before using it.
    mutating func take(at now: ContinuousClock.Instant) -> Duration {
        full = max(full, now) + interval
        return max(.zero, full - now - interval * burst)
    }
}
