package import DNSCore
package import ServiceCatalog

/// How far a zone can be trusted, from how far its systems can. Pure.
package struct ZoneStanding: Hashable, Sendable {
    /// What is known of a system, and since when no better.
    package enum System: Hashable, Sendable {
        /// Never read, and not remembered.
        case unknown
        case current
        /// Lost, or only remembered: as it was then.
        case past(ContinuousClock.Instant)
    }

    package let freshness: ZoneFreshness
    /// Since when the longest lost of its systems is; `nil` while all are current, or one is unknown.
    package let since: ContinuousClock.Instant?
    /// The systems out of reach.
    package let lost: Set<SystemName>
    /// Those of them that have been for longer than the limit.
    package let expired: Set<SystemName>

    /// - Parameter maxStale: for how long a lost system's last state is answered.
    package init(_ systems: [SystemName: System], maxStale: Duration, at now: ContinuousClock.Instant) {
        var since: ContinuousClock.Instant?
        var lost: Set<SystemName> = []
        var expired: Set<SystemName> = []
        for (name, system) in systems {
            guard case .past(let instant) = system else { continue }
            lost.insert(name)
            since = min(since ?? instant, instant)
            if instant.duration(to: now) > maxStale { expired.insert(name) }
        }
        let isUnknown = systems.values.contains(.unknown)
        self.since = isUnknown ? nil : since
        self.lost = lost
        self.expired = expired
        freshness =
            if isUnknown {
                .unready
            } else if lost.isEmpty {
                .current
            } else if expired.count == systems.count {
                .expired
            } else {
                .stale
            }
    }
}
