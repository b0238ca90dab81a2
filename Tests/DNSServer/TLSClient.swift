import DNSCore
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import ServiceCatalog
import TestCertificates

/// The other side of DNS over TLS.
final class TLSClient: Sendable {
    private let channel: any Channel
    private let input: InputHandler.Input

    /// Connects and shakes hands, trusting what the test authority has issued.
    ///
    /// - Parameter reads: false for a peer that takes nothing until ``startReading()``.
    init(_ server: ListenAddress, protocols: [String] = ["dot"], reads: Bool = true) async throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Certificates.authority.bytes)
        )
        configuration.applicationProtocols = protocols
        // Certificates for other names serve to tell one from another.
        configuration.certificateVerification = .noHostnameVerification
        let context = try NIOSSLContext(configuration: configuration)
        let input = InputHandler.Input()
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
                    try pipeline.addHandler(InputHandler(input))
                }
            }
            .connect(host: "\(server.address)", port: Int(server.port)).get()
        self.input = input
        _ = try await input.handshake.value
        if !reads { try await channel.setOption(.autoRead, value: false).get() }
    }

    deinit { channel.close(promise: nil) }

    /// What the server's ALPN has chosen.
    var negotiated: String? { get async throws { try await input.handshake.value } }

    var certificate: NIOSSLCertificate? { get async throws { try await channel.nioSSL_peerCertificate().get() } }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    /// Says close_notify.
    func endOutput() async throws { try await channel.close(mode: .output) }

    /// The next message; `nil` at the end.
    func receive() async throws -> [UInt8]? { try await input.next() }

    func ask(_ query: Message) async throws -> Message? {
        try await send(query.framed)
        return try await receive().map { bytes throws in try Message(decoding: bytes) }
    }
}

/// Takes messages out of the stream.
private final class InputHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// What has come in.
    final class Input: Sendable {
        let handshake: Task<String?, any Error>
        fileprivate let established: AsyncThrowingStream<String?, any Error>.Continuation
        fileprivate let messages: AsyncThrowingStream<[UInt8], any Error>.Continuation
        private let stream: AsyncThrowingStream<[UInt8], any Error>

        init() {
            let (events, established) = AsyncThrowingStream.makeStream(of: String?.self)
            self.established = established
            (stream, messages) = AsyncThrowingStream.makeStream(of: [UInt8].self)
            handshake = Task {
                for try await negotiated in events { return negotiated }
                return nil
            }
        }

        func next() async throws -> [UInt8]? {
            var iterator = stream.makeAsyncIterator()
            return try await iterator.next()
        }
    }

    private let input: Input
    private var received = ByteBuffer()

    init(_ input: Input) { self.input = input }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
        while let length = received.getInteger(at: received.readerIndex, as: UInt16.self),
            received.readableBytes >= 2 + Int(length)
        {
            received.moveReaderIndex(forwardBy: 2)
            input.messages.yield(received.readBytes(length: Int(length)) ?? [])
        }
        received.discardReadBytes()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(let negotiated): input.established.yield(negotiated)
        case ChannelEvent.inputClosed as ChannelEvent: input.messages.finish()
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        input.established.finish(throwing: error)
        input.messages.finish(throwing: error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        input.established.finish()
        input.messages.finish()
    }
}
