import DNSCore
import DNSSigning
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import ServiceCatalog
import Synchronization

/// All TCP and TLS sockets of a server and the loops that carry their connections.
final class StreamListener: Sendable {
    /// Pauses accepting when there is no file or memory for another connection.
    private static let acceptPause = TimeAmount.milliseconds(100)
    /// Octets that the system keeps for a peer that has no room for them.
    private static let unsentLimit = 128 * 1024

    private let group: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: NIOLoopBoundBox<StreamLoop>]
    /// How many connections there can be.
    let capacity: Int
    let counters: [ThreadCounters]
    /// How often accepting has failed for want of files or memory.
    let acceptFailures = Atomic<UInt64>(0)

    /// - Parameter fileLimit: how many files the process may have open.
    init(
        zones: ZoneStore,
        options: AnswerOptions,
        signers: ZoneSigners? = nil,
        transfers: TransferService? = nil,
        limits: StreamLimits,
        fileLimit: Int
    ) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: limits.threads)
        // Some descriptors are for others: HTTP to the API server and registries, files, UDP.
        let reserved = min(256, fileLimit / 2)
        capacity = max(1, min(limits.connections, fileLimit - reserved))
        let clients = ClientConnections(limit: limits.perClient)
        var loops: [ObjectIdentifier: NIOLoopBoundBox<StreamLoop>] = [:]
        var counters: [ThreadCounters] = []
        for eventLoop in group.makeIterator() {
            let (tcp, tls) = (ThreadCounters(.tcp), ThreadCounters(.tls))
            counters += [tcp, tls]
            let connections = OpenConnections(limits: limits, capacity: max(1, capacity / limits.threads))
            let loop = NIOLoopBoundBox.makeBoxSendingValue(
                StreamLoop(
                    zones: zones,
                    options: options,
                    signers: signers,
                    transfers: transfers,
                    connections: connections,
                    clients: clients,
                    tcp: tcp,
                    tls: tls
                ),
                eventLoop: eventLoop
            )
            loops[ObjectIdentifier(eventLoop)] = loop
            eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in loop.value.sweep() }
        }
        self.loops = loops
        self.counters = counters
    }

    /// Listens on an address, which must have a port.
    ///
    /// - Parameter certificate: for TLS; `nil` for plain TCP.
    func listen(on address: ListenAddress, with certificate: ServerCertificate? = nil) async throws(ListenError)
        -> any Channel
    {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    if !address.address.isIPv4 {
                        let v6Only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
                        try channel.syncOptions?.setOption(v6Only, value: 1)
                    }
                    try channel.pipeline.syncOperations.addHandler(acceptPauses)
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // "Writable" is to say that the system has taken everything, and that is not to be more than a peer is reading.
            .childChannelOption(.tcpOption(.init(rawValue: TCP_NOTSENT_LOWAT)), value: Self.unsentLimit)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
            .childChannelInitializer { [loops] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = loops[ObjectIdentifier(channel.eventLoop)] else {
                        preconditionFailure("every loop of the group has its state")
                    }
                    let pipeline = channel.pipeline.syncOperations
                    var encryption: ChannelHandlerContext?
                    if let certificate {
                        let handler = NIOSSLServerHandler(context: certificate.context)
                        try pipeline.addHandler(handler)
                        encryption = try pipeline.context(handler: handler)
                    }
                    try pipeline.addHandler(StreamHandler(loop.value, encryption: encryption))
                }
            }
        let transport: ServerTransport = certificate == nil ? .tcp : .tls
        do {
            return try await bootstrap.bind(host: "\(address.address)", port: Int(address.port)).get()
        } catch let error as IOError {
            throw ListenError(address: address, transport: transport, reason: .init(errno: error.errnoCode))
        } catch {
            throw ListenError(address: address, transport: transport, reason: .system(EINVAL))
        }
    }

    /// Without it the loop would try again at once, for ever.
    private var acceptPauses: AcceptBackoffHandler {
        AcceptBackoffHandler(shouldForwardIOErrorCaught: false) { [self] error in
            // One peer that has gone by now is no reason to let others wait.
            guard error.errnoCode != ECONNABORTED else { return nil }
            acceptFailures.wrappingAdd(1, ordering: .relaxed)
            return Self.acceptPause
        }
    }

    /// Answers what has been received, gives peers up to `grace` to take it, and closes everything.
    func stop(grace: Duration) async {
        let grace = TimeAmount(grace)
        for loop in loops.values {
            let isEmpty = loop.eventLoop.flatSubmit { loop.value.stop(grace: grace, on: loop.eventLoop) }
            try? await isEmpty.get()
        }
        try? await group.shutdownGracefully()
    }
}
