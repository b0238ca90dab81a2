internal import NIOCore

/// Sits between the socket (or TLS) and HTTP; while stalled it lets nothing through in either direction.
final class WireHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var isStalled = false
    private var received: [ByteBuffer] = []
    private var held: [(NIOAny, EventLoopPromise<Void>?)] = []

    func setStalled(_ stalled: Bool, context: ChannelHandlerContext) {
        isStalled = stalled
        guard !stalled else { return }
        for (data, promise) in held { context.write(data, promise: promise) }
        held.removeAll()
        context.flush()
        let arrived = received
        received.removeAll()
        for buffer in arrived { context.fireChannelRead(wrapInboundOut(buffer)) }
        if !arrived.isEmpty { context.fireChannelReadComplete() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isStalled { received.append(unwrapInboundIn(data)) } else { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isStalled { held.append((data, promise)) } else { context.write(data, promise: promise) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        for (_, promise) in held { promise?.fail(ChannelError.ioOnClosedChannel) }
        held.removeAll()
        context.fireChannelInactive()
    }
}
