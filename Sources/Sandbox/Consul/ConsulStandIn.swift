package import Logging
internal import Synchronization

/// A stand-in for one Consul 1.10 server on loopback: catalog, health, transactions, keys, sessions, the agent's
/// services with TTL checks, ACLs and blocking queries, as recorded from the real one.
///
/// Not modelled: Connect, prepared queries, federation, namespaces, probes run by the agent, and consensus itself.
package final class ConsulStandIn: Sendable {
    struct Core {
        var server: ConsulServer
        var faults = ConsulFaults()
        var waiting = WaitingRoom()
        var lastGuest = 0
        /// The index at which waiting reads were last looked at.
        var seenIndex: UInt64 = 0
        var timer: (deadline: Duration, task: Task<Void, Never>)?
        var watchers: [(guests: ClosedRange<Int>, continuation: CheckedContinuation<Void, Never>)] = []
        var http: HTTPServer?
        /// Kept while down, so that the stand-in comes back where it was.
        var port = 0
    }

    let clock: StandInClock
    private let configuration: HTTPServer.Configuration
    private let logger: Logger
    let core: Mutex<Core>

    private init(
        _ settings: ConsulSettings,
        _ access: AccessControl?,
        _ configuration: HTTPServer.Configuration,
        _ clock: StandInClock,
        _ logger: Logger
    ) {
        self.clock = clock
        self.configuration = configuration
        self.logger = logger
        core = Mutex(Core(server: ConsulServer(settings, access: access)))
    }

    /// Binds (port 0 lets the kernel choose) and serves until `stop`. Without `access` there are no ACLs.
    package static func start(
        _ settings: ConsulSettings = ConsulSettings(),
        access: AccessControl? = nil,
        on configuration: HTTPServer.Configuration = HTTPServer.Configuration(),
        clock: some Clock<Duration> = ContinuousClock(),
        logger: Logger = Logger(label: "sandbox.consul", factory: { _ in SwiftLogNoOpLogHandler() })
    ) async throws -> ConsulStandIn {
        let standIn = ConsulStandIn(settings, access, configuration, StandInClock(clock), logger)
        try await standIn.listen(port: configuration.port)
        return standIn
    }

    func listen(port: Int) async throws {
        var configuration = configuration
        configuration.port = port
        let http = try await HTTPServer.start(configuration, logger: logger) { [weak self] request, writer in
            guard let self else { return writer.abort() }
            try await self.answer(request, writer)
        }
        core.withLock { core in
            core.http = http
            core.port = http.port
        }
    }

    /// `http://127.0.0.1:PORT`; the same while down.
    package var url: String {
        let scheme = configuration.tls == nil ? "http" : "https"
        return "\(scheme)://\(configuration.host):\(port)"
    }

    package var port: Int { core.withLock { $0.port } }

    /// Ends streaming reads with the error a stopping agent gives, and all else by closing its connection.
    package func stop() async {
        let http = core.withLock { core in
            defer { core.http = nil }
            core.timer?.task.cancel()
            core.timer = nil
            return core.http
        }
        resume(core.withLock { $0.waiting.breakStreams(.streamCancelled) + $0.waiting.close() })
        await http?.stop(drain: .seconds(1))
    }

    // MARK: Requests

    private func answer(_ request: ServerRequest, _ writer: ResponseWriter) async throws {
        let faults = core.withLock { $0.faults }
        let isTouched = faults.touches(request.path)
        if isTouched, faults.delay > .zero { try await clock.sleep(clock.now() + faults.delay) }
        if isTouched, faults.answer == .tooManyRequests {
            let refusal = Refusal(429, "RPC rate limit exceeded")
            return try await writer.send(core.withLock { $0.server.refuse(request, refusal) })
        }
        guard let response = try await response(to: request) else { return writer.abort() }
        switch isTouched ? faults.answer : nil {
        case .nonsense(let status, let body):
            try await writer.send(
                ServerResponse(status, headers: ["Content-Type": "application/json"], text: body)
            )
        case .truncated:
            var headers = response.headers
            headers["Content-Length"] = "\(response.body.count)"
            try await writer.begin(response.status, headers: headers)
            try await writer.write(Array(response.body.prefix(response.body.count / 2)))
            writer.abort()
        case .tooManyRequests, nil: try await send(response, writer)
        }
    }

    /// Longer bodies are chunked, as Go does when it cannot buffer them.
    private func send(_ response: ServerResponse, _ writer: ResponseWriter) async throws {
        guard response.body.count > 2048 else { return try await writer.send(response) }
        try await writer.begin(response.status, headers: response.headers)
        try await writer.write(response.body)
        try await writer.end()
    }

    /// Asks the server, as often as the request has to wait. `nil` when it was cancelled.
    private func response(to request: ServerRequest) async throws -> ServerResponse? {
        var attempt = ConsulServer.Attempt.first
        while true {
            let wake: WaitingRoom.Wake
            switch update({ server, now in server.receive(request, now: now, attempt: attempt) }) {
            case .reply(let response): return response
            case .wait(let read):
                attempt = .afterWaiting
                wake = await wait(for: .change(of: read.topic, beyond: read.index), atMost: Self.jittered(read.wait))
            case .awaitLeader:
                let patience = core.withLock { $0.faults.leaderPatience }
                wake = await wait(for: .leader, atMost: patience)
                if case .timeout = wake { return core.withLock { $0.server.refuse(request, .noLeader) } }
            }
            switch wake {
            case .proceed, .timeout: continue
            case .refuse(let refusal): return core.withLock { $0.server.refuse(request, refusal) }
            case .cancelled: return nil
            }
        }
    }

    /// Up to a sixteenth longer, so that many readers do not come back at once.
    private static func jittered(_ wait: Duration) -> Duration {
        wait + wait / 16 * Double.random(in: 0..<1)
    }

    private func wait(for condition: WaitingRoom.Condition, atMost limit: Duration) async -> WaitingRoom.Wake {
        let id = core.withLock { core in
            core.lastGuest += 1
            return core.lastGuest
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // It may have come between the answer and now.
                let isHeld = core.withLock { core in
                    guard !Task.isCancelled, !Self.holds(condition, core.server) else { return false }
                    core.waiting.enter(id, condition, until: clock.now() + limit, continuation)
                    return true
                }
                guard isHeld else { return continuation.resume(returning: Task.isCancelled ? .cancelled : .proceed) }
                notifyWatchers()
                armTimer()
            }
        } onCancel: {
            resume(core.withLock { $0.waiting.leave(id) })
        }
    }

    static func holds(_ condition: WaitingRoom.Condition, _ server: ConsulServer) -> Bool {
        switch condition {
        case .change(let topic, let index): server.state.index(of: topic) > index
        case .leader: server.leadership == .elected
        }
    }

    // MARK: State and time

    /// The only way to the server: changes it, then calls those who waited for that, and sets the timer.
    func update<Result: Sendable>(_ change: (inout ConsulServer, Duration) -> Result) -> Result {
        let now = clock.now()
        let (result, calls) = core.withLock { core in
            let result = change(&core.server, now)
            return (result, Self.calls(&core, now))
        }
        resume(calls)
        armTimer()
        return result
    }

    private static func calls(_ core: inout Core, _ now: Duration) -> WaitingRoom.Calls {
        let isDue = core.waiting.nextDeadline.map { $0 <= now } ?? false
        guard isDue || core.seenIndex != core.server.state.lastIndex else { return [] }
        core.seenIndex = core.server.state.lastIndex
        let server = core.server
        return core.waiting.call(now: now) { holds($0, server) }
    }

    func resume(_ calls: WaitingRoom.Calls) {
        guard !calls.isEmpty else { return }
        for (continuation, wake) in calls { continuation.resume(returning: wake) }
        notifyWatchers()
    }

    /// Sees to it that time is noticed when it next matters, if nobody asks before.
    private func armTimer() {
        core.withLock { core in
            let due = [core.server.nextDeadline, core.waiting.nextDeadline].compactMap { $0 }.min()
            guard let due, due < core.timer?.deadline ?? .seconds(Int64.max) else { return }
            core.timer?.task.cancel()
            let task = Task { [weak self, clock] in
                do { try await clock.sleep(due) } catch { return }
                self?.timerFired(due)
            }
            core.timer = (due, task)
        }
    }

    private func timerFired(_ deadline: Duration) {
        core.withLock { core in
            if core.timer?.deadline == deadline { core.timer = nil }
        }
        update { server, now in server.tick(now: now) }
    }

    private func notifyWatchers() {
        let ready = core.withLock { core in
            let guests = core.waiting.count
            let ready = core.watchers.filter { $0.guests.contains(guests) }
            core.watchers.removeAll { $0.guests.contains(guests) }
            return ready
        }
        for watcher in ready { watcher.continuation.resume() }
    }

    /// Returns as soon as that many requests wait: reads for a change, any for a leader.
    package func whenWaiting(requests: Int) async { await whenGuests(requests...Int.max) }

    /// Returns as soon as no request waits any more.
    package func whenIdle() async { await whenGuests(0...0) }

    private func whenGuests(_ guests: ClosedRange<Int>) async {
        await withCheckedContinuation { continuation in
            core.withLock { $0.watchers.append((guests, continuation)) }
            notifyWatchers()
        }
    }
}
