package import ServiceCatalog

/// How one sync stands.
package struct SyncStatus: Hashable, Sendable {
    package enum Phase: String, Hashable, Sendable {
        /// The source has not delivered a complete snapshot: nothing of it is removed.
        case waitingForSource = "waiting-for-source"
        /// What the target holds is not known: nothing is written.
        case waitingForTarget = "waiting-for-target"
        /// The target does not take writes at present.
        case failing
        /// Removals wait for a second opinion; everything else goes on.
        case held
        /// Differences are being written.
        case active
        /// Source and target agree.
        case idle
    }

    package let name: String
    package let from: SystemName
    package let to: SystemName
    package let phase: Phase
    /// Entries in the target that carry this sync's mark.
    package let owned: Int
    /// Service names that wait to be written.
    package let pending: Int
    /// Entries whose removal is held.
    package let held: Int
    package let error: String?
    package let problems: [Problem]
}

extension SyncMachine {
    package func status() -> [SyncStatus] {
        var pending = [Int](repeating: 0, count: projectors.count)
        var found = [[Problem]](repeating: [], count: projectors.count)
        for name in Set(queue.names).union(dirty.names).union(parked.keys) {
            for sync in syncs(of: name) { pending[sync] += 1 }
        }
        for (name, problems) in problems {
            for sync in syncs(of: name) { found[sync] += problems }
        }
        var held = [Int](repeating: 0, count: projectors.count)
        for name in removalGuard.held.keys {
            for sync in syncs(of: name) { held[sync] += removalGuard.due(name) }
        }
        return projectors.indices.map { index in
            let definition = projectors[index].definition
            let phase: SyncStatus.Phase =
                if !isTargetKnown {
                    .waitingForTarget
                } else if !synced.contains(definition.from) {
                    .waitingForSource
                } else if lastError != nil {
                    .failing
                } else if held[index] > 0 {
                    .held
                } else {
                    pending[index] > 0 ? .active : .idle
                }
            return SyncStatus(
                name: definition.name,
                from: definition.from,
                to: definition.to,
                phase: phase,
                owned: ownedBySystem[definition.from] ?? 0,
                pending: pending[index],
                held: held[index],
                error: lastError?.description,
                problems: found[index].sorted { $0.message < $1.message }
            )
        }
    }

    /// The syncs that want something under `name` or have entries there.
    private func syncs(of name: Name) -> Set<Int> {
        var syncs = Set((claims[name] ?? []).map(\.sync))
        for id in entriesByName[name] ?? [] {
            guard let from = entries[id]?.mark?.from else { continue }
            for index in projectors.indices where projectors[index].definition.from == from { syncs.insert(index) }
        }
        return syncs
    }
}

// MARK: - Explaining

/// The way of one service through one sync, step by step.
package struct SyncExplanation: Sendable {
    package struct Step: Hashable, Sendable {
        /// False where something keeps the service, or a part of it, from the target.
        package let isFine: Bool
        package let text: String
    }

    package let sync: String
    package let target: SystemName
    /// Under which the service stands, or is to stand, in the target.
    package let names: [String]
    package let steps: [Step]
}

extension SyncMachine {
    /// Tells what becomes of service `key` of `system` in every sync that reads the system.
    package func explain(_ key: ServiceKey, in system: SystemName, _ view: some CatalogView) -> [SyncExplanation] {
        projectors.indices.filter { projectors[$0].definition.from == system }.map { index in
            SyncExplanation(
                sync: projectors[index].definition.name,
                target: target.system,
                names: view.service(key, in: system).map { projectors[index].names(of: $0) } ?? [],
                steps: steps(Claimant(sync: index, key: key), view)
            )
        }
    }

    private func steps(_ claimant: Claimant, _ view: some CatalogView) -> [SyncExplanation.Step] {
        var steps: [SyncExplanation.Step] = []
        func fine(_ text: String) { steps.append(.init(isFine: true, text: text)) }
        func odd(_ text: String) { steps.append(.init(isFine: false, text: text)) }

        let projector = projectors[claimant.sync]
        let definition = projector.definition
        if !synced.contains(definition.from) {
            odd("\(definition.from) has not delivered a complete snapshot yet; nothing is removed until it has")
        }
        guard let service = view.service(claimant.key, in: definition.from) else {
            odd("\(definition.from) has no service \(claimant.key)")
            return steps
        }
        switch definition.selection(of: service) {
        case .selected: fine("selected")
        case .optedOut: odd("left out: annotation \(ServiceSettings.annotationPrefix)sync is \"false\"")
        case .otherTargets:
            odd("left out: annotation \(ServiceSettings.annotationPrefix)to does not name \(definition.to)")
        case .notOptedIn:
            odd("left out: this sync takes only services with \(ServiceSettings.annotationPrefix)sync: \"true\"")
        }
        if !isTargetKnown { odd("\(definition.to) has not been read yet; nothing is written until it has") }
        if let lastError { odd("\(definition.to) fails at present: \(lastError)") }
        var trial = self
        for name in projector.names(of: service) {
            let projection = projector.project(service, as: name)
            fine("\(projection.entries.count) instances under the name \"\(name)\"")
            for skip in projection.skipped {
                if case .loop(let origin) = skip.reason {
                    odd("\(skip.host) is not written: it came from \(definition.to) (origin \(origin))")
                }
            }
            let plan = trial.plan(Self.fold(name), view)
            for problem in Set(projection.problems + plan.problems).sorted(by: { $0.message < $1.message }) {
                odd(problem.message)
            }
            if plan.isEmpty {
                fine("\(plan.present) instances stand in \(definition.to) as wanted")
            } else {
                let removals = removalGuard.held[Self.fold(name)] == nil ? "to be removed" : "whose removal is held"
                odd("waiting: \(plan.puts.count) instances to be written, \(plan.removals.count) \(removals)")
            }
        }
        return steps
    }
}
