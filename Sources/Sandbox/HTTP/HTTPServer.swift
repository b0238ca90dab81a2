package import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// A small HTTP/1.1 server for stand-ins, with the faults a real network has on command.
///
/// One task per request; the task is cancelled when its connection closes. A handler that throws is answered with 500
/// when nothing was sent yet, else its connection is cut.
package final class HTTPServer: Sendable {
    package struct Configuration: Sendable {
        package var host = "127.0.0.1"
        /// 0 lets the kernel choose.
        package var port = 0
        package var tls: ServerTLS?
        /// In bytes; a larger request body closes the connection.
        package var maximumBody = 16 << 20

        package init(host: String = "127.0.0.1", port: Int = 0, tls: ServerTLS? = nil) {
            self.host = host
            self.port = port
            self.tls = tls
        }
    }

    package typealias Handler = @Sendable (ServerRequest, ResponseWriter) async throws -> Void

    package struct Counts: Sendable, Equatable {
        /// Connections open now.
        package var open = 0
        /// Connections accepted so far.
        package var accepted = 0
        /// Requests begun so far.
        package var requests = 0
    }

    private struct State {
        var counts = Counts()
        var connections: [Int: ServerConnection] = [:]
        var isRefusing = false
        var isStalling = false
        var isStopping = false
        var stopped: [CheckedContinuation<Void, Never>] = []
    }

    let configuration: Configuration
    private let handler: Handler
    private let logger: Logger
    private let state = Mutex(State())
    private let listener = Mutex<(any Channel)?>(nil)

    private init(_ configuration: Configuration, logger: Logger, handler: @escaping Handler) {
        self.configuration = configuration
        self.logger = logger
        self.handler = handler
    }

    /// Binds and serves until `stop`. Throws when the address cannot be bound or the TLS material is unusable.
    package static func start(
        _ configuration: Configuration = Configuration(),
        logger: Logger = Logger(label: "sandbox.http", factory: { _ in SwiftLogNoOpLogHandler() }),
        handler: @escaping Handler
    ) async throws -> HTTPServer {
        let server = HTTPServer(configuration, logger: logger, handler: handler)
        let tls = try configuration.tls?.context()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try server.accept(channel, tls: tls) }
            }
            .bind(host: configuration.host, port: configuration.port)
            .get()
        server.listener.withLock { $0 = channel }
        return server
    }

    /// The bound port; 0 once stopped.
    package var port: Int { listener.withLock { $0?.localAddress?.port ?? 0 } }

    /// `http://127.0.0.1:PORT`, or `https` with TLS.
    package var url: String {
        "\(configuration.tls == nil ? "http" : "https")://\(configuration.host):\(port)"
    }

    package var counts: Counts { state.withLock { $0.counts } }

    /// Accepts no more connections, lets responses under way finish for as long as `drain`, then closes the rest.
    package func stop(drain: Duration = .zero) async {
        let channel = listener.withLock { channel in
            let present = channel
            channel = nil
            return present
        }
        try? await channel?.close()
        let open = state.withLock { state in
            state.isStopping = true
            return Array(state.connections.values)
        }
        for connection in open { drainConnection(connection) }
        if drain > .zero {
            let deadline = Task {
                try await Task.sleep(for: drain)
                self.cutConnections()
            }
            await whenEmpty()
            deadline.cancel()
        } else {
            cutConnections()
            await whenEmpty()
        }
    }

    /// Closes connections at once, in the middle of what they are doing: all, or those chosen.
    package func cutConnections(where isChosen: (ServerConnection) -> Bool = { _ in true }) {
        let chosen = state.withLock { Array($0.connections.values) }.filter(isChosen)
        for connection in chosen { connection.channel.close(promise: nil) }
    }

    /// While stalled, open and new connections stay open but not a byte passes in either direction.
    package func setStalled(_ stalled: Bool) {
        let open = state.withLock { state in
            state.isStalling = stalled
            return Array(state.connections.values)
        }
        for connection in open {
            connection.channel.eventLoop.execute {
                let operations = connection.channel.pipeline.syncOperations
                guard let context = try? operations.context(handlerType: WireHandler.self),
                    let wire = try? operations.handler(type: WireHandler.self)
                else { return }
                wire.setStalled(stalled, context: context)
            }
        }
    }

    /// While refusing, new connections are closed as soon as they are accepted.
    package func setRefusing(_ refusing: Bool) { state.withLock { $0.isRefusing = refusing } }

    private func accept(_ channel: any Channel, tls: NIOSSLContext?) throws {
        let (connection, refused, stalled) = state.withLock { state in
            state.counts.accepted += 1
            state.counts.open += 1
            let connection = ServerConnection(id: state.counts.accepted, channel: channel)
            state.connections[connection.id] = connection
            return (connection, state.isRefusing || state.isStopping, state.isStalling)
        }
        // A channel that is closed before it is registered never becomes inactive.
        channel.closeFuture.whenComplete { [self] _ in closed(connection) }
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let wire = WireHandler()
        try pipeline.addHandler(wire)
        if stalled { wire.setStalled(true, context: try pipeline.context(handler: wire)) }
        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
        try pipeline.addHandler(ConnectionHandler(server: self, connection: connection))
        if refused { channel.close(promise: nil) }
    }

    private func closed(_ connection: ServerConnection) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard state.connections.removeValue(forKey: connection.id) != nil else { return [] }
            state.counts.open -= 1
            guard state.connections.isEmpty else { return [] }
            defer { state.stopped = [] }
            return state.stopped
        }
        for continuation in waiting { continuation.resume() }
    }

    func answer(_ request: ServerRequest, _ writer: ResponseWriter) async {
        state.withLock { $0.counts.requests += 1 }
        do {
            try await handler(request, writer)
            if writer.progress != .ended { try await writer.end() }
        } catch {
            guard !Task.isCancelled, writer.progress == .none else {
                writer.abort()
                return
            }
            logger.error("request failed", metadata: ["target": "\(request.target)", "error": "\(error)"])
            try? await writer.send(ServerResponse(500, text: "\(error)\n"))
        }
    }

    private func drainConnection(_ connection: ServerConnection) {
        connection.channel.eventLoop.execute {
            let operations = connection.channel.pipeline.syncOperations
            guard let context = try? operations.context(handlerType: ConnectionHandler.self),
                let handler = try? operations.handler(type: ConnectionHandler.self)
            else { return }
            handler.drain(context: context)
        }
    }

    private func whenEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.connections.isEmpty { state.stopped.append(continuation) }
                return state.connections.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }
}
