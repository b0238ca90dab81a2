package import ServiceCatalog

// MARK: - From the catalog

extension SyncMachine {
    /// Takes in everything the catalog knows already. Deltas may come before and after.
    package mutating func start(_ view: some CatalogView, now: ContinuousClock.Instant) {
        for system in Set(configuration.definitions.map(\.from)) {
            catalogChanged(view.keys(in: system).map { ($0, now) }, in: system, view)
        }
    }

    /// Takes in that services of `system` changed, or its freshness did; each with the moment it was seen.
    package mutating func catalogChanged(
        _ keys: some Sequence<(ServiceKey, ContinuousClock.Instant)>,
        in system: SystemName,
        _ view: some CatalogView
    ) {
        for (key, observedAt) in keys {
            for index in projectors.indices where projectors[index].definition.from == system {
                update(Claimant(sync: index, key: key), view, observedAt: observedAt)
            }
        }
        if view.freshness(of: system).isSynced, synced.insert(system).inserted {
            markDirty(entriesByName.keys)
        }
    }

    private mutating func update(
        _ claimant: Claimant,
        _ view: some CatalogView,
        observedAt: ContinuousClock.Instant
    ) {
        let projector = projectors[claimant.sync]
        let service = view.service(claimant.key, in: projector.definition.from)
        let new = service.map { projector.names(of: $0).map(Self.fold) } ?? []
        let old = names[claimant] ?? []
        if new != old {
            for name in old where !new.contains(name) {
                claims[name]?.remove(claimant)
                if claims[name]?.isEmpty == true { claims[name] = nil }
            }
            for name in new { claims[name, default: []].insert(claimant) }
            names[claimant] = new.isEmpty ? nil : new
        }
        // New names first: a service that is renamed is written under its new name before it leaves the old one.
        for name in new + old.filter({ !new.contains($0) }) {
            dirty.append(name)
            if changes[name] == nil { changes[name] = Change(observedAt: observedAt, sync: claimant.sync) }
        }
    }
}

// MARK: - From the target

extension SyncMachine {
    /// Takes in what differs in the target.
    package mutating func targetChanged(_ changes: TargetChanges) {
        condition = changes.condition
        if case .failing(let error) = condition { failed(error) }
        if changes.isComplete {
            for id in Array(entries.keys) where changes.entries[id] == nil { set(nil, for: id) }
            if !isTargetKnown {
                isTargetKnown = true
                markDirty(claims.keys)
            }
        }
        for (id, entry) in changes.entries { set(entry, for: id) }
        if let holders = changes.otherHolders, holders != otherHolders {
            let names = Set(holders.keys).union(otherHolders.keys)
            markDirty(names.filter { holders[$0] != otherHolders[$0] }.sorted())
            otherHolders = holders
        }
        if blockedUntil == nil { recovered() }
    }

    mutating func markDirty(_ names: some Sequence<Name>) {
        for name in names { dirty.append(name) }
    }

    private mutating func set(_ entry: ObservedEntry?, for id: EntryID) {
        let old = entries[id]
        guard old != entry else { return }
        if let old {
            let name = Self.fold(old.service)
            entriesByName[name]?.remove(id)
            if entriesByName[name]?.isEmpty == true { entriesByName[name] = nil }
            count(old, -1)
            dirty.append(name)
        }
        entries[id] = entry
        if let entry {
            let name = Self.fold(entry.service)
            entriesByName[name, default: []].insert(id)
            count(entry, 1)
            dirty.append(name)
            if let left = moves.removeValue(forKey: name) { markDirty(left) }
        }
        // A foreign entry may stand in the way of a name other than its own.
        if let wisher = Self.name(of: id), claims[wisher] != nil { dirty.append(wisher) }
    }

    /// The service name within an id this engine makes.
    private static func name(of id: EntryID) -> Name? {
        id.rawValue.lastIndex(of: "@").map { String(id.rawValue[..<$0]) }
    }

    private mutating func count(_ entry: ObservedEntry, _ step: Int) {
        guard entry.isOwn else { return }
        ownedCount += step
        if let from = entry.mark?.from { ownedBySystem[from, default: 0] += step }
    }
}

// MARK: - From operations

extension SyncMachine {
    /// How long an identical write counts as a repetition.
    private static let repetition = Duration.seconds(600)

    /// Takes in what became of a batch that ``next(_:now:)`` gave.
    package mutating func applied(_ results: [OperationResult], of batch: [Operation], now: ContinuousClock.Instant) {
        if let index = inFlight.firstIndex(where: { $0.first?.id == batch.first?.id }) { inFlight.remove(at: index) }
        for operation in batch { namesInFlight.remove(Self.fold(operation.service)) }
        var done = 0
        var refused = 0
        var wholeTarget: TargetError?
        for (operation, result) in zip(batch, results) {
            let name = Self.fold(operation.service)
            dirty.append(name)
            let sync = syncName(of: operation)
            switch result {
            case .done:
                done += 1
                events.append(.operation(sync: sync, operation.kind, result: "ok"))
                succeeded(operation, name, now)
            case .failed(let error):
                events.append(.operation(sync: sync, operation.kind, result: error.label))
                refused += 1
                if error.concernsWholeTarget {
                    wholeTarget = wholeTarget ?? error
                } else {
                    postpone(operation, error, now)
                }
            case .notTried:
                break
            }
        }
        if done == 0, refused == 0, !batch.isEmpty {
            wholeTarget = .nonsense("the target performed nothing of a batch and gave no reason")
        }
        let isStraggler = stragglers > 0
        if isStraggler { stragglers -= 1 }
        if let error = wholeTarget {
            // What was sent before a failure fails with it: one reason to wait, and not four.
            let delay = isStraggler ? .zero : targetBackoff.next(using: &generator)
            var moment = now + delay
            if case .throttled(_, let retryAfter?) = error { moment = max(moment, now + retryAfter) }
            blockedUntil = max(blockedUntil ?? moment, moment)
            if !isStraggler { stragglers = inFlight.count }
            failed(error)
        } else if !isStraggler {
            targetBackoff.reset()
            blockedUntil = nil
            recovered()
        }
        if lastWrites.count > 2 * max(entries.count, 1024) {
            lastWrites = lastWrites.filter { $0.value.at.duration(to: now) < Self.repetition }
            retries = retries.filter { $0.value.notBefore.duration(to: now) < Self.repetition }
        }
    }

    private mutating func succeeded(_ operation: Operation, _ name: Name, _ now: ContinuousClock.Instant) {
        changes[name]?.wrote = true
        switch operation.kind {
        case .add:
            // What was approved was reckoned less what was still to be added.
            if established.contains(name) || removalGuard.isApproved(name) { removalGuard.count(-1, of: name, at: now) }
        case .remove: removalGuard.count(1, of: name, at: now)
        case .change: break
        }
        guard case .put(let registration, _) = operation else {
            retries[operation.id] = nil
            lastWrites[operation.id] = nil
            return
        }
        // Writing the same again and again means that someone takes it away again and again: go slower each time.
        let hash = registration.hashValue
        if let last = lastWrites[operation.id], last.hash == hash, last.at.duration(to: now) < Self.repetition {
            var retry = retries[operation.id] ?? Retry(backoff: configuration.entryBackoff, tried: 0, notBefore: now)
            retry.tried = hash
            retry.error = nil
            retry.notBefore = now + retry.backoff.next(using: &generator)
            retries[operation.id] = retry
        } else {
            retries[operation.id] = nil
        }
        lastWrites[operation.id] = (hash, now)
    }

    /// Spaces out the next attempt of an operation that was refused for itself.
    private mutating func postpone(_ operation: Operation, _ error: TargetError, _ now: ContinuousClock.Instant) {
        var retry = retries[operation.id] ?? Retry(backoff: configuration.entryBackoff, tried: 0, notBefore: now)
        retry.tried = operation.hashValue
        retry.error = error
        retry.notBefore = now + retry.backoff.next(using: &generator)
        retries[operation.id] = retry
    }

    /// Whether `operation` was refused so often that nothing should wait for it any more.
    func isHopeless(_ operation: Operation) -> Bool { (retries[operation.id]?.backoff.attempts ?? 0) >= 3 }

    /// The moment before which `operation` must not be tried.
    func notBefore(_ operation: Operation, now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let retry = retries[operation.id], retry.notBefore > now else { return nil }
        if retry.error != nil { return retry.tried == operation.hashValue ? retry.notBefore : nil }
        guard case .put(let registration, _) = operation else { return nil }
        return retry.tried == registration.hashValue ? retry.notBefore : nil
    }

    private mutating func failed(_ error: TargetError) {
        if lastError == nil { events.append(.targetFailed(error)) }
        lastError = error
    }

    mutating func recovered() {
        if case .failing = condition { return }
        if lastError != nil { events.append(.targetRecovered) }
        lastError = nil
    }

    private func syncName(of operation: Operation) -> String {
        let from: SystemName? =
            switch operation {
            case .put(let registration, _): registration.mark.from
            case .remove(let entry): entry.mark?.from
            }
        return configuration.definitions.first { $0.from == from }?.name ?? "none"
    }
}

// MARK: - From sources that were read again

extension SyncMachine {
    /// Takes in that `system` was read as a whole once more, and the catalog holds the outcome.
    package mutating func reread(_ system: SystemName, succeeded: Bool, now: ContinuousClock.Instant) {
        rereadsUnderWay.remove(system)
        if succeeded { rereadAt[system] = now } else { rereadNotBefore[system] = now + .seconds(5) }
    }
}
