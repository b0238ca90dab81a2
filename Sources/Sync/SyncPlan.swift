package import ServiceCatalog

/// What a sync would do, and does not. For `portolan plan`.
package struct SyncPlan: Sendable {
    package struct Change: Hashable, Sendable {
        package let before: ObservedEntry
        package let after: Registration
    }

    package let target: SystemName
    package var added: [Registration] = []
    package var changed: [Change] = []
    package var removed: [ObservedEntry] = []
    /// The entries of ``removed`` that the removal guard would hold back.
    package var held = 0
    /// Sources that have not been read: what they hold in the target stays.
    package var unsynced: [SystemName] = []
    package var problems: [Problem] = []

    package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }
}

extension SyncMachine {
    /// Everything that differs at this moment, as though it were done in one pass. Leaves the machine as it is.
    ///
    /// - Returns: `nil` while the target has not been read.
    package func outline(_ view: some CatalogView, now: ContinuousClock.Instant) -> SyncPlan? {
        guard isTargetKnown else { return nil }
        var trial = self
        var plan = SyncPlan(target: target.system)
        plan.unsynced = Set(configuration.definitions.map(\.from)).subtracting(synced).sorted()
        for name in Set(claims.keys).union(entriesByName.keys).sorted() {
            let part = trial.plan(name, view)
            trial.removalGuard.setDue(part.loss, for: name)
            for case .put(let registration, let before) in part.puts {
                if let before {
                    plan.changed.append(SyncPlan.Change(before: before, after: registration))
                } else {
                    plan.added.append(registration)
                }
            }
            plan.removed += part.removals
            for problem in part.problems where !plan.problems.contains(problem) { plan.problems.append(problem) }
        }
        trial.consultGuard(view, now)
        plan.held = trial.removalGuard.heldCount
        return plan
    }
}

extension SyncMachine {
    /// Reads the target once and outlines what would be written. Writes nothing.
    ///
    /// Throws what the target first fails with; a plan is asked for by a person who waits.
    package static func plan(
        target: any Target,
        configuration: Configuration,
        view: some CatalogView,
        now: ContinuousClock.Instant
    ) async throws(TargetError) -> SyncPlan {
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let follower = Task { await target.follow { signal.yield() } }
        defer { follower.cancel() }
        var machine = SyncMachine(target: target, configuration: configuration)
        machine.start(view, now: now)
        for await _ in signals {
            let changes = target.takeChanges()
            if case .failing(let error) = changes.condition { throw error }
            machine.targetChanged(changes)
            if let plan = machine.outline(view, now: now) { return plan }
        }
        throw .unreachable("\(target.system) was not read: the plan was cancelled")
    }
}
