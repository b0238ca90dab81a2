internal import NIOCore
internal import NIOHTTP1

/// One connection: collects a request, runs the handler in a task, turns its commands into response parts.
///
/// Requests come one at a time: NIO's pipelining handler ahead of it holds the next one back.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ResponseCommand
    typealias OutboundOut = HTTPServerResponsePart

    /// `.idle` → `.receiving` (head) → `.answering` (end of body) → `.idle`, or closed when not kept alive.
    private enum State {
        case idle
        case receiving(HTTPRequestHead, body: ByteBuffer)
        case answering(HTTPRequestHead, Task<Void, Never>)
    }

    private let server: HTTPServer
    private let connection: ServerConnection
    private var state = State.idle
    private var closesAfterResponse = false

    init(server: HTTPServer, connection: ServerConnection) {
        self.server = server
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), _):
            state = .receiving(head, body: ByteBuffer())
            if head.headers[canonicalForm: "Expect"].contains(where: { $0.lowercased() == "100-continue" }) {
                let go = HTTPResponseHead(version: head.version, status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(go)), promise: nil)
            }
        case (.body(var piece), .receiving(let head, var body)):
            state = .idle
            guard body.readableBytes + piece.readableBytes <= server.configuration.maximumBody else {
                context.close(promise: nil)
                return
            }
            body.writeBuffer(&piece)
            state = .receiving(head, body: body)
        case (.end, .receiving(let head, let body)):
            answer(head, body, context: context)
        case (.body, _), (.end, _):
            context.close(promise: nil)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer, context: ChannelHandlerContext) {
        var headers = HeaderFields()
        for field in head.headers { headers.append(field.name, field.value) }
        let request = ServerRequest(
            method: head.method.rawValue,
            target: head.uri,
            headers: headers,
            body: Array(body.readableBytesView),
            connection: connection.id,
            isSecure: server.configuration.tls != nil
        )
        closesAfterResponse = closesAfterResponse || !head.isKeepAlive
        let writer = ResponseWriter(channel: context.channel)
        let server = server
        connection.begin(target: head.uri)
        state = .answering(head, Task { await server.answer(request, writer) })
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .answering(let request, _) = state else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let status, let headers):
            var head = HTTPResponseHead(version: request.version, status: .init(statusCode: status))
            for field in headers.fields { head.headers.add(name: field.name, value: field.value) }
            if !head.headers.contains(name: "Date") { head.headers.add(name: "Date", value: httpDate()) }
            if head.headers[canonicalForm: "Connection"].contains("close") { closesAfterResponse = true }
            if closesAfterResponse { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body(let buffer):
            if request.method == .HEAD {
                promise?.succeed()
            } else {
                context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: promise)
            }
        case .end:
            connection.finish()
            state = .idle
            context.write(wrapOutboundOut(.end(nil)), promise: promise)
            guard closesAfterResponse else { return }
            context.flush()
            context.close(promise: nil)
        case .raw(let buffer):
            guard let wire = try? context.pipeline.syncOperations.context(handlerType: WireHandler.self) else {
                promise?.fail(ChannelError.ioOnClosedChannel)
                return
            }
            wire.writeAndFlush(NIOAny(buffer), promise: promise)
        }
    }

    /// Closes the connection after the response under way, or now.
    func drain(context: ChannelHandlerContext) {
        closesAfterResponse = true
        if case .idle = state { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .answering(_, let task) = state { task.cancel() }
        state = .idle
        connection.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
