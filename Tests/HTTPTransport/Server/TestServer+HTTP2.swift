import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP/2 server on loopback over TLS that does to each stream what the test says.
final class HTTP2TestServer: Sendable {
    typealias Script = @Sendable (HTTP2ServerStream) async throws -> Void

    let port: Int
    private let counter: ConnectionCounter

    /// Connections that came so far.
    var connections: Int { counter.count }

    fileprivate init(_ listener: any Channel, _ counter: ConnectionCounter) {
        port = listener.localAddress?.port ?? 0
        self.counter = counter
    }

    func url(_ path: String = "/") -> String { "https://127.0.0.1:\(port)\(path)" }
}

/// Runs `body` with a server whose every stream is handled by `script`.
func withHTTP2Server<Result: Sendable>(
    _ script: @escaping HTTP2TestServer.Script,
    body: (HTTP2TestServer) async throws -> Result
) async throws -> Result {
    let context = try ServerTLS().context(protocols: ["h2"])
    let counter = ConnectionCounter()
    let streams = ServedChannels<HTTP2Frame.FramePayload, HTTP2Frame.FramePayload>()
    let connections = Mutex<[any Channel]>([])
    // libcurl 7.88 resets even the streams that have ended.
    var configuration = NIOHTTP2Handler.StreamConfiguration()
    configuration.streamResetFrameRateLimit.maximumCount = .max
    let streamConfiguration = configuration
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelInitializer { connection in
            connections.withLock { $0.append(connection) }
            return connection.eventLoop.makeCompletedFuture {
                try connection.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                let number = counter.next()
                _ = try connection.pipeline.syncOperations.configureHTTP2Pipeline(
                    mode: .server,
                    connectionConfiguration: .init(),
                    streamConfiguration: streamConfiguration
                ) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try streams.add(channel) { inbound, outbound in
                            var frames = inbound.makeAsyncIterator()
                            guard case .headers(let head)? = try await frames.next() else { return }
                            let stream = HTTP2ServerStream(
                                connection: number,
                                headers: head.headers,
                                channel: channel,
                                connectionChannel: connection,
                                outbound: outbound
                            )
                            try await script(stream)
                            // A stream closes by itself once both sides have ended it, and what was written is sent.
                            await stream.waitForClose()
                        }
                    }
                }
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(HTTP2TestServer(listener, counter)))
    } catch {
        result = .failure(error)
    }
    try await listener.close().get()
    for connection in connections.withLock({ $0 }) { connection.close(promise: nil) }
    await streams.stop()
    return try result.get()
}

/// One request of an ``HTTP2TestServer`` and the way to answer it.
struct HTTP2ServerStream: Sendable {
    /// 1 for the server's first connection.
    let connection: Int
    let headers: HPACKHeaders
    let channel: any Channel
    let connectionChannel: any Channel
    let outbound: NIOAsyncChannelOutboundWriter<HTTP2Frame.FramePayload>

    var path: String { headers.first(name: ":path") ?? "" }

    func id() async throws -> HTTP2StreamID {
        try await channel.getOption(HTTP2StreamChannelOptions.streamID).get()
    }

    func writeHead(_ status: Int = 200, _ fields: [(String, String)] = [], endStream: Bool = false) async throws {
        let headers = HPACKHeaders([(":status", "\(status)")] + fields)
        try await outbound.write(.headers(.init(headers: headers, endStream: endStream)))
    }

    func writeBody(_ bytes: [UInt8], endStream: Bool = false) async throws {
        try await outbound.write(.data(.init(data: .byteBuffer(ByteBuffer(bytes: bytes)), endStream: endStream)))
    }

    /// Writes and waits until the connection's socket has taken the bytes.
    func writeThrough(_ bytes: [UInt8]) async throws {
        let payload = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(ByteBuffer(bytes: bytes))))
        try await channel.writeAndFlush(payload).get()
    }

    func respond(_ status: Int = 200, body: String = "") async throws {
        try await writeHead(status)
        try await writeBody(Array(body.utf8), endStream: true)
    }

    /// Tells the client that no stream after `last` will be answered on this connection.
    func goAway(last: HTTP2StreamID) async throws {
        try await connectionChannel.writeAndFlush(
            HTTP2Frame(
                streamID: .rootStream,
                payload: .goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil)
            )
        ).get()
    }

    /// Waits until the client gives the stream up.
    func waitForClose() async { try? await channel.closeFuture.get() }
}
