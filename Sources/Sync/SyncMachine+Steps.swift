import ServiceCatalog

extension SyncMachine {
    /// Decides what to do now. A batch that is returned is in flight until ``applied(_:of:now:)``.
    package mutating func next(_ view: some CatalogView, now: ContinuousClock.Instant) -> Step {
        guard isTargetKnown else { return .wait(until: nil) }
        let plans = settle(view, now)
        for (name, moment) in parked where moment <= now {
            parked[name] = nil
            queue.append(name)
        }
        consultGuard(view, now)
        if let system = rereadsDue.subtracting(rereadsUnderWay).min() {
            rereadsDue.remove(system)
            rereadsUnderWay.insert(system)
            return .reread(system)
        }
        guard !queue.isEmpty else {
            noteAgreement()
            return .wait(until: nextMoment(after: now))
        }
        hasAgreed = false
        if let blockedUntil {
            if blockedUntil > now { return .wait(until: blockedUntil) }
            guard inFlight.isEmpty else { return .wait(until: nil) }
        }
        if let moment = rateLimit.delay(at: now) { return .wait(until: moment) }
        guard inFlight.count < target.concurrentBatches, !isRemoving else { return .wait(until: nil) }
        let batch = batch(plans, view, now)
        guard !batch.isEmpty else {
            noteAgreement()
            guard inFlight.isEmpty else { return .wait(until: nil) }
            return .wait(until: dirty.isEmpty ? nextMoment(after: now) : now)
        }
        rateLimit.take(batch.count)
        inFlight.append(batch)
        namesInFlight.formUnion(batch.lazy.map { Self.fold($0.service) })
        return .apply(batch)
    }

    /// Whether a batch that removes something is under way.
    private var isRemoving: Bool { inFlight.contains { $0.contains { $0.kind == .remove } } }

    private mutating func noteAgreement() {
        guard inFlight.isEmpty else { return }
        if queue.isEmpty, dirty.isEmpty, parked.isEmpty {
            // Also where a write failed only as far as its answer goes, and the target has shown since that it was made.
            blockedUntil = nil
            targetBackoff.reset()
            recovered()
        }
        guard !hasAgreed, queue.isEmpty, dirty.isEmpty, parked.isEmpty, synced.count == sourceCount else { return }
        hasAgreed = true
        events.append(.agreed(owned: ownedCount))
    }

    /// Removes every entry of this installation from now on, in place of following the catalog.
    package mutating func withdraw() {
        isWithdrawing = true
        wishes = [:]
        removalGuard = RemovalGuard(policy: configuration.guardPolicy)
        markDirty(entriesByName.keys)
    }

    /// Finds out which of the dirty names differ.
    ///
    /// - Returns: the plans that remove nothing: these need not be made again when they are sent in the same step.
    private mutating func settle(_ view: some CatalogView, _ now: ContinuousClock.Instant) -> [Name: NamePlan] {
        var plans: [Name: NamePlan] = [:]
        let names = dirty.walk
        dirty = NameQueue()
        for (name, _) in names {
            if namesInFlight.contains(name) {
                // What becomes of the batch decides what there is to do.
                dirty.append(name)
                continue
            }
            if entriesByName[name] == nil, claims[name] != nil, !isWithdrawing {
                // Nothing stands there: whatever is wanted is planned when it is sent.
                removalGuard.setDue(0, for: name)
                parked[name] = nil
                queue.append(name)
                continue
            }
            let plan = plan(name, view)
            if plan.isEmpty {
                finish(name, now)
            } else {
                removalGuard.setDue(plan.loss, for: name)
                parked[name] = nil
                queue.append(name)
                if plan.removals.isEmpty { plans[name] = plan }
            }
        }
        return plans
    }

    private mutating func finish(_ name: Name, _ now: ContinuousClock.Instant) {
        queue.remove(name)
        parked[name] = nil
        wishes[name] = nil
        removalGuard.setDue(0, for: name)
        if entriesByName[name] == nil { established.remove(name) } else { established.insert(name) }
        if let change = changes.removeValue(forKey: name), change.wrote {
            let sync = configuration.definitions[change.sync].name
            events.append(.propagated(sync: sync, change.observedAt.duration(to: now)))
        }
    }

    private func nextMoment(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        // A hold that is over waits for its source to be read again, which wakes by itself; look now and then.
        let deadline = removalGuard.nextDeadline.map { $0 > now ? $0 : now + .seconds(1) }
        return [parked.values.min(), deadline].compactMap { $0 }.min()
    }

    // MARK: - The guard

    mutating func consultGuard(_ view: some CatalogView, _ now: ContinuousClock.Instant) {
        guard !isWithdrawing, removalGuard.hasDue else { return }
        let decision = removalGuard.evaluate(
            owned: ownedCount,
            emptied: emptiedNames(view),
            at: now,
            confirmed: confirmations(view, now)
        )
        for name in decision.released where parked.removeValue(forKey: name) != nil { queue.append(name) }
        if !decision.released.isEmpty { events.append(.released(names: decision.released.count)) }
        if !decision.newlyHeld.isEmpty {
            let sources = decision.newlyHeld.reduce(into: Set<SystemName>()) { $0.formUnion(systems(of: $1)) }
            rereadsDue.formUnion(sources)
            events.append(.held(entries: removalGuard.heldCount, systems: sources.sorted(), owned: ownedCount))
        }
        // Held long enough: ask the sources once more before believing them, and none twice while another is away.
        for (name, since) in removalGuard.held where now >= since + removalGuard.policy.hold {
            let end = since + removalGuard.policy.hold
            rereadsDue.formUnion(
                systems(of: name).subtracting(rereadsUnderWay).filter { system in
                    rereadAt[system].map { $0 < end } ?? true && rereadNotBefore[system].map { $0 <= now } ?? true
                }
            )
        }
    }

    /// The names about to lose entries of a source that looks empty: one that holds no service, or services without a
    /// single endpoint, as when the second of its lists comes back empty. What an ExternalName stands for is no endpoint.
    private func emptiedNames(_ view: some CatalogView) -> Set<Name> {
        var contents: [SystemName: SourceContents] = [:]
        for system in synced where ownedBySystem[system, default: 0] > 0 {
            contents[system] = view.contents(of: system)
        }
        guard contents.values.contains(where: { $0 != .endpoints }) else { return [] }
        return Set(
            removalGuard.dueNames.filter { name in
                (entriesByName[name] ?? []).contains { id in
                    guard let entry = entries[id], let from = entry.mark?.from else { return false }
                    switch contents[from] {
                    case .nothing: return true
                    case .servicesAlone: return entry.registration.map { $0.host.address != nil } ?? true
                    case .endpoints, nil: return false
                    }
                }
            }
        )
    }

    /// For held names whose sources are all current: since when all of them have been read again.
    private func confirmations(
        _ view: some CatalogView,
        _ now: ContinuousClock.Instant
    ) -> [Name: ContinuousClock.Instant] {
        removalGuard.held.keys.reduce(into: [:]) { confirmed, name in
            let sources = systems(of: name)
            let readings = sources.compactMap { view.freshness(of: $0) == .current ? rereadAt[$0] : nil }
            guard readings.count == sources.count else { return }
            // Entries whose sync is no longer declared have no source to ask.
            confirmed[name] = readings.min() ?? now
        }
    }

    /// The declared sources of the entries under `name`.
    private func systems(of name: Name) -> Set<SystemName> {
        (entriesByName[name] ?? []).reduce(into: []) { systems, id in
            guard let from = entries[id]?.mark?.from else { return }
            if configuration.definitions.contains(where: { $0.from == from }) { systems.insert(from) }
        }
    }

    // MARK: - Batches

    private mutating func batch(
        _ plans: [Name: NamePlan],
        _ view: some CatalogView,
        _ now: ContinuousClock.Instant
    ) -> [Operation] {
        var batch = Batch(limit: target.batchLimit)
        var used: Set<Name> = []
        for place in queue.walk where queue.isCurrent(place) && !namesInFlight.contains(place.name) {
            let name = place.name
            let plan = plans[name] ?? plan(name, view)
            used.insert(name)
            if plan.isEmpty {
                finish(name, now)
                continue
            }
            // Removals are sent when nothing else is under way, and so after all that was to be written before them.
            if !inFlight.isEmpty, !plan.removals.isEmpty { break }
            let before = batch.operations.count
            let wait = add(plan, of: name, to: &batch, view, now)
            if batch.isFull { break }
            if batch.operations.count == before {
                queue.remove(name)
                parked[name] = wait ?? now + .seconds(1)
            }
        }
        wishes = wishes.filter { used.contains($0.key) || namesInFlight.contains($0.key) }
        return batch.operations
    }

    /// Adds what may be sent of `plan`, removals last.
    ///
    /// - Returns: when the first of what may not be sent yet may be.
    private mutating func add(
        _ plan: NamePlan,
        of name: Name,
        to batch: inout Batch,
        _ view: some CatalogView,
        _ now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        var wait: ContinuousClock.Instant?
        var standing = plan.present
        var isComing = false
        func later(_ moment: ContinuousClock.Instant) { wait = min(wait ?? moment, moment) }

        for put in plan.puts {
            if let moment = notBefore(put, now: now) {
                later(moment)
                if !isHopeless(put) { isComing = true }
                continue
            }
            guard batch.add(put, cost: target.cost(of: put)) else { return nil }
            standing += 1
        }
        guard !plan.removals.isEmpty else { return wait }
        if let since = removalGuard.held[name] {
            later(max(since + removalGuard.policy.hold, now + .seconds(1)))
            return wait
        }
        guard plan.loss <= removalGuard.due(name) else {
            // The catalog has moved on since the guard was asked.
            dirty.append(name)
            return now
        }
        // The old stays while what should replace it is on its way, or none of it is accepted.
        guard !isComing, standing > 0 || plan.wanted == 0 else { return wait }
        let moving = moving(plan.removals, from: name, view)
        if !moving.isEmpty { later(now + .seconds(1)) }
        for entry in plan.removals where !moving.contains(entry.id) {
            let removal = Operation.remove(entry)
            if let moment = notBefore(removal, now: now) {
                later(moment)
                continue
            }
            guard batch.add(removal, cost: target.cost(of: removal)) else { return nil }
        }
        return wait
    }
}

/// Operations up to a limit.
private struct Batch {
    let limit: Int
    private(set) var operations: [Operation] = []
    private(set) var isFull = false
    private var cost = 0

    init(limit: Int) { self.limit = limit }

    mutating func add(_ operation: Operation, cost addition: Int) -> Bool {
        guard cost + addition <= limit else {
            isFull = true
            return false
        }
        cost += addition
        operations.append(operation)
        return true
    }
}
