import ServiceCatalog
package import SyncEngine

/// What a registry's test target provides so that the contract can be run against it.
package protocol RegistryHarness: Sendable {
    /// A new adapter of the installation `cluster` on the one registry of this harness, as after a restart: it knows
    /// nothing yet.
    func makeTarget(cluster: String) async throws -> any Target

    /// Writes an entry with this id into the region of the installation `cluster`, as somebody who is not Portolan.
    func putForeignEntry(_ id: EntryID, service: String, cluster: String) async throws

    /// Whether the entry that ``putForeignEntry(_:service:cluster:)`` wrote stands as it was written.
    func hasForeignEntry(_ id: EntryID, service: String, cluster: String) async throws -> Bool

    /// Removes an entry of the installation `cluster` behind the adapter's back.
    func removeBehindBack(_ id: EntryID, service: String, cluster: String) async throws

    /// A registration the registry refuses, made from one it takes; `nil` where it takes everything.
    func unacceptable(_ registration: Registration) -> Registration?
}

/// A clause of the contract that was not kept.
package struct ContractViolation: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw ContractViolation(message()) }
}

/// A target with its follower, and what it has shown so far.
final class Follower {
    let target: any Target
    private(set) var entries: [EntryID: ObservedEntry] = [:]
    private(set) var condition = TargetChanges.Condition.unread
    private(set) var isComplete = false
    private let signals: AsyncStream<Void>
    private let task: Task<Void, Never>

    init(_ target: any Target) {
        self.target = target
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.signals = signals
        task = Task { await target.follow { continuation.yield() } }
    }

    deinit { task.cancel() }

    func take() {
        let changes = target.takeChanges()
        condition = changes.condition
        if changes.isComplete {
            isComplete = true
            entries = [:]
        }
        for (id, entry) in changes.entries { entries[id] = entry }
    }

    /// Waits until what the target shows satisfies `condition`. The test's time limit bounds the wait.
    func wait(until condition: (Follower) -> Bool) async throws {
        take()
        if condition(self) { return }
        for await _ in signals {
            take()
            if condition(self) { return }
        }
        throw ContractViolation("the target stopped following")
    }

    func waitUntilRead() async throws {
        try await wait { $0.isComplete && $0.condition == .current }
    }

    @discardableResult
    func apply(_ operations: [Operation]) async -> [OperationResult] {
        let results = await target.apply(operations)
        take()
        return results
    }

    func stop() { task.cancel() }
}
