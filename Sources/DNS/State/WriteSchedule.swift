package import ServiceCatalog

/// When state is written: soon after a change, seldom under churn, and now and then when nothing changes, for the age.
/// Pure: it is told what happens and when.
package struct WriteSchedule: Sendable {
    /// Between two rounds of writing, whatever changes.
    package static let spacing = Duration.seconds(3)
    /// After one that failed.
    package static let patience = Duration.seconds(30)
    /// Between two checkpoints when nothing changes. A crash loses so much of what is known of the age.
    package static let heartbeat = Duration.seconds(60)
    /// One part of the time is spent on writing, so many are not.
    private static let rest = 20

    private var changed: Set<SystemName> = []
    private var hasNews = false
    private var notBefore: ContinuousClock.Instant
    private var heartbeatDue: ContinuousClock.Instant

    package init(now: ContinuousClock.Instant) {
        notBefore = now
        heartbeatDue = now + Self.heartbeat
    }

    /// The contents of a system are others than its file has.
    package mutating func noteContents(of system: SystemName) { changed.insert(system) }

    /// The checkpoint says what is no longer so.
    package mutating func noteCheckpoint() { hasNews = true }

    /// Whether a system's file has the present state, or will have once the work given out is done.
    package func isWritten(_ system: SystemName) -> Bool { !changed.contains(system) }

    /// The systems to write at this moment, and after them the checkpoint; `nil` when nothing is due. What became of it is
    /// told to ``finished(failed:isCheckpointWritten:from:to:)``.
    ///
    /// - Parameter isLast: the process ends; what is left is due now.
    package mutating func work(at now: ContinuousClock.Instant, isLast: Bool = false) -> [SystemName]? {
        let isDue = !changed.isEmpty || hasNews || now >= heartbeatDue
        guard isLast || isDue && now >= notBefore else { return nil }
        let work = changed.sorted()
        changed = []
        hasNews = false
        return work
    }

    /// - Parameter failed: what has not been written.
    package mutating func finished(
        failed: [SystemName],
        isCheckpointWritten: Bool,
        from start: ContinuousClock.Instant,
        to end: ContinuousClock.Instant
    ) {
        changed.formUnion(failed)
        if !isCheckpointWritten { hasNews = true }
        let isWhole = failed.isEmpty && isCheckpointWritten
        notBefore = end + (isWhole ? max(Self.spacing, start.duration(to: end) * Self.rest) : Self.patience)
        heartbeatDue = end + Self.heartbeat
    }
}
