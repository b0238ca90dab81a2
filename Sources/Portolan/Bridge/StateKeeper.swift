internal import DNSCore
internal import DNSState
internal import Dispatch
internal import Glibc
internal import Logging
internal import ServiceCatalog
internal import Synchronization
internal import Telemetry

/// Keeps a directory of state files as the catalog is, and gives back what they held when the process began.
///
/// What it gives back is for zones alone. Reading and writing wait for the disk; writing has a queue of its own, and never
/// more than one round at a time.
final class StateKeeper: Sendable {
    /// A system whose services zones show.
    struct Subject: Hashable {
        let system: SystemName
        /// What decides on the contents of the system beside time.
        let identity: String
    }

    private struct State {
        var schedule = WriteSchedule(now: .now)
        var subjects: [SystemName: Subject] = [:]
        var zones: [Zone] = []
        var checkpoint = Checkpoint()
        /// By system, the checksum of the file that this process has written.
        var written: [SystemName: UInt32] = [:]
        var isFailing = false

        /// True when a ceiling is another than the checkpoint has. The last ones are the serials themselves.
        mutating func raiseCeilings(isLast: Bool) -> Bool {
            var isRaised = false
            for zone in zones {
                let (name, serial) = (zone.apex.description, zone.serial)
                let known = checkpoint.serials[name]
                let ceiling = isLast ? serial : SerialCeiling.raised(known, for: serial)
                guard ceiling != known else { continue }
                checkpoint.serials[name] = ceiling
                isRaised = true
            }
            return isRaised
        }
    }

    private static let checkpointName = "checkpoint"
    private static let interval = Duration.seconds(1)

    private let directory: StateDirectory
    private let store: CatalogStore
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "portolan.state", qos: .utility)
    private let running = Mutex<(subscription: Int, task: Task<Void, Never>)?>(nil)
    private let writes: Counter
    private let logger: Logger

    var path: String { directory.path }

    /// - Parameter writes: counts rounds of writing by result.
    init(path: String, store: CatalogStore, writes: Counter, logger: Logger) {
        directory = StateDirectory(path: path)
        self.store = store
        self.writes = writes
        self.logger = logger
        var state = State()
        do throws(StateFileError) {
            if let file = try directory.read(Self.checkpointName) { state.checkpoint = try Checkpoint(decoding: file) }
        } catch {
            Self.warn(logger, path, Self.checkpointName, error)
        }
        self.state = Mutex(state)
    }

    // MARK: - What was

    /// What `subject` held when it was last read, if a file tells.
    func recall(_ subject: Subject) -> RememberedSystem? {
        let name = Self.fileName(subject.system)
        do throws(StateFileError) {
            guard let file = try directory.read(name) else { return nil }
            var (remembered, checksum) = try SystemState.decode(file, identity: subject.identity)
            if let confirmation = state.withLock({ $0.checkpoint.systems[subject.system] }),
                confirmation.checksum == checksum
            {
                remembered.lastCurrent = max(remembered.lastCurrent, confirmation.lastCurrent)
            }
            return remembered
        } catch {
            Self.warn(logger, path, name, error)
            return nil
        }
    }

    /// The serial with which a zone begins.
    func startingSerial(of apex: DomainName) -> UInt32 {
        SerialCeiling.start(above: state.withLock { $0.checkpoint.serials[apex.description] }, now: .now)
    }

    private static func warn(_ logger: Logger, _ path: String, _ name: String, _ error: StateFileError) {
        logger.warning(
            "A state file is not used; it is replaced when its source has been read",
            metadata: ["file": "\(path)/\(name)", "reason": "\(error)"]
        )
    }

    // MARK: - What is

    /// Follows `subjects` and `zones` from now on, and no others.
    func follow(_ subjects: [Subject], _ zones: [Zone]) {
        state.withLock { state in
            let new = Dictionary(uniqueKeysWithValues: subjects.map { ($0.system, $0) })
            for (system, subject) in new where state.subjects[system] != subject {
                state.written[system] = nil
                if store.freshness(of: system).isSynced { state.schedule.noteContents(of: system) }
            }
            state.subjects = new
            state.zones = zones
        }
        running.withLock { running in
            guard running == nil else { return }
            let subscription = store.subscribe { [weak self] delta in self?.note(delta) }
            let task = Task { [weak self] in
                repeat {
                    await self?.write()
                } while (try? await Task.sleep(for: Self.interval)) != nil
            }
            running = (subscription, task)
        }
    }

    /// Writes what has not been written yet, and ends.
    func finish() async {
        guard let (subscription, task) = running.withLock({ $0.take() }) else { return }
        task.cancel()
        await task.value
        store.unsubscribe(subscription)
        await write(isLast: true)
    }

    private func note(_ delta: CatalogDelta) {
        state.withLock { state in
            guard state.subjects[delta.system] != nil else { return }
            if delta.becameSynced || !delta.changed.isEmpty {
                state.schedule.noteContents(of: delta.system)
            } else {
                state.schedule.noteCheckpoint()
            }
        }
    }

    private func write(isLast: Bool = false) async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.writeRound(isLast: isLast)
                continuation.resume()
            }
        }
    }

    private func writeRound(isLast: Bool) {
        let start = ContinuousClock.now
        let work = state.withLock { state in
            if state.raiseCeilings(isLast: isLast) { state.schedule.noteCheckpoint() }
            return state.schedule.work(at: start, isLast: isLast)
        }
        guard let work else { return }
        var failed: [SystemName] = []
        var failure: StateWriteError?
        for system in work {
            do throws(StateWriteError) {
                try write(system)
            } catch {
                failed.append(system)
                failure = error
            }
        }
        let confirmed = WallClock()
        let checkpoint = state.withLock { state in
            for system in state.subjects.keys where !failed.contains(system) && state.schedule.isWritten(system) {
                guard let checksum = state.written[system],
                    let lastCurrent = confirmed.lastCurrent(store.freshness(of: system))
                else { continue }
                state.checkpoint.systems[system] = .init(checksum: checksum, lastCurrent: lastCurrent)
            }
            return state.checkpoint
        }
        do throws(StateWriteError) {
            try directory.write(Self.checkpointName, checkpoint.encode())
        } catch {
            failure = error
        }
        report(failure)
        state.withLock { state in
            state.schedule.finished(failed: failed, isCheckpointWritten: failure == nil, from: start, to: .now)
        }
    }

    /// Writes the services of a system as they are, if they are known.
    private func write(_ system: SystemName) throws(StateWriteError) {
        guard let identity = state.withLock({ $0.subjects[system]?.identity }) else { return }
        let clock = WallClock()
        guard let (services, freshness) = contents(of: system), let lastCurrent = clock.lastCurrent(freshness) else {
            return
        }
        let (file, checksum) = SystemState.encode(services, lastCurrent: lastCurrent, identity: identity)
        try directory.write(Self.fileName(system), file)
        state.withLock { $0.written[system] = checksum }
    }

    /// The catalog is let go of before anything slow begins: a change made meanwhile must not copy it.
    private func contents(of system: SystemName) -> ([Service], Catalog.Freshness)? {
        guard let state = store.snapshot.systems[system] else { return nil }
        return (Array(state.services.values), state.freshness)
    }

    private func report(_ failure: StateWriteError?) {
        writes.increment([failure == nil ? "ok" : "failed"])
        let wasFailing = state.withLock { state in
            defer { state.isFailing = failure != nil }
            return state.isFailing
        }
        switch (failure, wasFailing) {
        case (let failure?, false):
            logger.warning(
                "State is not written, so a restart would have to wait for its sources; it is tried again",
                metadata: ["directory": "\(path)", "reason": "\(failure)"]
            )
        case (nil, true): logger.info("State is written again", metadata: ["directory": "\(path)"])
        default: break
        }
    }

    private static func fileName(_ system: SystemName) -> String { "system-\(system)" }
}

/// One moment on both clocks, to take instants to disk and back.
struct WallClock {
    private let instant = ContinuousClock.now
    private let seconds = Int64(time(nil))

    /// When a system was last known to be as it is known, in seconds since 1970; `nil` when it has not been read.
    func lastCurrent(_ freshness: Catalog.Freshness) -> Int64? {
        switch freshness {
        case .unsynced: nil
        case .current: seconds
        case .stale(let since, _): seconds - since.duration(to: instant).components.seconds
        }
    }

    /// The instant of a time on disk. A time yet to come is now: clocks can be set back.
    func instant(of seconds: Int64) -> ContinuousClock.Instant {
        instant - .seconds(max(0, self.seconds.subtractingReportingOverflow(seconds).partialValue))
    }
}
