import Synchronization

/// The one shared catalog: a writer per system, any number of readers.
package final class CatalogStore: Sendable {
    package typealias Subscriber = @Sendable (CatalogDelta) -> Void

    private struct State: Sendable {
        var catalog: Catalog
        var subscribers: [(id: Int, deliver: Subscriber)] = []
        var nextID = 0
    }

    private let state: Mutex<State>

    package init(systems: some Sequence<SystemName>) {
        state = Mutex(State(catalog: Catalog(systems: systems)))
    }

    /// The present catalog. Cheap: contents are shared, not copied.
    package var snapshot: Catalog { state.withLock { $0.catalog } }

    package func service(_ key: ServiceKey, in system: SystemName) -> Service? {
        state.withLock { $0.catalog.service(key, in: system) }
    }

    package func freshness(of system: SystemName) -> Catalog.Freshness {
        state.withLock { $0.catalog.systems[system]?.freshness ?? .unsynced }
    }

    /// Calls `subscriber` after every change, on the thread of the source that made it and outside the lock; deltas of
    /// one system arrive in order. Subscribers must be quick and must read present state from the store. A subscriber
    /// that joins late starts from ``snapshot``, read after subscribing.
    ///
    /// - Returns: an id for ``unsubscribe(_:)``.
    @discardableResult
    package func subscribe(_ subscriber: @escaping Subscriber) -> Int {
        state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            state.subscribers.append((id, subscriber))
            return id
        }
    }

    package func unsubscribe(_ id: Int) {
        state.withLock { state in state.subscribers.removeAll { $0.id == id } }
    }

    /// As ``Catalog/keep(systems:)``. Nobody is told: what reads a system that goes must go as well. A source that still
    /// writes to a system that is gone writes to nothing.
    package func keep(systems names: Set<SystemName>) {
        state.withLock { $0.catalog.keep(systems: names) }
    }

    package func writer(for system: SystemName) -> CatalogWriter {
        CatalogWriter(store: self, system: system)
    }

    fileprivate func apply(_ event: SourceEvent, from system: SystemName, at now: ContinuousClock.Instant) {
        let (delta, subscribers) = state.withLock { state in
            (state.catalog.apply(event, from: system, at: now), state.subscribers)
        }
        guard let delta else { return }
        for subscriber in subscribers { subscriber.deliver(delta) }
    }
}

/// A source's door into the catalog. One per system, used by one task at a time.
package struct CatalogWriter: Sendable {
    private let store: CatalogStore
    package let system: SystemName

    fileprivate init(store: CatalogStore, system: SystemName) {
        self.store = store
        self.system = system
    }

    /// Takes `event` in and tells every subscriber before it returns.
    ///
    /// - Parameter observedAt: when the bytes of the change arrived; propagation times count from it.
    package func apply(_ event: SourceEvent, observedAt: ContinuousClock.Instant = .now) {
        store.apply(event, from: system, at: observedAt)
    }
}
