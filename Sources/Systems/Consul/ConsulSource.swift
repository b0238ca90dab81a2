package import HTTPTransport
package import Logging
package import ServiceCatalog
import SyncEngine
import Synchronization

/// Consul as a source: every service of the datacenter with its instances and their health.
///
/// One blocking query follows the list of names, and one each service, so that a change arrives within a round trip. An
/// agent takes 200 connections of a client: services beyond ``maximumWatches`` are read in turn when anything
/// changes in the catalog, at a limited pace, and every ten seconds for changes of health.
package final class ConsulSource: CatalogSource {
    private static let maximumWatches = 128
    /// Also how long a restored Consul can go unnoticed by a query that reaches it just after its indexes have fallen.
    private static let wait = Duration.seconds(60)
    private static let sweepInterval = Duration.seconds(10)
    /// A name no service has.
    private static let sweepPart = "services that are read in turn"

    private enum Event: Sendable {
        case listed(Set<String>, mayHide: Bool, at: ContinuousClock.Instant)
        case read(String, [HealthEntry], at: ContinuousClock.Instant)
        case readAll([String: [HealthEntry]], begunAt: ContinuousClock.Instant, CheckedContinuation<Bool, Never>)
        case failed(String, TargetError)
        case recovered(String)
    }

    private let client: ConsulClient
    private let reading: ConsulServiceReading
    private let excluded: Set<String>
    private let logger: Logger
    /// Where events go while ``run(into:)`` is under way.
    private let events = Mutex<AsyncStream<Event>.Continuation?>(nil)

    /// - Parameter excluded: names of services that are left out.
    package init(
        system: SystemName,
        cluster: String,
        configuration: ConsulConfiguration,
        http: any HTTPSending,
        excluding excluded: Set<String> = ["consul"],
        logger: Logger
    ) {
        client = ConsulClient(configuration, http: http)
        reading = ConsulServiceReading(origin: Origin(cluster: cluster, system: system))
        self.excluded = excluded
        var logger = logger
        logger[metadataKey: "system"] = "\(system)"
        self.logger = logger
    }

    package func run(into writer: CatalogWriter) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Event.self)
        events.withLock { $0 = continuation }
        let list = Task { await followList(continuation) }
        var watches: [String: Task<Void, Never>] = [:]
        var sweep = Sweep()
        var picture = ConsulPicture(reading: reading, excluding: excluded)
        var lastError: TargetError?

        await withTaskCancellationHandler {
            for await event in stream {
                var told: [SourceEvent]
                switch event {
                case .listed(let names, let mayHide, let moment):
                    told = picture.listed(names, mayHide: mayHide, at: moment)
                    follow(picture.wanted, &watches, &sweep, &picture, &told, continuation)
                case .read(let name, let entries, let moment):
                    told = picture.read(name, entries, at: moment)
                case .readAll(let entries, let begin, let done):
                    told = picture.readAll(entries, begunAt: begin)
                    for event in told { writer.apply(event) }
                    told = []
                    follow(picture.wanted, &watches, &sweep, &picture, &told, continuation)
                    done.resume(returning: true)
                case .failed(let part, let error):
                    told = picture.failed(part, error)
                    if lastError != error { logger.warning("Consul cannot be read", metadata: ["error": "\(error)"]) }
                    lastError = error
                case .recovered(let part):
                    told = picture.recovered(part)
                }
                for event in told {
                    if case .current = event { lastError = nil }
                    writer.apply(event)
                }
            }
        } onCancel: {
            continuation.finish()
        }
        events.withLock { $0 = nil }
        // Whoever still waits for a reading; iterating would end at once in this task, which is cancelled.
        await Task { for await case .readAll(_, _, let done) in stream { done.resume(returning: false) } }.value
        list.cancel()
        sweep.task?.cancel()
        for watch in watches.values { watch.cancel() }
    }

    /// Reads everything anew and hands it to the catalog, on top of what is being followed.
    ///
    /// - Returns: whether the catalog holds the outcome; false when Consul cannot be read or what it shows cannot be
    ///   believed.
    package func reread() async -> Bool {
        guard let continuation = events.withLock({ $0 }) else { return false }
        let begin = ContinuousClock.now
        do {
            let list = try await readList(index: nil).names
            guard list.isBelievable else { return false }
            let read = await read(list.names)
            if let error = read.error { throw error }
            return await withCheckedContinuation { done in
                if case .enqueued = continuation.yield(.readAll(read.entries, begunAt: begin, done)) { return }
                done.resume(returning: false)
            }
        } catch {
            logger.warning("Consul cannot be read again", metadata: ["error": "\(error)"])
            return false
        }
    }

    // MARK: - Following

    /// Sees to it that exactly `names` are followed.
    private func follow(
        _ names: Set<String>,
        _ watches: inout [String: Task<Void, Never>],
        _ sweep: inout Sweep,
        _ picture: inout ConsulPicture,
        _ told: inout [SourceEvent],
        _ continuation: AsyncStream<Event>.Continuation
    ) {
        for (name, watch) in watches where !names.contains(name) {
            watch.cancel()
            watches[name] = nil
            told += picture.recovered(name)
        }
        for name in names.sorted() where watches[name] == nil && watches.count < Self.maximumWatches {
            watches[name] = Task { await followService(name, continuation) }
        }
        let rest = names.filter { watches[$0] == nil }
        sweep.names.set(rest)
        if rest.isEmpty {
            guard let task = sweep.task else { return }
            task.cancel()
            sweep = Sweep()
            told += picture.recovered(Self.sweepPart)
            return
        }
        if let wake = sweep.wake {
            // Something changed somewhere: look at these, too.
            wake.yield()
            return
        }
        let (stream, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        sweep.wake = wake
        sweep.task = Task { [names = sweep.names] in await self.sweep(names, stream, wake, continuation) }
    }

    /// What is to be read in turn at present.
    private final class SweptNames: Sendable {
        private let names = Mutex<Set<String>>([])

        var value: Set<String> { names.withLock { $0 } }
        func set(_ value: Set<String>) { names.withLock { $0 = value } }
    }

    private struct Sweep {
        let names = SweptNames()
        var task: Task<Void, Never>?
        var wake: AsyncStream<Void>.Continuation?
    }

    private func followList(_ continuation: AsyncStream<Event>.Continuation) async {
        var query = BlockingQuery()
        await loop(ConsulPicture.list, continuation) { () throws(TargetError) -> Duration in
            let (answer, names) = try await readList(index: query.index)
            let delay = ReadingPace.delay(afterReading: answer.body.count)
            if query.received(answer.index) == .unchanged { return delay }
            continuation.yield(.listed(names.names, mayHide: names.mayHide, at: .now))
            return delay
        } restart: {
            query.restart()
        }
    }

    private func followService(_ name: String, _ continuation: AsyncStream<Event>.Continuation) async {
        var query = BlockingQuery()
        await loop(name, continuation) { () throws(TargetError) -> Duration in
            let answer = try await client.get(["health", "service", name], index: query.index, wait: Self.wait)
            let delay = ReadingPace.delay(afterReading: answer.body.count)
            if query.received(answer.index) == .unchanged { return delay }
            let moment = ContinuousClock.now
            continuation.yield(.read(name, try await instances(name, answer), at: moment))
            return delay
        } restart: {
            query.restart()
        }
    }

    /// Reads `names` over and over: when woken, and every so often.
    private func sweep(
        _ names: SweptNames,
        _ signals: AsyncStream<Void>,
        _ wake: AsyncStream<Void>.Continuation,
        _ continuation: AsyncStream<Event>.Continuation
    ) async {
        let timer = Task {
            while (try? await Task.sleep(for: Self.sweepInterval)) != nil { wake.yield() }
        }
        defer { timer.cancel() }
        var signals = signals.makeAsyncIterator()
        wake.yield()
        await loop(Self.sweepPart, continuation) { () throws(TargetError) -> Duration in
            await signals.next()
            // Each is read at this moment or later.
            let moment = ContinuousClock.now
            let read = await read(names.value)
            for (name, entries) in read.entries { continuation.yield(.read(name, entries, at: moment)) }
            if let error = read.error { throw error }
            return ReadingPace.delay(afterReading: read.byteCount, requests: read.entries.count)
        } restart: {
            wake.yield()
        }
    }

    /// Repeats `step` until the task is cancelled, after the delay it gives, and failures with a growing one.
    private func loop(
        _ part: String,
        _ continuation: AsyncStream<Event>.Continuation,
        step: () async throws(TargetError) -> Duration,
        restart: () -> Void
    ) async {
        var backoff = Backoff(base: .milliseconds(250), cap: .seconds(30))
        var generator = SystemRandomNumberGenerator()
        var hasFailed = false
        while !Task.isCancelled {
            var delay: Duration
            do throws(TargetError) {
                delay = try await step()
                backoff.reset()
                if hasFailed { continuation.yield(.recovered(part)) }
                hasFailed = false
            } catch {
                if Task.isCancelled { return }
                restart()
                hasFailed = true
                continuation.yield(.failed(part, error))
                delay = backoff.next(using: &generator)
                if case .throttled(_, let retryAfter?) = error { delay = max(delay, retryAfter) }
            }
            try? await Task.sleep(for: delay)
        }
    }

    // MARK: - Reading

    private struct ListedNames {
        let names: Set<String>
        /// The token may be shown less than there is.
        let mayHide: Bool

        var isBelievable: Bool { !(names.isEmpty && mayHide) }
    }

    private func readList(
        index: UInt64?
    ) async throws(TargetError) -> (answer: ConsulAnswer, names: ListedNames) {
        let answer = try await client.get(["catalog", "services"], index: index, wait: Self.wait)
        do {
            let names = try ServiceNames.read(answer.body)
            return (answer, ListedNames(names: names, mayHide: answer.mayBeHidden))
        } catch {
            throw .nonsense("Consul: the list of services cannot be read: \(error)")
        }
    }

    /// Reads the instances of all `names`, several at a time.
    private func read(
        _ names: Set<String>
    ) async -> (entries: [String: [HealthEntry]], byteCount: Int, error: TargetError?) {
        typealias One = (entries: [HealthEntry], byteCount: Int)
        let results = await withTaskGroup(of: (String, Result<One, TargetError>).self) { group in
            var waiting = names.makeIterator()
            func start() {
                guard let name = waiting.next() else { return }
                group.addTask {
                    do throws(TargetError) {
                        let answer = try await self.client.get(["health", "service", name])
                        return (name, .success((try await self.instances(name, answer), answer.body.count)))
                    } catch {
                        return (name, .failure(error))
                    }
                }
            }
            for _ in 0..<8 { start() }
            var results: [String: Result<One, TargetError>] = [:]
            for await (name, result) in group {
                results[name] = result
                start()
            }
            return results
        }
        var entries: [String: [HealthEntry]] = [:]
        var byteCount = 0
        var error: TargetError?
        // In order, so that the same error is told each time.
        for (name, result) in results.sorted(by: { $0.key < $1.key }) {
            switch result {
            case .success(let one):
                entries[name] = one.entries
                byteCount += one.byteCount
            case .failure(let failure): error = error ?? failure
            }
        }
        return (entries, byteCount, error)
    }

    /// The instances an answer shows.
    ///
    /// A token without node:read is shown names and no instance behind them. Consul says so from 1.11 on; before, only
    /// the list tells a service that has just gone from one whose instances are hidden.
    private func instances(_ name: String, _ answer: ConsulAnswer) async throws(TargetError) -> [HealthEntry] {
        let entries: [HealthEntry]
        do {
            entries = try HealthEntry.readAll(answer.body)
        } catch {
            throw .nonsense("Consul: the instances of service \"\(name)\" cannot be read: \(error)")
        }
        guard entries.isEmpty, answer.mayBeHidden else { return entries }
        if !answer.isFiltered {
            let list = try await readList(index: nil).names
            if list.isBelievable, !list.names.contains(name) { return [] }
        }
        throw .unauthorized(
            "Consul shows no instance of service \"\(name)\", which it lists: the token needs node:read on its nodes and "
                + "service:read on it. What is known is kept"
        )
    }
}
