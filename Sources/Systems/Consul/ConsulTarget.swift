package import HTTPTransport
import Logging
package import ServiceCatalog
package import SyncEngine
import Synchronization

/// Consul as a target: one synthetic node of this installation, and on it an instance per endpoint and port.
///
/// Everything is written through `/v1/txn`. Nothing is lost by that: the fields that transactions drop before Consul
/// 1.21 (tagged addresses, check types) are not used, since a dual-stack endpoint is two instances.
package final class ConsulTarget: Target {
    /// Transactions take 64 operations before Consul 1.14.
    package let batchLimit = 64
    /// While some transactions are under way the next are planned and encoded, so that Consul never waits for this side.
    /// With two, both sides still idled a quarter of the time.
    package let concurrentBatches = 4
    /// Transactions take 512 KiB.
    private static let sizeLimit = 500_000

    package let system: SystemName
    package let node: String
    private let client: ConsulClient
    private let entry: ConsulEntry
    /// How long a query waits for a change. It also bounds how long a restored Consul can go unnoticed: a query that
    /// reaches it just after its indexes have fallen waits for one that will not come.
    private let wait: Duration
    private let decoding = Decoding()
    private let state: Mutex<State>

    private struct State {
        var mirror: NodeMirror
        /// Why services or checks cannot be followed at present.
        var failures: [Part: TargetError] = [:]
        /// `nil` once taken.
        var otherHolders: [String: [OtherHolder]]?
        /// Creates the node, for all batches that found it missing; gives what it failed with.
        var creation: Task<TargetError?, Never>?
    }

    /// Decodes one answer at a time: they can be many megabytes, and whatever there is to read, it takes no more than one
    /// of the threads that tasks share.
    private actor Decoding {
        func services(_ body: [UInt8]) throws(JSONReader.Malformed) -> NodeServices { try NodeServices.read(body) }
        func checks(_ body: [UInt8]) throws(JSONReader.Malformed) -> [CatalogCheck] { try CatalogCheck.readAll(body) }
    }

    private enum Part: Hashable {
        case services
        case checks

        /// A filter that lets nothing through, as no check and no instance that can be written has an empty id.
        var nothing: String {
            switch self {
            case .services: "ID == \"\""
            case .checks: "CheckID == \"\""
            }
        }
    }

    package init(
        system: SystemName,
        cluster: String,
        configuration: ConsulConfiguration,
        http: any HTTPSending,
        wait: Duration = .seconds(15)
    ) {
        self.system = system
        self.wait = wait
        node = configuration.node ?? "portolan-\(cluster)"
        client = ConsulClient(configuration, http: http)
        entry = ConsulEntry(node: node, cluster: cluster)
        state = Mutex(State(mirror: NodeMirror(entry)))
    }

    package func cost(of operation: Operation) -> Int { ConsulEntry.operationCount(operation) }

    package func normalise(_ registration: Registration) -> Normalised { ConsulNormalForm.of(registration) }

    // MARK: - Following

    package func takeChanges() -> TargetChanges {
        state.withLock { state in
            // Order, so that the report is the same each time.
            let error = state.failures[.services] ?? state.failures[.checks]
            guard let taken = state.mirror.take() else {
                return TargetChanges(condition: error.map { .failing($0) } ?? .unread)
            }
            return TargetChanges(
                condition: error.map { .failing($0) } ?? .current,
                isComplete: taken.isComplete,
                entries: taken.entries,
                otherHolders: state.otherHolders.take()
            )
        }
    }

    package func follow(notify: @escaping @Sendable () -> Void) async {
        // A change of a check alone does not wake who waits for services: two queries.
        async let services: Void = follow(.services, ["catalog", "node-services", node], notify)
        async let checks: Void = follow(.checks, ["health", "node", node], notify)
        async let holders: Void = followOtherHolders(notify)
        _ = await (services, checks, holders)
    }

    /// Looks now and then who else registers instances under the names of this installation. Nothing waits for it, and
    /// a failure says nothing: what matters fails in the other queries as well.
    private func followOtherHolders(_ notify: @Sendable () -> Void) async {
        var search = OtherHolderSearch(client: client, node: node)
        while (try? await Task.sleep(for: search.pause)) != nil {
            let names = state.withLock { $0.mirror.ownNames }
            guard let holders = try? await search.holders(of: names) else { continue }
            state.withLock { $0.otherHolders = holders }
            notify()
        }
    }

    /// Waits with a query that answers in a few bytes however much the node holds, and reads everything when it says
    /// that something changed.
    private func follow(_ part: Part, _ path: [String], _ notify: @Sendable () -> Void) async {
        var query = BlockingQuery()
        var backoff = Backoff(base: .milliseconds(250), cap: .seconds(30))
        var generator = SystemRandomNumberGenerator()
        var writes = 0
        while !Task.isCancelled {
            do throws(TargetError) {
                if let index = query.index {
                    let answer = try await client.get(path, filter: part.nothing, index: index, wait: wait)
                    // A restore may take back own writes and leave the index that this query knew.
                    let hasWritten = lastWrite(to: part) > writes
                    guard query.woken(answer.index) || hasWritten else {
                        // Something in between may answer at once instead of waiting.
                        try? await Task.sleep(for: ReadingPace.delay(afterReading: answer.body.count))
                        continue
                    }
                    await pauseWhileWriting(since: writes)
                }
                writes = state.withLock { $0.mirror.writes }
                let answer = try await client.get(path)
                if query.received(answer.index) == .restarted { state.withLock { $0.mirror.indexesFell() } }
                try await takeIn(part, answer, begunAfter: writes)
                notify()
                backoff.reset()
                try? await Task.sleep(for: ReadingPace.delay(afterReading: answer.body.count))
            } catch {
                if Task.isCancelled { return }
                query.restart()
                state.withLock { $0.failures[part] = error }
                notify()
                var delay = backoff.next(using: &generator)
                if case .throttled(_, let retryAfter?) = error { delay = max(delay, retryAfter) }
                try? await Task.sleep(for: delay)
            }
        }
    }

    private func lastWrite(to part: Part) -> Int {
        state.withLock { part == .services ? $0.mirror.lastServiceWrite : $0.mirror.lastCheckWrite }
    }

    /// Own writes wake those who follow, and their answers have told what they changed: while they follow one another,
    /// reading everything after each would cost both sides more than the writing, and hold it up. At most ten seconds.
    private func pauseWhileWriting(since writes: Int) async {
        var before = writes
        for _ in 0..<100 {
            let now = state.withLock { $0.mirror.writes }
            if now == before { return }
            before = now
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
        }
    }

    private func takeIn(_ part: Part, _ answer: ConsulAnswer, begunAfter writes: Int) async throws(TargetError) {
        if answer.isFiltered {
            throw .unauthorized(
                "Consul hides entries of node \"\(node)\" from this token: it needs node:read on the node and "
                    + "service:read on every service it writes"
            )
        }
        let index = answer.index ?? 0
        do {
            switch part {
            case .services:
                let read = try await decoding.services(answer.body)
                state.withLock { $0.mirror.read(read, at: index, begunAfter: writes) }
            case .checks:
                let read = try await decoding.checks(answer.body)
                state.withLock { $0.mirror.read(read, at: index, begunAfter: writes) }
            }
        } catch {
            throw .nonsense("Consul: the \(part) of node \"\(node)\" cannot be read: \(error)")
        }
        try state.withLock { state throws(TargetError) in
            if state.mirror.isAgents { throw self.agentsNode }
            state.failures[part] = nil
        }
    }

    /// Reads what the node holds now, in the midst of writing.
    private func readServices() async throws(TargetError) {
        let writes = state.withLock { $0.mirror.writes }
        try await takeIn(.services, try await client.get(["catalog", "node-services", node]), begunAfter: writes)
    }

    private var agentsNode: TargetError {
        .refused(
            "Consul: node \"\(node)\" belongs to an agent (it has the check \(CatalogCheck.serfHealth)), which would "
                + "remove whatever Portolan writes there: set another \"node\" for this system"
        )
    }

    // MARK: - Writing

    package func apply(_ operations: [Operation]) async -> [OperationResult] {
        var batch = Batch(operations.map { ($0, entry.transaction($0)) })
        guard !operations.isEmpty else { return [] }
        for (index, operation) in operations.enumerated() where Self.isReserved(operation) {
            batch.fail(
                index,
                .invalid(
                    "under \"\(Self.ownService)\" clients look for Consul's servers; give the service another name with "
                        + "the annotation \(ServiceSettings.annotationPrefix)name"
                )
            )
        }
        do throws(TargetError) {
            if state.withLock({ $0.mirror.isAgents }) { throw agentsNode }
            if !state.withLock({ $0.mirror.hasNode }) { try await createNode() }
            while let transaction = batch.next(operations: batchLimit, bytes: Self.sizeLimit) {
                try await send(transaction, of: &batch)
            }
        } catch {
            batch.failRest(error)
        }
        return batch.results
    }

    /// The service Consul registers its servers under.
    private static let ownService = "consul"

    private static func isReserved(_ operation: Operation) -> Bool {
        if case .put = operation { operation.service.lowercased() == ownService } else { false }
    }

    /// Sends a transaction; when Consul takes it for malformed or too large as a whole, in halves, so that what is at
    /// fault ends up alone.
    private func send(_ indices: [Int], of batch: inout Batch) async throws(TargetError) {
        let answer: ConsulAnswer
        let index = state.withLock { $0.mirror.highestIndex }
        do {
            answer = try await client.put(["txn"], body: batch.body(indices))
        } catch .invalid(let text) {
            guard indices.count > 1 else { return batch.fail(indices[0], .invalid(text)) }
            try await send(Array(indices[..<(indices.count / 2)]), of: &batch)
            let rest = indices[(indices.count / 2)...].filter { batch.isOpen($0) }
            if !rest.isEmpty { try await send(rest, of: &batch) }
            return
        }
        let result: TransactionAnswer
        do {
            result = try TransactionAnswer.read(answer.body)
        } catch {
            throw .nonsense("Consul: the answer to a transaction cannot be read: \(error)")
        }
        guard answer.status == 409 else {
            takeIn(result, sentAt: index, indices, &batch)
            return
        }
        if result.failures.contains(where: { $0.what.contains("Missing node registration") }) {
            guard !batch.hasCreatedNode else {
                throw .conflict("Consul: node \"\(node)\" disappears as fast as it is created")
            }
            batch.hasCreatedNode = true
            try await createNode()
            return try await send(indices, of: &batch)
        }
        try await refuse(result.failures, indices, &batch)
    }

    private func takeIn(
        _ result: TransactionAnswer,
        sentAt index: UInt64,
        _ indices: [Int],
        _ batch: inout Batch
    ) {
        state.withLock { state in
            // What is written after something was read has a higher index, except where Consul was restored between.
            let written = result.services.map(\.modifyIndex) + result.checks.map(\.modifyIndex)
            if let highest = written.max(), highest < index { state.mirror.indexesFell() }
            for service in result.services { state.mirror.wrote(service) }
            for check in result.checks { state.mirror.wrote(check) }
            for index in indices {
                if case .remove(let entry) = batch.operations[index].operation { state.mirror.deleted(entry.id) }
            }
        }
        for index in indices { batch.succeed(index) }
    }

    private func refuse(
        _ failures: [TransactionAnswer.Failure],
        _ indices: [Int],
        _ batch: inout Batch
    ) async throws(TargetError) {
        var stale: [Int] = []
        for failure in failures {
            guard let index = batch.operation(at: failure.operation, of: indices) else {
                throw .nonsense("Consul: a transaction failed at operation \(failure.operation), which it has not")
            }
            if failure.what.contains("Permission denied") {
                batch.fail(
                    index,
                    .permission(
                        "the token may not write service \"\(batch.operations[index].operation.service)\": it needs "
                            + "service:write on it"
                    )
                )
            } else if failure.what.contains("index is stale") || failure.what.contains("Missing service registration") {
                stale.append(index)
            } else {
                batch.fail(index, .invalid(failure.what))
            }
        }
        guard !failures.isEmpty else {
            throw .nonsense("Consul: a transaction failed and no operation is named")
        }
        batch.rollBack(indices)
        guard !stale.isEmpty else { return }
        // Somebody was faster, or something stands there that this token is not shown.
        try await readServices()
        for index in stale {
            let operation = batch.operations[index].operation
            let isHidden = operation.kind == .add && !state.withLock { $0.mirror.contains(operation.id) }
            batch.fail(
                index,
                isHidden
                    ? .permission(
                        "an entry with this id exists on node \"\(node)\" and the token is not shown it: it needs "
                            + "service:read on \"\(operation.service)\" and node:read on the node"
                    )
                    : .conflict("the entry was changed by somebody else meanwhile")
            )
        }
    }

    private func createNode() async throws(TargetError) {
        let creation = state.withLock { state in
            if let creation = state.creation { return creation }
            let creation = Task { () async -> TargetError? in
                defer { self.state.withLock { $0.creation = nil } }
                do throws(TargetError) {
                    try await sendNodeCreation()
                    return nil
                } catch {
                    return error
                }
            }
            state.creation = creation
            return creation
        }
        let error = await withTaskCancellationHandler {
            await creation.value
        } onCancel: {
            creation.cancel()
        }
        if let error { throw error }
    }

    private func sendNodeCreation() async throws(TargetError) {
        var body = JSONWriter()
        body.array { $0.value(entry.nodeCreation()) }
        let answer = try await client.put(["txn"], body: body.bytes)
        if answer.status == 409 {
            let what = (try? TransactionAnswer.read(answer.body))?.failures.first?.what ?? ""
            if what.contains("Permission denied") {
                throw .unauthorized(
                    "Consul: node \"\(node)\" does not exist and the token may not create it: give it node:write on "
                        + "the node, or create the node"
                )
            }
            guard what.contains("index is stale") else {
                throw .unreachable("Consul: node \"\(node)\" cannot be created: \(what)")
            }
            // It exists. Whether it can be seen decides whether it may be written to.
            try await readServices()
            guard state.withLock({ $0.mirror.hasNode }) else {
                throw .unauthorized(
                    "Consul: node \"\(node)\" exists and the token is not shown it: it needs node:read on it"
                )
            }
        }
        state.withLock { $0.mirror.created() }
    }
}
