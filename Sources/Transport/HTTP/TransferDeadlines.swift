/// Until when a transfer may take for what it is at. Pure: time is passed in.
struct TransferDeadlines {
    enum Expiry: Hashable {
        case connect(Duration)
        case total(Duration)
        case idle(Duration)
    }

    private enum Phase {
        /// Resolving, connecting, or waiting for another transfer's connection. Exits: `requestSent` → exchanging.
        case connecting(since: ContinuousClock.Instant)
        /// The request is on its connection. Exits: `paused` → paused; `restarted` → connecting.
        case exchanging(lastByte: ContinuousClock.Instant)
        /// The reader is behind; silence is its doing. Exits: `resumed` → exchanging.
        case paused
    }

    private let connectTimeout: Duration
    private let totalTimeout: Duration?
    private let idleTimeout: Duration?
    private let start: ContinuousClock.Instant
    private var phase: Phase

    init(connect: Duration, total: Duration?, idle: Duration?, now: ContinuousClock.Instant) {
        connectTimeout = connect
        totalTimeout = total
        idleTimeout = idle
        start = now
        phase = .connecting(since: now)
    }

    mutating func requestSent(now: ContinuousClock.Instant) { phase = .exchanging(lastByte: now) }

    /// It starts over on another connection. The total goes on.
    mutating func restarted(now: ContinuousClock.Instant) { phase = .connecting(since: now) }

    mutating func received(now: ContinuousClock.Instant) {
        if case .exchanging = phase { phase = .exchanging(lastByte: now) }
    }

    mutating func paused() { phase = .paused }

    mutating func resumed(now: ContinuousClock.Instant) {
        if case .paused = phase { phase = .exchanging(lastByte: now) }
    }

    /// The earliest moment at which something expires.
    var next: ContinuousClock.Instant? {
        switch (current, totalTimeout.map(start.advanced)) {
        case (let current?, let total?): min(current.deadline, total)
        case (let current, let total): current?.deadline ?? total
        }
    }

    func expiry(now: ContinuousClock.Instant) -> Expiry? {
        if let totalTimeout, now >= start.advanced(by: totalTimeout) { return .total(totalTimeout) }
        if let current, now >= current.deadline { return current.expiry }
        return nil
    }

    private var current: (deadline: ContinuousClock.Instant, expiry: Expiry)? {
        switch phase {
        case .connecting(let since): (since.advanced(by: connectTimeout), .connect(connectTimeout))
        case .exchanging(let lastByte): idleTimeout.map { (lastByte.advanced(by: $0), .idle($0)) }
        case .paused: nil
        }
    }
}
