/// The registry-neutral picture of all systems. Pure: events in, deltas out.
package struct Catalog: Sendable {
    /// How far a system's contents can be trusted.
    package enum Freshness: Hashable, Sendable {
        /// No complete snapshot yet. Nothing may be concluded from what is missing.
        case unsynced
        /// As current as the source can make it.
        case current
        /// Contact was lost at the given moment; the last known contents are kept.
        case stale(since: ContinuousClock.Instant, reason: String)

        package var isSynced: Bool { self != .unsynced }
    }

    package struct SystemState: Sendable {
        package fileprivate(set) var services: [ServiceKey: Service] = [:]
        package fileprivate(set) var freshness: Freshness = .unsynced
        package fileprivate(set) var endpointCount = 0
    }

    package private(set) var systems: [SystemName: SystemState]

    package init(systems: some Sequence<SystemName>) {
        self.systems = Dictionary(uniqueKeysWithValues: Set(systems).map { ($0, SystemState()) })
    }

    package func service(_ key: ServiceKey, in system: SystemName) -> Service? {
        systems[system]?.services[key]
    }

    /// Keeps exactly these systems: contents of those that stay are untouched, new ones begin unsynced.
    package mutating func keep(systems names: Set<SystemName>) {
        systems = systems.filter { names.contains($0.key) }
        for name in names where systems[name] == nil { systems[name] = SystemState() }
    }

    /// Takes in an event of `system`.
    ///
    /// - Returns: what differs now, `nil` when nothing does.
    package mutating func apply(
        _ event: SourceEvent,
        from system: SystemName,
        at now: ContinuousClock.Instant
    ) -> CatalogDelta? {
        guard var state = systems.removeValue(forKey: system) else { return nil }
        defer { systems[system] = state }
        let before = state.freshness
        var changed: [ServiceKey] = []
        switch event {
        case .snapshot(let services):
            changed = state.replaceAll(with: services)
            state.freshness = .current
        case .changes(let changes):
            for change in changes where state.apply(change) { changed.append(change.key) }
            if before.isSynced { state.freshness = .current }
        case .lost(let reason):
            if before == .current { state.freshness = .stale(since: now, reason: reason) }
        case .current:
            if before.isSynced { state.freshness = .current }
        }
        guard !changed.isEmpty || state.freshness != before else { return nil }
        return CatalogDelta(
            system: system,
            changed: changed,
            becameSynced: !before.isSynced && state.freshness.isSynced,
            observedAt: now
        )
    }
}

extension Catalog.SystemState {
    fileprivate mutating func replaceAll(with services: [Service]) -> [ServiceKey] {
        var next: [ServiceKey: Service] = [:]
        next.reserveCapacity(services.count)
        for service in services { next[service.key] = service }
        var changed: [ServiceKey] = []
        for (key, service) in next where self.services[key] != service { changed.append(key) }
        for key in self.services.keys where next[key] == nil { changed.append(key) }
        endpointCount = next.values.reduce(0) { $0 + $1.endpoints.count }
        self.services = next
        return changed
    }

    /// Returns whether anything differs now.
    fileprivate mutating func apply(_ change: ServiceChange) -> Bool {
        switch change {
        case .set(let service):
            let old = services.updateValue(service, forKey: service.key)
            endpointCount += service.endpoints.count - (old?.endpoints.count ?? 0)
            return old != service
        case .remove(let key):
            guard let old = services.removeValue(forKey: key) else { return false }
            endpointCount -= old.endpoints.count
            return true
        }
    }
}

/// What changed in the catalog, by key: whoever is told reads the present state, so that a late reader acts on the
/// truth and not on history.
package struct CatalogDelta: Sendable {
    package let system: SystemName
    /// Services that were added, changed or removed. May be empty when only the freshness changed.
    package let changed: [ServiceKey]
    /// True once per system: with its first complete snapshot.
    package let becameSynced: Bool
    /// When the source delivered the change, for measuring propagation.
    package let observedAt: ContinuousClock.Instant

    package init(
        system: SystemName,
        changed: [ServiceKey],
        becameSynced: Bool,
        observedAt: ContinuousClock.Instant
    ) {
        self.system = system
        self.changed = changed
        self.becameSynced = becameSynced
        self.observedAt = observedAt
    }
}
