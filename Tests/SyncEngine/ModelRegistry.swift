import RegistryContract
import ServiceCatalog
import SyncEngine
import Synchronization

/// A registry in memory, shared by any number of targets, that can fail in every way.
final class ModelRegistry: Sendable {
    struct Stored: Hashable {
        var service: String
        /// `nil` for an entry nobody marked.
        var registration: Registration?
        var revision: UInt64
    }

    struct State {
        /// By installation: like a node of Consul, each has a region of its own.
        var regions: [String: [EntryID: Stored]] = [:]
        var revision: UInt64 = 0
        /// Every operation that was performed, in order.
        var log: [Operation] = []
        var batches = 0
        /// What the next batches answer instead of being performed.
        var failures: [TargetError] = []
        /// What the registry refuses for itself.
        var refuses: @Sendable (Operation) -> TargetError? = { _ in nil }
        var watchers: [@Sendable () -> Void] = []
        /// Called before a batch is performed: the place to change the world behind the engine's back.
        var beforeBatch: @Sendable () -> Void = {}
        /// What targets tell of others who register under the same names.
        var otherHolders: [String: [OtherHolder]]?
        /// Which batches wait until ``resume()``.
        var pauses: @Sendable ([Operation]) -> Bool = { _ in false }
        var paused: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastPause = 0
    }

    private let state = Mutex(State())

    func with<Result>(_ body: (inout sending State) throws -> sending Result) rethrows -> sending Result {
        try state.withLock(body)
    }

    func entries(of cluster: String = "east") -> [EntryID: Stored] { state.withLock { $0.regions[cluster] ?? [:] } }
    var registrations: Set<Registration> { Set(entries().values.compactMap(\.registration)) }
    var log: [Operation] { state.withLock { $0.log } }

    /// Changes the contents from outside and tells the watchers.
    func edit(_ body: (inout State) -> Void) {
        let watchers = state.withLock { state in
            state.revision += 1
            body(&state)
            return state.watchers
        }
        for watcher in watchers { watcher() }
    }

    func put(foreign id: EntryID, service: String, in cluster: String = "east") {
        edit {
            $0.regions[cluster, default: [:]][id] = Stored(service: service, registration: nil, revision: $0.revision)
        }
    }

    func resume() {
        let waiting = state.withLock { state in
            state.pauses = { _ in false }
            defer { state.paused = [:] }
            return state.paused
        }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Waits until ``resume()`` or cancellation where `operations` are to be paused.
    fileprivate func pause(_ operations: [SyncEngine.Operation]) async {
        let pause = state.withLock { state in
            state.lastPause += 1
            return state.lastPause
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.pauses(operations), !Task.isCancelled else { return false }
                    state.paused[pause] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.paused.removeValue(forKey: pause) }?.resume()
        }
    }

    /// Performs a batch as a transaction: all of it or nothing.
    fileprivate func perform(_ operations: [SyncEngine.Operation], in cluster: String) -> [OperationResult] {
        state.withLock { $0.beforeBatch }()
        return state.withLock { state in
            state.batches += 1
            if !state.failures.isEmpty {
                let error = state.failures.removeFirst()
                return operations.map { _ in .failed(error) }
            }
            let errors = operations.map { operation -> TargetError? in
                if let error = state.refuses(operation) { return error }
                let present = state.regions[cluster]?[operation.id]
                switch operation {
                case .put(_, let expected):
                    return present?.revision == expected?.revision
                        ? nil : .conflict("\(operation.id) is not as expected")
                case .remove(let entry):
                    return present == nil || present?.revision == entry.revision ? nil : .conflict("changed meanwhile")
                }
            }
            if errors.contains(where: { $0 != nil }) { return errors.map { $0.map { .failed($0) } ?? .notTried } }
            state.revision += 1
            for operation in operations {
                switch operation {
                case .put(let registration, _):
                    state.regions[cluster, default: [:]][operation.id] = Stored(
                        service: registration.service,
                        registration: registration,
                        revision: state.revision
                    )
                case .remove:
                    state.regions[cluster]?[operation.id] = nil
                }
                state.log.append(operation)
            }
            return operations.map { _ in .done }
        }
    }
}

final class ModelTarget: Target {
    let system: SystemName = "model"
    let batchLimit: Int
    let concurrentBatches: Int
    private let registry: ModelRegistry
    private let cluster: String
    private let shown: Mutex<[EntryID: ObservedEntry]?> = Mutex(nil)

    init(_ registry: ModelRegistry, cluster: String = "east", batchLimit: Int = 8, concurrentBatches: Int = 1) {
        self.registry = registry
        self.cluster = cluster
        self.batchLimit = batchLimit
        self.concurrentBatches = concurrentBatches
    }

    func cost(of operation: SyncEngine.Operation) -> Int { 1 }

    func normalise(_ registration: Registration) -> Normalised { Normalised(registration) }

    func follow(notify: @escaping @Sendable () -> Void) async {
        registry.edit { $0.watchers.append(notify) }
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        await withTaskCancellationHandler {
            for await _ in stream {}
        } onCancel: {
            continuation.finish()
        }
    }

    func takeChanges() -> TargetChanges {
        var now: [EntryID: ObservedEntry] = [:]
        for (id, stored) in registry.entries(of: cluster) {
            let holder = stored.registration.map { ObservedEntry.Holder.own($0.mark, $0) } ?? .other("somebody")
            now[id] = ObservedEntry(id: id, service: stored.service, holder: holder, revision: stored.revision)
        }
        return shown.withLock { shown in
            guard let before = shown else {
                shown = now
                return TargetChanges(condition: .current, isComplete: true, entries: now)
            }
            var changes = TargetChanges(condition: .current, otherHolders: registry.with { $0.otherHolders })
            for (id, entry) in now where before[id] != entry { changes.entries[id] = entry }
            for id in before.keys where now[id] == nil { changes.entries.updateValue(nil, forKey: id) }
            shown = now
            return changes
        }
    }

    func apply(_ operations: [SyncEngine.Operation]) async -> [OperationResult] {
        await registry.pause(operations)
        if Task.isCancelled { return operations.map { _ in .failed(.unreachable("cancelled")) } }
        return registry.perform(operations, in: cluster)
    }
}
