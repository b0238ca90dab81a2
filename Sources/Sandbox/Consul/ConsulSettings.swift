/// What a stand-in is told about itself.
package struct ConsulSettings: Sendable {
    package var datacenter = "dc1"
    /// The server's own node, which holds the service `consul`.
    package var nodeName = "sandbox"
    package var nodeID = "3f0d9aff-6d51-4180-8356-79e496ce7340"
    /// As with `-dev`: JSON is indented and ends with a newline.
    package var isDevelopment = true
    /// The raft index of the first write, which registers the server's own node.
    package var firstIndex: UInt64 = 11

    package init() {}

    var raftAddress: String { "127.0.0.1:8300" }
}

/// What clients have done since the start or the last reset.
package struct ConsulCounters: Sendable, Equatable {
    /// Answered reads; a read that waited counts once.
    package var reads = 0
    /// Writes that took a raft index: registrations, deregistrations, transactions, keys, sessions.
    package var writes = 0
    /// Those that were transactions.
    package var transactions = 0
    /// Operations in those writes: each of a transaction counts, of other writes one.
    package var operations = 0
    /// Those writes that changed anything.
    package var changes = 0
    /// Session renewals, which take no raft index.
    package var renewals = 0

    package init() {}
}

/// What is wrong with the stand-in at present. By default nothing.
package struct ConsulFaults: Sendable {
    package enum Leader: Sendable, Equatable {
        case elected
        /// A server that never joined a cluster: even stale reads fail.
        case never
        /// The leader is gone: stale and cached reads go on with old data.
        case lost
    }

    package enum Answer: Sendable, Equatable {
        /// 429, as with a configured rate limit.
        case tooManyRequests
        /// A status and body of your choice in place of the real ones, labelled as JSON.
        case nonsense(status: Int, body: String)
        /// The right head, half of the body, and a cut connection.
        case truncated
    }

    package var leader = Leader.elected
    /// How long a request without leader is kept waiting before it fails.
    package var leaderPatience = Duration.seconds(7)
    /// Every write is answered so instead of being made, as by a read-only proxy or `allow_write_http_from`.
    package var refusedWrites: (status: Int, text: String)?
    /// How much longer answers take.
    package var delay = Duration.zero
    package var answer: Answer?
    /// The beginnings of the paths that `delay` and `answer` touch; empty for all.
    package var paths: [String] = []

    package init() {}

    func touches(_ path: String) -> Bool { paths.isEmpty || paths.contains { path.hasPrefix($0) } }
}

/// Time as a stand-in sees it: since its start, by whatever clock it was given.
package struct StandInClock: Sendable {
    let now: @Sendable () -> Duration
    let sleep: @Sendable (_ until: Duration) async throws -> Void

    package init(_ clock: some Clock<Duration>) {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) }
    }
}
