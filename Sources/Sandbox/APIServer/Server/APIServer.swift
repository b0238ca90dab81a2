package import Logging
internal import Synchronization

/// A stand-in for kube-apiserver 1.36: real HTTP, versions, watches and failures over objects in memory.
///
/// It has no controllers: nothing makes EndpointSlices, and nothing collects garbage.
package final class APIServer: Sendable {
    package struct Configuration: Sendable {
        /// How lists streamed by a watch (`sendInitialEvents`) are answered.
        package enum StreamingLists: Sendable {
            case offered
            /// 200, then an ERROR event: the storage is too old.
            case refusedByStorage
            /// 422: the server does not have the feature.
            case disabled
        }

        package var host = "127.0.0.1"
        /// 0 lets the kernel choose.
        package var port = 0
        package var tls: ServerTLS?
        /// Bearer tokens. With none, every request is the administrator's.
        package var tokens: [String: APIUser] = [:]
        /// How many changes of each kind are remembered for watches, pages and older lists.
        package var window = 10_000
        package var bookmarkInterval: Duration = .seconds(60)
        package var streamingLists = StreamingLists.offered
        package var isDualStack = true
        /// Namespaces being deleted are emptied and removed, as the namespace controller would.
        package var finalizesNamespaces = false
        /// Faults can be set over HTTP, under `/sandbox/`, by anybody who reaches the port.
        package var hasControls = false
        /// Priority and fairness shows in response headers.
        package var hasFairness = true

        package init() {}
    }

    /// `.starting` → `.serving` → `.terminating` (not ready, still serving) → `.draining` (watches end, requests get
    /// 429).
    package enum Phase: Sendable {
        case starting, serving, terminating, draining
    }

    private struct State {
        var http: HTTPServer?
        var phase = Phase.starting
    }

    let configuration: Configuration
    let store: Store
    let access: AccessPolicy
    package let faults = Faults()
    let clock: any Clock<Duration>
    let logger: Logger
    let now: @Sendable () -> Timestamp
    private let fairness: (flowSchema: String, priorityLevel: String)?
    private let state = Mutex(State())

    private init(_ configuration: Configuration, clock: any Clock<Duration>, logger: Logger) {
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
        now = { Timestamp.now() }
        access = AccessPolicy(tokens: configuration.tokens)
        var ranges = ServiceAllocator.Ranges()
        if !configuration.isDualStack { ranges.ipv6 = nil }
        store = Store(window: configuration.window, ranges: ranges)
        fairness = configuration.hasFairness ? (uniqueIdentifier(), uniqueIdentifier()) : nil
    }

    /// Binds, makes what every cluster has, and serves until `stop`. `clock` paces watches and timeouts.
    package static func start(
        _ configuration: Configuration = Configuration(),
        clock: any Clock<Duration> = ContinuousClock(),
        logger: Logger = Logger(label: "sandbox.apiserver", factory: { _ in SwiftLogNoOpLogHandler() })
    ) async throws -> APIServer {
        let server = APIServer(configuration, clock: clock, logger: logger)
        try await server.listen(port: configuration.port)
        try server.makeClusterObjects()
        server.phase = .serving
        return server
    }

    private func listen(port: Int) async throws {
        let configuration = HTTPServer.Configuration(
            host: configuration.host,
            port: port,
            tls: configuration.tls
        )
        let http = try await HTTPServer.start(configuration, logger: logger) { [self] request, writer in
            try await serve(request, Responder(writer: writer, fairness: fairness))
        }
        state.withLock { $0.http = http }
    }

    // MARK: - Outside view

    /// The transport, for faults of connections.
    package var http: HTTPServer? { state.withLock { $0.http } }

    package var port: Int { http?.port ?? 0 }

    /// `http://127.0.0.1:PORT`, or `https` with TLS.
    package var url: String { http?.url ?? "" }

    /// The version of the latest write.
    package var resourceVersion: Int64 { store.revision }

    /// How many watches are open.
    package var watches: Int { store.watches }

    /// Returns as soon as the number of open watches is as wanted.
    package func whenWatches(_ isMet: @escaping @Sendable (Int) -> Bool) async { await store.whenWatches(isMet) }

    // MARK: - Life

    package var phase: Phase {
        get { state.withLock { $0.phase } }
        set {
            state.withLock { $0.phase = newValue }
            if newValue == .draining { store.endWatches() }
        }
    }

    /// The sequence of a server told to stop: not ready, `delay` later draining, then gone.
    package func shutDown(delay: Duration) async throws {
        phase = .terminating
        try await clock.sleep(for: delay)
        phase = .draining
        await stop()
    }

    package func stop() async {
        let http = state.withLock { state in
            defer { state.http = nil }
            return state.http
        }
        await http?.stop()
    }

    /// Stops without a word and comes back on the same port with its objects, but with an empty watch cache.
    package func restart() async throws {
        let port = port
        await stop()
        store.forgetWatchHistory()
        try await listen(port: port)
        phase = .serving
    }

    // MARK: - Faults of watches and history

    /// Forgets all changes so far: older versions and continue tokens are 410.
    package func compact() { store.compact() }

    /// Cuts the connections of all open watches, in the middle of their streams.
    package func cutWatches() {
        http?.cutConnections { connection in
            connection.target.map { $0.contains("watch=") || $0.contains("/watch/") } ?? false
        }
    }

    /// Ends all open watches cleanly, as at their timeout.
    package func endWatches() { store.endWatches() }

    /// Ends all open watches with an ERROR event, code 410.
    package func expireWatches() {
        let revision = store.revision
        store.endWatches(.gone("too old resource version: \(revision) (\(revision))"))
    }

    // MARK: - Credentials

    /// Makes a token good for a user, or no good with `nil`.
    package func setToken(_ token: String, _ user: APIUser?) { access.setToken(token, user) }

    /// Takes a permission away from everybody.
    package func deny(_ rule: PolicyRule) { access.deny(rule) }

    package func withdrawDenials() { access.withdrawDenials() }
}
