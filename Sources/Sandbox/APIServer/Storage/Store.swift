internal import Synchronization

/// All objects, under one counter of versions.
final class Store: Sendable {
    /// What writes work on, one at a time.
    struct State: Sendable {
        /// The version of the latest write.
        fileprivate(set) var revision: Int64 = 0
        fileprivate var collections: [String: Collection] = [:]
        fileprivate var lastWatcher = 0
        /// Who waits for a number of open watches.
        fileprivate var observers: [(isMet: @Sendable (Int) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
            []
        fileprivate let window: Int
        /// The versions up to which changes of every kind are forgotten.
        fileprivate var compacted: (lists: Int64, watches: Int64) = (0, 0)
        var serviceAddresses = ServiceAllocator()

        fileprivate var watches: Int { collections.values.reduce(0) { $0 + $1.watchers.count } }

        func object(_ resource: Resource, _ key: ObjectKey) -> StoredObject? {
            collections[resource.storagePrefix]?[key]
        }

        func list(_ resource: Resource, namespace: String?, at revision: Int64? = nil) -> [StoredObject] {
            collections[resource.storagePrefix]?.list(namespace: namespace, at: revision) ?? []
        }

        /// The versions before which lists and watches are refused.
        func floor(_ resource: Resource) -> (lists: Int64, watches: Int64) {
            let own = collections[resource.storagePrefix]?.floor ?? 0
            return (max(own, compacted.lists), max(own, compacted.lists, compacted.watches))
        }

        /// Stores an object, new or not, at the next version.
        mutating func put(_ object: JSON, _ resource: Resource, _ key: ObjectKey) -> StoredObject {
            revision += 1
            let stored = StoredObject(object, key: key, revision: revision, schema: resource.storageSchema)
            commit(
                Change(revision: revision, previous: self.object(resource, key), current: stored, deleted: nil),
                resource
            )
            return stored
        }

        /// Deletes an object and returns it at the deletion's version.
        mutating func delete(_ resource: Resource, _ key: ObjectKey) -> StoredObject? {
            guard let previous = object(resource, key) else { return nil }
            revision += 1
            let deleted = StoredObject(previous.object, key: key, revision: revision, schema: resource.storageSchema)
            commit(Change(revision: revision, previous: previous, current: nil, deleted: deleted), resource)
            return deleted
        }

        private mutating func commit(_ change: Change, _ resource: Resource) {
            collections[resource.storagePrefix, default: Collection()].commit(change, window: window)
        }
    }

    private let state: Mutex<State>

    /// `window`: how many changes of each kind are remembered for watches and older lists.
    init(window: Int, ranges: ServiceAllocator.Ranges) {
        state = Mutex(State(window: window, serviceAddresses: ServiceAllocator(ranges: ranges)))
    }

    func read<Value: Sendable>(_ body: (State) throws(APIStatus) -> Value) throws(APIStatus) -> Value {
        try state.withLock { state throws(APIStatus) in try body(state) }
    }

    /// Runs a whole write; nothing else is read or written meanwhile.
    func write<Value: Sendable>(
        _ body: (inout State) throws(APIStatus) -> Value
    ) throws(APIStatus) -> Value {
        try state.withLock { state throws(APIStatus) in try body(&state) }
    }

    var revision: Int64 { state.withLock { $0.revision } }

    /// Forgets all changes so far: older versions are gone for lists and watches.
    func compact() {
        state.withLock { state in
            state.compacted.lists = state.revision
            for prefix in state.collections.keys { state.collections[prefix]?.forget(through: state.revision) }
        }
    }

    /// Forgets all changes so far for watches, as a restarted server has.
    func forgetWatchHistory() {
        state.withLock { $0.compacted.watches = $0.revision }
    }

    // MARK: - Watches

    struct Subscription: Sendable {
        let id: Int
        let watcher: Watcher
        /// The objects to tell first, when the watch begins with the present state.
        let initial: [StoredObject]
        /// The version the watch begins after.
        let revision: Int64
    }

    /// Begins a watch with the present state.
    func watchFromNow(_ resource: Resource, namespace: String?) -> Subscription {
        defer { tellObservers() }
        return state.withLock { state in
            let initial = state.list(resource, namespace: namespace)
            return Self.subscribe(&state, resource, initial: initial, after: state.revision)
        }
    }

    /// Begins a watch with what changed after `revision`; `nil` when that is forgotten.
    func watch(_ resource: Resource, after revision: Int64) -> Subscription? {
        defer { tellObservers() }
        return state.withLock { state in
            guard revision >= state.floor(resource).watches else { return nil }
            let subscription = Self.subscribe(&state, resource, initial: [], after: revision)
            for change in state.collections[resource.storagePrefix]?.changes(after: revision) ?? [] {
                subscription.watcher.send(.change(change))
            }
            return subscription
        }
    }

    private static func subscribe(
        _ state: inout State,
        _ resource: Resource,
        initial: [StoredObject],
        after revision: Int64
    ) -> Subscription {
        state.lastWatcher += 1
        let watcher = Watcher()
        state.collections[resource.storagePrefix, default: Collection()].watchers[state.lastWatcher] = watcher
        return Subscription(id: state.lastWatcher, watcher: watcher, initial: initial, revision: revision)
    }

    func endWatch(_ subscription: Subscription, _ resource: Resource) {
        state.withLock { $0.collections[resource.storagePrefix]?.watchers[subscription.id] = nil }
        tellObservers()
    }

    /// Tells a watch the present version, behind everything told so far.
    func bookmark(_ subscription: Subscription) {
        state.withLock { subscription.watcher.send(.bookmark($0.revision)) }
    }

    /// How many watches are open.
    var watches: Int { state.withLock { $0.watches } }

    /// Returns as soon as the number of open watches is as wanted.
    func whenWatches(_ isMet: @escaping @Sendable (Int) -> Bool) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.observers.append((isMet, continuation)) }
            tellObservers()
        }
    }

    private func tellObservers() {
        let met = state.withLock { state in
            let count = state.watches
            let met = state.observers.filter { $0.isMet(count) }
            state.observers.removeAll { $0.isMet(count) }
            return met.map(\.continuation)
        }
        for continuation in met { continuation.resume() }
    }

    /// Ends every watch, with an error event or cleanly.
    func endWatches(_ error: APIStatus? = nil) {
        state.withLock { state in
            for collection in state.collections.values {
                for watcher in collection.watchers.values { watcher.send(.end(error)) }
            }
        }
    }
}
