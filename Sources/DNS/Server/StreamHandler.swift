import DNSCore
import NIOCore
import ServiceCatalog

/// Carries out what a `StreamConnection` decides on one channel.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Answers gathered before they are written.
    private static let outputSize = 16 * 1024

    /// How long a transfer goes on, but for a message begun, before other connections are looked after.
    private static let turn = TimeAmount.milliseconds(1)

    private let loop: StreamLoop
    private var connection = StreamConnection()
    /// What follows the last answer before the next query is taken up.
    private var transfer: OutgoingTransfer?
    /// A query whose answer has to wait, and with it all that came after.
    private var held: ByteBuffer?
    /// Whether the connection goes on when the loop says so.
    private var isWaitingForTurn = false
    private var context: ChannelHandlerContext?
    private var client = ClientAddress(high: 0, low: 0)
    private var isReading = false
    private var isClosing = false

    // Kept by the loop's list, which a handler leaves when its channel becomes inactive.
    var isListed = false
    var lastUse = NIODeadline.distantPast
    var older: StreamHandler?
    var newer: StreamHandler?

    init(_ loop: StreamLoop) { self.loop = loop }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        if let address = context.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }) { client = ClientAddress(address) }
        loop.add(self, at: .now())
        proceed(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.remove(self)
        transfer = nil
        held = nil
        self.context = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        connection.receive(&bytes)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        proceed(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, !isReading { proceed(context) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            connection.endInput()
            proceed(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// A peer that resets its connection is no news.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Closes without further ado.
    func close() {
        loop.remove(self)
        context?.close(promise: nil)
    }

    /// Answers what is here, and closes.
    func stop() {
        connection.endInput()
        if let context { proceed(context) }
    }

    /// Goes on with a transfer, or a query that had to wait.
    func takeTurn() {
        isWaitingForTurn = false
        if let context { proceed(context) }
    }

    private func proceed(_ context: ChannelHandlerContext) {
        guard !isClosing, !isWaitingForTurn else { return }
        var output = ByteBuffer()
        var hasAnswered = false
        func write() {
            guard output.readableBytes > 0 else { return }
            context.write(wrapOutboundOut(output), promise: nil)
            output = ByteBuffer()
        }
        var turnEnd: NIODeadline?
        defer { if hasAnswered { loop.touch(self, at: .now()) } }
        while true {
            if let transfer {
                guard context.channel.isWritable else {
                    context.flush()
                    return
                }
                hasAnswered = true
                if turnEnd == nil { turnEnd = .now() + Self.turn }
                switch loop.proceed(with: transfer, into: &output) {
                case true: break
                case false: self.transfer = nil
                // The peer throws away what has no end.
                case nil: return close()
                }
                write()
                context.flush()
                // Flushing may have had the peer's readiness told, and the transfer go on from there.
                guard !isWaitingForTurn else { return }
                let now = NIODeadline.now()
                if self.transfer != nil, now >= turnEnd ?? now {
                    isWaitingForTurn = true
                    loop.awaitTurn(self, on: context.eventLoop)
                    return
                }
                continue
            }
            let step = held.take().map { .answer($0) } ?? connection.next(isWritable: context.channel.isWritable)
            switch step {
            case .answer(let message):
                switch loop.answer(message, from: client, into: &output) {
                case .written:
                    hasAnswered = true
                    if output.readableBytes >= Self.outputSize { write() }
                case .none: hasAnswered = true
                case .held:
                    held = message
                    isWaitingForTurn = true
                    write()
                    context.flush()
                    loop.hold(self, on: context.eventLoop)
                    return
                }
                transfer = loop.takeRest()
                if transfer != nil { write() }
            case .read:
                write()
                context.flush()
                if !isReading {
                    isReading = true
                    context.read()
                }
                return
            case .waitForPeer:
                write()
                context.flush()
                return
            case .close:
                isClosing = true
                // Closing drops what the peer has not taken yet, so this write, even if empty, comes first.
                context.writeAndFlush(wrapOutboundOut(output)).assumeIsolated().whenComplete { [self] _ in close() }
                return
            }
        }
    }
}
