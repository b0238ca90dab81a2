import NIOCore
import NIOHTTP1
import NIOPosix

@testable import Sandbox

/// An HTTP/1.1 client that shows what came over the wire: chunk by chunk, and how the connection ended.
struct TestClient: Sendable {
    let port: Int

    struct Reply: Sendable {
        var status: Int
        var headers: HeaderFields
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Sends on a connection of its own and waits for the end of the response.
    func send(
        _ method: String,
        _ target: String,
        headers: HeaderFields = [:],
        body: [UInt8]? = nil
    ) async throws -> Reply {
        let exchange = try await open(method, target, headers: headers, body: body)
        defer { exchange.close() }
        var collected: [UInt8] = []
        while let piece = try await exchange.next() { collected += piece }
        return Reply(status: exchange.status, headers: exchange.headers, body: collected)
    }

    func get(_ target: String, headers: HeaderFields = [:]) async throws -> Reply {
        try await send("GET", target, headers: headers)
    }

    /// Sends and returns with the head of the response; the body is read piece by piece.
    func open(
        _ method: String,
        _ target: String,
        headers: HeaderFields = [:],
        body: [UInt8]? = nil
    ) async throws -> Exchange {
        let connection = try await connect()
        return try await connection.send(method, target, headers: headers, body: body)
    }

    func connect() async throws -> Connection {
        let (parts, continuation) = AsyncThrowingStream<HTTPClientResponsePart, any Error>.makeStream()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(Collector(parts: continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .get()
        return Connection(channel: channel, parts: parts)
    }

    final class Connection: Sendable {
        let channel: any Channel
        let parts: AsyncThrowingStream<HTTPClientResponsePart, any Error>

        init(channel: any Channel, parts: AsyncThrowingStream<HTTPClientResponsePart, any Error>) {
            self.channel = channel
            self.parts = parts
        }

        /// Sends a request and waits for the head of its response.
        func send(
            _ method: String,
            _ target: String,
            headers: HeaderFields = [:],
            body: [UInt8]? = nil
        ) async throws -> Exchange {
            try await write(method, target, headers: headers, body: body)
            return try await Exchange(self)
        }

        func write(_ method: String, _ target: String, headers: HeaderFields, body: [UInt8]?) async throws {
            var head = HTTPRequestHead(version: .http1_1, method: .init(rawValue: method), uri: target)
            for field in headers.fields where field.name.lowercased() != "content-length" {
                head.headers.add(name: field.name, value: field.value)
            }
            if !head.headers.contains(name: "Host") { head.headers.add(name: "Host", value: "127.0.0.1") }
            if let body { head.headers.add(name: "Content-Length", value: "\(body.count)") }
            let sent = Outgoing(head: head, body: body.map { ByteBuffer(bytes: $0) })
            try await channel.writeAndFlush(sent)
        }

        deinit { channel.close(promise: nil) }
    }

    /// One response being read. Ends with `nil` after the last chunk, throws when the connection was cut before it.
    final class Exchange {
        let status: Int
        let headers: HeaderFields
        private let connection: Connection
        private var iterator: AsyncThrowingStream<HTTPClientResponsePart, any Error>.Iterator

        init(_ connection: Connection) async throws {
            self.connection = connection
            iterator = connection.parts.makeAsyncIterator()
            while let part = try await iterator.next() {
                guard case .head(let head) = part else { continue }
                status = Int(head.status.code)
                var fields = HeaderFields()
                for field in head.headers { fields.append(field.name, field.value) }
                headers = fields
                return
            }
            throw ConnectionEnded()
        }

        func next() async throws -> [UInt8]? {
            while let part = try await iterator.next() {
                switch part {
                case .body(let buffer): return Array(buffer.readableBytesView)
                case .end: return nil
                case .head: continue
                }
            }
            throw ConnectionEnded()
        }

        func close() { connection.channel.close(promise: nil) }
    }

    struct ConnectionEnded: Error {}

    struct Outgoing: Sendable {
        let head: HTTPRequestHead
        let body: ByteBuffer?
    }

    private final class Collector: ChannelDuplexHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundIn = Outgoing
        typealias OutboundOut = HTTPClientRequestPart

        let parts: AsyncThrowingStream<HTTPClientResponsePart, any Error>.Continuation

        init(parts: AsyncThrowingStream<HTTPClientResponsePart, any Error>.Continuation) { self.parts = parts }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            let outgoing = unwrapOutboundIn(data)
            context.write(wrapOutboundOut(.head(outgoing.head)), promise: nil)
            if let body = outgoing.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
            context.write(wrapOutboundOut(.end(nil)), promise: promise)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { parts.yield(unwrapInboundIn(data)) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            parts.finish(throwing: error)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { parts.finish() }
    }
}
