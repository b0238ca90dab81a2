package import Logging
package import ServiceCatalog

/// Time as the driver sees it; tests bring their own.
package struct SyncTime: Sendable {
    package let now: @Sendable () -> ContinuousClock.Instant
    /// Returns at the moment, or earlier when the task is cancelled.
    package let sleep: @Sendable (ContinuousClock.Instant) async -> Void

    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (ContinuousClock.Instant) async -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    package static let continuous = SyncTime(
        now: { .now },
        sleep: { try? await ContinuousClock().sleep(until: $0) }
    )
}

/// Runs the syncs of one target: carries changes to a ``SyncMachine`` and its decisions to the ``Target``. Each target
/// has a driver of its own, so that none waits for another.
package actor SyncDriver {
    /// How long a stop waits for the batches in flight. Whoever stops the process waits longer (Kubernetes 30 s by
    /// default), and there is more to end after this.
    private static let patience = Duration.seconds(10)

    private let target: any Target
    private let store: CatalogStore
    private let time: SyncTime
    private let inbox = SyncInbox()
    private let sources: Set<SystemName>
    private let reread: @Sendable (SystemName) async -> Bool
    private let observe: @Sendable (SyncEvent) -> Void
    private let logger: Logger
    private var machine: SyncMachine
    /// The batches in flight, by the entry of their first operation: no entry is in two of them.
    private var writing: [EntryID: Task<Void, Never>] = [:]
    private var summary = Summary()
    private var hasAgreed = false
    private var heldLoggedAt: ContinuousClock.Instant?

    /// - Parameters:
    ///   - reread: reads a system as a whole once more, and returns whether the catalog then holds the outcome and the
    ///     outcome can be believed: held removals wait for that.
    ///   - observe: is given everything the machine tells; must be quick.
    package init(
        target: any Target,
        store: CatalogStore,
        configuration: SyncMachine.Configuration,
        time: SyncTime = .continuous,
        reread: @escaping @Sendable (SystemName) async -> Bool,
        logger: Logger,
        observe: @escaping @Sendable (SyncEvent) -> Void = { _ in }
    ) {
        self.target = target
        self.store = store
        self.time = time
        self.reread = reread
        self.observe = observe
        var logger = logger
        logger[metadataKey: "target"] = "\(target.system)"
        self.logger = logger
        sources = Set(configuration.definitions.map(\.from))
        machine = SyncMachine(target: target, configuration: configuration)
    }

    /// Keeps the target in agreement until ``stop()`` or cancellation. Batches in flight are finished first; a target
    /// that does not answer them in ten seconds is not waited for any longer.
    package func run() async {
        let subscription = store.subscribe { [inbox, sources] in
            if sources.contains($0.system) { inbox.put($0) }
        }
        machine.start(store, now: time.now())
        // Not a child task: it must not end before the batches in flight do.
        let follower = Task { [target, inbox] in await target.follow { inbox.targetChanged() } }
        await withTaskCancellationHandler {
            await work()
        } onCancel: {
            inbox.stop(withdrawing: false)
        }
        if inbox.take().isWithdrawing { await withdraw() }
        follower.cancel()
        store.unsubscribe(subscription)
        tell()
        logSummary(force: true)
    }

    /// Ends ``run()`` after the batches in flight.
    ///
    /// - Parameter withdrawing: whether this installation's entries are removed before it returns.
    package nonisolated func stop(withdrawing: Bool = false) { inbox.stop(withdrawing: withdrawing) }

    package func status() -> [SyncStatus] { machine.status() }

    /// Whether a batch is in flight.
    package var isWriting: Bool { !machine.inFlight.isEmpty }

    package func explain(_ key: ServiceKey, in system: SystemName) -> [SyncExplanation] {
        machine.explain(key, in: system, store)
    }

    // MARK: - The loop

    private func work() async {
        while true {
            let contents = inbox.take()
            takeIn(contents)
            if contents.isStopping { return await finishWriting() }
            let step = machine.next(store, now: time.now())
            tell()
            switch step {
            case .apply(let operations): begin(operations)
            case .reread(let system): startReread(system)
            case .wait(let moment):
                logSummary(force: false)
                await inbox.wait(until: moment, time)
            }
        }
    }

    private func takeIn(_ contents: SyncInbox.Contents) {
        for (system, keys) in contents.changes {
            machine.catalogChanged(keys.map { ($0.key, $0.value) }, in: system, store)
        }
        for (batch, results) in contents.finished {
            if let first = batch.first { writing[first.id] = nil }
            machine.applied(results, of: batch, now: time.now())
        }
        if contents.hasTargetChanged || !contents.finished.isEmpty { machine.targetChanged(target.takeChanges()) }
        for (system, succeeded) in contents.rereads {
            machine.reread(system, succeeded: succeeded, now: time.now())
        }
    }

    private func begin(_ operations: [Operation]) {
        guard let first = operations.first else { return }
        // Unstructured, so that cancelling this driver's task does not tear the batch.
        writing[first.id] = Task { [target, inbox] in inbox.put(await target.apply(operations), of: operations) }
    }

    /// Waits for the batches in flight, and gives up those that take too long.
    private func finishWriting() async {
        let batches = Array(writing.values)
        let deadline = time.now() + Self.patience
        let watchdog = Task { [time, logger] in
            await time.sleep(deadline)
            if Task.isCancelled { return }
            logger.warning("The target does not answer: stopping without knowing what became of the last batches")
            for batch in batches { batch.cancel() }
        }
        for batch in batches { await batch.value }
        watchdog.cancel()
        takeIn(inbox.take())
    }

    private func startReread(_ system: SystemName) {
        Task { [reread, inbox] in inbox.put(reread: system, succeeded: await reread(system)) }
    }

    /// Removes this installation's entries, as far as the target lets it without waiting.
    private func withdraw() async {
        machine.withdraw()
        while true {
            takeIn(inbox.take())
            guard case .apply(let operations) = machine.next(store, now: time.now()) else { break }
            begin(operations)
            await finishWriting()
        }
        logger.info("Withdrew the entries of this installation", metadata: ["left": "\(machine.ownedCount)"])
    }

    // MARK: - Telling

    private struct Summary {
        var counts: [Operation.Kind: Int] = [:]
        var refused = 0
        var loggedAt: ContinuousClock.Instant?
    }

    private func tell() {
        for event in machine.takeEvents() {
            observe(event)
            switch event {
            case .operation(_, let kind, result: "ok"): summary.counts[kind, default: 0] += 1
            case .operation: summary.refused += 1
            case .propagated: break
            case .agreed(let owned):
                if !hasAgreed { logger.info("Sources and target agree", metadata: ["owned": "\(owned)"]) }
                hasAgreed = true
            case .held(let entries, let systems, let owned):
                // More names may follow one by one: one line for a while.
                if let last = heldLoggedAt, last.duration(to: time.now()) < .seconds(10) { continue }
                heldLoggedAt = time.now()
                logger.error(
                    "Removals held: a large part of the entries would go; reading the source again",
                    metadata: [
                        "entries": "\(entries)", "owned": "\(owned)",
                        "sources": "\(systems.map(\.rawValue).joined(separator: ","))",
                    ]
                )
            case .released(let names): logger.warning("Held removals released", metadata: ["names": "\(names)"])
            case .targetFailed(let error): logger.warning("Target failing", metadata: ["error": "\(error)"])
            case .targetRecovered: logger.info("Target recovered")
            case .problem(let problem, _):
                logger.warning(
                    "Problem with a service",
                    metadata: ["code": "\(problem.code.rawValue)", "problem": "\(problem.message)"]
                )
            }
        }
    }

    /// One line for everything written since the last, at most every ten seconds.
    private func logSummary(force: Bool) {
        guard !summary.counts.isEmpty || summary.refused > 0 else { return }
        let now = time.now()
        if let last = summary.loggedAt, !force, last.duration(to: now) < .seconds(10) { return }
        logger.info(
            "Target brought up to date",
            metadata: [
                "added": "\(summary.counts[.add] ?? 0)", "changed": "\(summary.counts[.change] ?? 0)",
                "removed": "\(summary.counts[.remove] ?? 0)", "refused": "\(summary.refused)",
                "owned": "\(machine.ownedCount)",
            ]
        )
        summary = Summary(loggedAt: now)
    }
}
