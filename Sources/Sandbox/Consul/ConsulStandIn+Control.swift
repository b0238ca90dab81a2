internal import Synchronization

extension ConsulStandIn {
    // MARK: Faults

    package var faults: ConsulFaults { core.withLock { $0.faults } }

    /// Changes what is wrong, at once and for requests already waiting.
    package func setFaults(_ change: @Sendable (inout ConsulFaults) -> Void) {
        let faults = core.withLock { core in
            change(&core.faults)
            return core.faults
        }
        let hasLost = update { server, now in
            let before = server.leadership
            switch faults.leader {
            case .elected: server.leadership = .elected
            case .never: server.leadership = .never
            case .lost: if case .lost = before {} else { server.leadership = .lost(since: now) }
            }
            server.writeRefusal = faults.refusedWrites.map { Refusal($0.status, $0.text) }
            return before == .elected && server.leadership != .elected
        }
        let calls = core.withLock { core in
            hasLost
                ? core.waiting.breakStreams(.streamBroken)
                : core.waiting.call(now: clock.now()) { [server = core.server] in Self.holds($0, server) }
        }
        resume(calls)
    }

    /// Refuses connections and closes those that are open. The state stays.
    package func goDown() async {
        let http = core.withLock { core in
            defer { core.http = nil }
            return core.http
        }
        let calls = core.withLock { $0.waiting.close() }
        resume(calls)
        await http?.stop()
    }

    /// Serves again at the same port. Throws when it was taken in the meantime.
    package func comeUp() async throws {
        guard core.withLock({ $0.http == nil }) else { return }
        try await listen(port: port)
    }

    /// Closes every open connection in the middle of what it does.
    package func cutConnections() { core.withLock { $0.http }?.cutConnections() }

    /// Lets connections open but carries not a byte.
    package func setStalled(_ stalled: Bool) { core.withLock { $0.http }?.setStalled(stalled) }

    /// Changes tokens and policies of the running server; without effect when it has no ACLs.
    package func setAccess(_ change: @Sendable (inout AccessControl) -> Void) {
        update { server, _ in
            guard var access = server.access else { return }
            change(&access)
            server.access = access
            server.state.apply { state, index in state.touch(\.access, index) }
        }
    }

    // MARK: State

    /// The whole state at one moment.
    package struct Snapshot: Sendable {
        fileprivate let state: ConsulState
    }

    package func snapshot() -> Snapshot { Snapshot(state: core.withLock { $0.server.state }) }

    /// Goes back to an earlier state, as restoring a snapshot does: indexes fall, waiting queries return at once.
    package func restore(_ snapshot: Snapshot) {
        update { server, now in
            server.state = snapshot.state
            server.state.resetViews()
            server.sessionDeadlines = server.state.sessions.compactMapValues { $0.lifetime.map { now + $0 } }
        }
        resume(core.withLock { $0.waiting.abandonQueries() })
    }

    /// Starts over with an empty catalog, as a new server without data does.
    package func reset() {
        update { server, _ in server = ConsulServer(server.settings, access: server.access) }
        setFaults { _ in }
        resume(core.withLock { $0.waiting.abandonQueries() })
    }

    /// The newest raft index.
    package var index: UInt64 { core.withLock { $0.server.state.lastIndex } }

    /// Lets raft indexes pass without a change.
    package func skipIndexes(_ count: UInt64) { update { server, _ in server.state.skipIndexes(count) } }

    package var counters: ConsulCounters { core.withLock { $0.server.counters } }

    package func resetCounters() { core.withLock { $0.server.counters = ConsulCounters() } }

    /// An instance as the catalog has it.
    package struct Instance: Sendable, Equatable {
        package let node: String
        package let id: String
        package let address: String
        package let port: Int
        package let tags: [String]
        package let meta: [String: String]
        package let weight: Int
        /// The worst of the checks that bear on it; "passing" without any.
        package let status: String
    }

    /// In order of node and ID.
    package func instances(of service: String) -> [Instance] {
        core.withLock { core in
            core.server.state.services(named: service).map { service, entry in
                Instance(
                    node: entry.record.name,
                    id: service.id,
                    address: service.address,
                    port: service.port,
                    tags: service.tags ?? [],
                    meta: service.meta ?? [:],
                    weight: service.weights.passing,
                    status: Self.worst(entry.checks(bearingOn: service).map(\.status))
                )
            }
        }
    }

    /// In order, without the server's own.
    package var serviceNames: [String] {
        core.withLock { core in
            let names = core.server.state.nodes.values.flatMap { $0.services.values.map(\.name) }
            return Set(names).subtracting(["consul"]).sorted()
        }
    }

    /// In order, without the server's own.
    package var nodeNames: [String] {
        core.withLock { core in
            core.server.state.sortedNodes.map(\.record.name).filter { $0 != core.server.settings.nodeName }
        }
    }

    private static func worst(_ statuses: [String]) -> String {
        if let odd = statuses.first(where: { $0 != CheckRecord.passing && $0 != CheckRecord.warning }) { return odd }
        return statuses.contains(CheckRecord.warning) ? CheckRecord.warning : CheckRecord.passing
    }
}
