import DNSCore

/// How many signatures one thread makes for denials, of which every name that is not there costs one. Beyond, an answer over UDP,
/// where the asker's address may be forged, is empty with TC, and one over a stream waits.
package struct SigningAllowance: Sendable {
    private static let cost = 1000
    /// Thousandths of signatures: what a millisecond adds, what can be saved up, and what is there.
    private let rate: Int
    private let limit: Int
    private var credit: Int
    private var ticks: UInt32 = 0

    /// - Parameter perSecond: 1 or more; an eighth of it, but at least one, may be made at once.
    package init(perSecond: Int) {
        rate = perSecond
        limit = max(Self.cost, perSecond * Self.cost / 8)
        credit = limit
    }

    /// Whether a signature may be made.
    mutating func isOpen(at time: QueryTime) -> Bool {
        let elapsed = Int(time.ticks &- ticks)
        ticks = time.ticks
        credit = elapsed >= 1000 ? limit : min(limit, credit + elapsed * rate)
        return credit >= Self.cost
    }

    /// Takes one signature off. False when there is none left.
    mutating func take(at time: QueryTime) -> Bool {
        guard isOpen(at: time) else { return false }
        credit -= Self.cost
        return true
    }
}
