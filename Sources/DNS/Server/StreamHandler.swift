import DNSCore
import NIOCore
import NIOSSL
import NIOTLS
import ServiceCatalog

/// Carries out what a `StreamConnection` decides on one channel.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Answers gathered before they are written, and the largest write: one TLS record.
    private static let writeSize = 16 * 1024
    /// How long a connection goes on, and how much it says, before the others have their turn; answers that were begun are
    /// finished.
    private static let turn = TimeAmount.milliseconds(1)
    private static let turnSize = 64 * 1024
    /// Transfers at once on one connection; while there are so many, no query is taken up.
    private static let transferLimit = 4

    private let loop: StreamLoop
    let transport: ServerTransport
    private var connection = StreamConnection()
    /// Sent message by message, in turn, behind the answers to other queries.
    private var transfers = CircularBuffer<OutgoingTransfer>()
    /// A query whose answer has to wait for a signature, and with it all that came after.
    private var waitingQuery: ByteBuffer?
    private var context: ChannelHandlerContext?
    /// Of the TLS handler, to get past it.
    private var encryption: ChannelHandlerContext?
    private(set) var client = ClientAddress(high: 0, low: 0)
    private var isReading = false
    private var isProceeding = false
    private var isWaitingForTurn = false
    private var isEnded = false
    private var isStopping = false
    /// Octets written that the peer may not have taken.
    private var unread = 0

    /// Changed by the loop's `OpenConnections` only.
    var place = OpenConnections.Place()

    /// - Parameter encryption: the context of the TLS handler before this one, if there is one.
    init(_ loop: StreamLoop, encryption: ChannelHandlerContext? = nil) {
        self.loop = loop
        self.encryption = encryption
        transport = encryption == nil ? .tcp : .tls
    }

    // MARK: - Events

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        if let address = context.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }) { client = ClientAddress(address) }
        if let refusal = loop.add(self, as: encryption == nil ? .resting : .handshaking) {
            cut(refusal)
        } else {
            proceed(context)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isEnded {
            isEnded = true
            loop.note(place.standing == .handshaking ? .handshake : .peer, transport)
        }
        loop.remove(self)
        transfers.removeAll()
        waitingQuery = nil
        self.context = nil
        encryption = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if !isEnded { connection.receive(&bytes) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        proceed(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, !isProceeding {
            let hasWaited = unread > 0
            unread = 0
            proceed(context, isUsed: hasWaited)
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed as ChannelEvent where isEnded:
            // The peer has said the same.
            (encryption ?? context).close(promise: nil)
        case ChannelEvent.inputClosed as ChannelEvent:
            connection.endInput()
            proceed(context)
        case is TLSUserEvent:
            if place.standing == .handshaking { settle(isUsed: true, isHandshaking: false) }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The end of input without close_notify; what has been asked before is answered.
        if let error = error as? NIOSSLError, error == .uncleanShutdown { return }
        cut(place.standing == .handshaking ? .handshake : .peer)
    }

    // MARK: - Ends

    /// Answers what is here, and ends.
    func stop() {
        isStopping = true
        connection.endInput()
        if let context { proceed(context) }
    }

    /// Ends in order: over TLS the peer is told, and has a moment to say the same.
    func end(_ reason: ConnectionEnd) {
        guard begin(reason) else { return }
        context?.close(promise: nil)
        if encryption != nil, !isReading { context?.read() }
    }

    /// Ends at once.
    func cut(_ reason: ConnectionEnd) {
        guard begin(reason) else { return }
        (encryption ?? context)?.close(promise: nil)
    }

    private func begin(_ reason: ConnectionEnd) -> Bool {
        guard !isEnded else { return false }
        isEnded = true
        transfers.removeAll()
        waitingQuery = nil
        loop.note(reason, transport)
        loop.unlist(self)
        return true
    }

    // MARK: - Answering

    /// Why answering has paused.
    private enum Pause {
        /// Others have their turn.
        case turn
        /// The next answer needs a signature that is beyond what may be made now.
        case signature
        /// Nothing is to be done before more comes in.
        case input
        /// The peer has not taken what was written.
        case output
        /// Everything has been said.
        case end
    }

    /// Goes on after others have had their turn.
    func takeTurn() {
        isWaitingForTurn = false
        if let context { proceed(context) }
    }

    /// - Parameter isUsed: whether the connection has been used, should nothing be answered now.
    private func proceed(_ context: ChannelHandlerContext, isUsed: Bool = false) {
        guard !isEnded, !isProceeding, !isWaitingForTurn else { return }
        isProceeding = true
        var answers = 0
        let pause = answerWhileItMay(context, &answers)
        isProceeding = false
        guard !isEnded else { return }
        settle(isUsed: isUsed || answers > 0, isHandshaking: place.standing == .handshaking)
        guard !isEnded else { return }
        switch pause {
        case .turn:
            isWaitingForTurn = true
            loop.queue(self, on: context.eventLoop)
        case .signature:
            isWaitingForTurn = true
            loop.hold(self, on: context.eventLoop)
        case .input: read(context)
        case .output: break
        case .end:
            // Not before the peer has taken what closing would drop.
            if context.channel.isWritable { end(connection.isBroken ? .malformed : isStopping ? .stop : .peer) }
        }
    }

    private func answerWhileItMay(_ context: ChannelHandlerContext, _ answers: inout Int) -> Pause {
        var output = ByteBuffer()
        var written = 0
        defer { _ = write(&output, context) }
        let end = loop.now + Self.turn
        repeat {
            if let pause = answer(context, into: &output) { return pause }
            answers += 1
            if output.readableBytes >= Self.writeSize { written += write(&output, context) }
        } while written + output.readableBytes < Self.turnSize && loop.now < end
        return .turn
    }

    /// Appends the next answer, or the next message of a transfer, to `output`; `nil` when it has.
    private func answer(_ context: ChannelHandlerContext, into output: inout ByteBuffer) -> Pause? {
        let isWritable = context.channel.isWritable
        var pause = Pause.input
        if transfers.count < Self.transferLimit {
            switch next(isWritable: isWritable) {
            case .answer(let message):
                guard loop.answer(message, from: client, over: transport, into: &output) else {
                    // A copy, lest it keep everything that came with it.
                    waitingQuery = ByteBuffer(bytes: message.readableBytesView)
                    return .signature
                }
                if let transfer = loop.takeRest() { transfers.append(transfer) }
                return nil
            case .read: pause = .input
            case .waitForPeer: return .output
            case .close: pause = .end
            }
        }
        guard let transfer = transfers.first else { return pause }
        // What is asked meanwhile overtakes the transfer.
        if pause == .input, transfers.count < Self.transferLimit { read(context) }
        guard isWritable else { return .output }
        transfers.removeFirst()
        switch loop.proceed(with: transfer, into: &output) {
        case true: transfers.append(transfer)
        case false: break
        // The peer throws away what has no end.
        case nil: cut(.transfer)
        }
        return isEnded ? .end : nil
    }

    private func next(isWritable: Bool) -> StreamConnection.Step {
        guard isWritable, let query = waitingQuery.take() else {
            return waitingQuery == nil ? connection.next(isWritable: isWritable) : .waitForPeer
        }
        return .answer(query)
    }

    private func read(_ context: ChannelHandlerContext) {
        guard !isReading else { return }
        isReading = true
        context.read()
    }

    /// - Returns: how many octets were written.
    private func write(_ output: inout ByteBuffer, _ context: ChannelHandlerContext) -> Int {
        let count = output.readableBytes
        guard count > 0, !isEnded else { return 0 }
        unread += count
        while let piece = output.readSlice(length: min(Self.writeSize, output.readableBytes)), piece.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
        }
        if context.channel.isWritable { unread = 0 }
        output = ByteBuffer()
        return count
    }

    private func settle(isUsed: Bool, isHandshaking: Bool) {
        let held = connection.held + unread + (waitingQuery?.readableBytes ?? 0)
        let standing: OpenConnections.Standing = isHandshaking ? .handshaking : held > 0 ? .holding : .resting
        loop.place(self, as: standing, holding: held, isUsed: isUsed)
    }
}
