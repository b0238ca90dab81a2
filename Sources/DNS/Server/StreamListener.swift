import DNSCore
import DNSSigning
import Glibc
import NIOCore
import NIOPosix
import ServiceCatalog

/// All TCP sockets of a server and the loops that carry their connections.
final class StreamListener: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: NIOLoopBoundBox<StreamLoop>]
    private let limits: StreamLimits
    let counters: [ThreadCounters]

    /// - Parameter fileLimit: how many files the process may have open.
    init(
        zones: ZoneStore,
        options: AnswerOptions,
        signers: ZoneSigners? = nil,
        transfers: TransferService? = nil,
        limits: StreamLimits,
        fileLimit: Int
    ) {
        self.limits = limits
        group = MultiThreadedEventLoopGroup(numberOfThreads: limits.threads)
        // Some descriptors are for others: HTTP to the API server and registries, files, UDP.
        let reserved = min(256, fileLimit / 2)
        let capacity = max(1, min(limits.connections, fileLimit - reserved) / limits.threads)
        var loops: [ObjectIdentifier: NIOLoopBoundBox<StreamLoop>] = [:]
        var counters: [ThreadCounters] = []
        for eventLoop in group.makeIterator() {
            let loopCounters = ThreadCounters(.tcp)
            counters.append(loopCounters)
            let loop = NIOLoopBoundBox.makeBoxSendingValue(
                StreamLoop(
                    zones: zones,
                    options: options,
                    signers: signers,
                    transfers: transfers,
                    limits: limits,
                    capacity: capacity,
                    counters: loopCounters
                ),
                eventLoop: eventLoop
            )
            loops[ObjectIdentifier(eventLoop)] = loop
            eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
                loop.value.sweep(at: .now())
            }
        }
        self.loops = loops
        self.counters = counters
    }

    /// Listens on an address, which must have a port.
    func listen(on address: ListenAddress) async throws(ListenError) -> any Channel {
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: limits.unread / 2, high: limits.unread)
            )
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
            .childChannelInitializer { [loops] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = loops[ObjectIdentifier(channel.eventLoop)] else {
                        preconditionFailure("every loop of the group has its state")
                    }
                    try channel.pipeline.syncOperations.addHandler(StreamHandler(loop.value))
                }
            }
        if !address.address.isIPv4 {
            bootstrap = bootstrap.serverChannelOption(
                ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only),
                value: 1
            )
        }
        do {
            return try await bootstrap.bind(host: "\(address.address)", port: Int(address.port)).get()
        } catch let error as IOError {
            throw ListenError(address: address, transport: .tcp, reason: .init(errno: error.errnoCode))
        } catch {
            throw ListenError(address: address, transport: .tcp, reason: .system(EINVAL))
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
