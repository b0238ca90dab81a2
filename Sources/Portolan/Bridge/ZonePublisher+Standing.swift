internal import DNSCore
internal import DNSZones
internal import Logging
internal import ServiceCatalog

/// How far a zone can be trusted, before and after something happened.
struct Judgement {
    let before: ZoneStanding
    let after: ZoneStanding
}

extension ZonePublisher {
    /// The standing of a zone's systems at `now`.
    ///
    /// - Parameter recalledSince: by system, since when what is remembered of it is no better.
    static func systems(
        of projection: ZoneState,
        in store: CatalogStore,
        recalledSince: [SystemName: ContinuousClock.Instant],
        at now: ContinuousClock.Instant
    ) -> [SystemName: ZoneStanding.System] {
        // What the projection has not taken in yet is not shown yet, whatever the catalog knows.
        let (recalled, awaited) = (projection.recalled, Set(projection.awaited))
        let systems = projection.zone.systems.map { system -> (SystemName, ZoneStanding.System) in
            if recalled.contains(system) { return (system, .past(recalledSince[system] ?? now)) }
            if awaited.contains(system) { return (system, .unknown) }
            switch store.freshness(of: system) {
            case .current: return (system, .current)
            case .stale(let since, _): return (system, .past(since))
            // It has just left the configuration, and this zone goes as well.
            case .unsynced: return (system, .past(now))
            }
        }
        return Dictionary(systems, uniquingKeysWith: { first, _ in first })
    }

    /// Logs what a person should know of: that a zone grows old, is no longer answered, or is well again.
    func tell(_ judgement: Judgement) {
        let (before, after) = (judgement.before, judgement.after)
        func metadata(_ more: Logger.Metadata = [:]) -> Logger.Metadata {
            var metadata: Logger.Metadata = ["zone": "\(definition.name)"]
            if let since = after.since { metadata["age"] = "\(since.duration(to: .now).components.seconds)s" }
            if !after.lost.isEmpty {
                metadata["lost"] = "\(after.lost.sorted().map(\.rawValue).joined(separator: " "))"
            }
            return metadata.merging(more) { $1 }
        }
        let limit = "\(maxStale.components.seconds)s"
        switch (before.freshness, after.freshness) {
        case (.stale, .stale) where before.lost == after.lost: break
        case (_, .stale):
            logger.warning(
                "Zone is answered as last known: a source is out of reach",
                metadata: metadata(["limit": "\(limit)"])
            )
        case (.expired, .expired): break
        case (_, .expired):
            logger.error(
                "Zone is not answered: its sources have been out of reach for longer than dns.maxStale",
                metadata: metadata(["limit": "\(limit)"])
            )
        case (.stale, .current), (.expired, .current):
            logger.notice("Zone is current again", metadata: metadata())
        default: break
        }
        let expired = after.expired.subtracting(before.expired)
        if after.freshness == .stale, !expired.isEmpty {
            logger.error(
                "Endpoints of sources out of reach for longer than dns.maxStale come last",
                metadata: metadata(["expired": "\(expired.sorted().map(\.rawValue).joined(separator: " "))"])
            )
        }
    }
}
