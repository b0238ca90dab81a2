import DNSCore
import DNSSigning
import NIOCore

/// What the connections of one event loop share: memory to answer in, counters, and the order in which they were last used.
///
/// Not Sendable: everything happens on the loop.
final class StreamLoop {
    /// A message and its length.
    static let responseSize = 2 + Int(UInt16.max)

    private let zones: ZoneStore
    private let reader: ReadEpochs.Reader
    private var responder: Responder
    private let limits: StreamLimits
    /// This loop's part of all connections.
    private let capacity: Int
    private let response: UnsafeMutableRawBufferPointer
    let counters: ThreadCounters
    private var answered: UInt64 = 0

    /// From the connection idle for longest to the one used last.
    private var oldest: StreamHandler?
    private var newest: StreamHandler?
    private var count = 0
    /// Connections that send transfers, in the order in which they go on.
    private var turns = CircularBuffer<StreamHandler>()
    private var isTurnScheduled = false
    /// Connections that wait for a signature, in the order in which they get it.
    private var held = CircularBuffer<StreamHandler>()
    private var isReleaseScheduled = false
    /// Whether the next answer is the one that a connection waited for.
    private var isHeldTurn = false
    /// While the loop stops: kept when the last connection is gone.
    private var isEmpty: EventLoopPromise<Void>?

    init(
        zones: ZoneStore,
        options: AnswerOptions,
        signers: ZoneSigners?,
        transfers: TransferService?,
        limits: StreamLimits,
        capacity: Int,
        counters: ThreadCounters
    ) {
        self.zones = zones
        responder = Responder(options: options, epochs: zones.epochs, signers: signers, transfers: transfers)
        self.limits = limits
        self.capacity = capacity
        self.counters = counters
        reader = zones.epochs.makeReader()
        response = .allocate(byteCount: Self.responseSize, alignment: 8)
    }

    deinit {
        zones.epochs.remove(reader)
        response.deallocate()
    }

    /// What became of a message.
    enum Answered {
        case written
        /// There is none to send.
        case none
        /// The connection waits until the loop gives it a turn, and asks again then.
        case held
    }

    /// Answers a message of `client` and appends the answer, with its length, to `output`.
    func answer(_ message: ByteBuffer, from client: ClientAddress, into output: inout ByteBuffer) -> Answered {
        responder.holdsDenials = !held.isEmpty && !isHeldTurn
        isHeldTurn = false
        answered &+= 1
        let started = answered % ThreadCounters.sampling == 0 ? ContinuousClock.now : nil
        let outcome = message.withUnsafeReadableBytes { bytes in
            zones.read(as: reader) { zones in
                responder.respond(
                    to: bytes.assumingMemoryBound(to: UInt8.self).span,
                    from: client,
                    over: .stream,
                    at: .now,
                    zones: zones,
                    into: UnsafeMutableRawBufferPointer(rebasing: response[2...])
                )
            }
        }
        guard outcome.elaboration != .signatures else { return .held }
        counters.count(outcome)
        guard outcome.length > 0 else { return .none }
        response.storeBytes(of: UInt16(outcome.length).bigEndian, as: UInt16.self)
        output.writeBytes(response[..<(2 + outcome.length)])
        if let started { counters.observe(started.duration(to: .now), count: 1) }
        return .written
    }

    /// What has to follow the last answer before anything else is answered.
    func takeRest() -> OutgoingTransfer? { responder.takeRest() }

    /// Appends the next message of a transfer to `output`. True while more follow, `nil` when it cannot go on.
    func proceed(with transfer: OutgoingTransfer, into output: inout ByteBuffer) -> Bool? {
        guard let reader = responder.transferReader,
            let message = transfer.nextMessage(
                into: UnsafeMutableRawBufferPointer(rebasing: response[2...]),
                reader: reader
            )
        else { return nil }
        response.storeBytes(of: UInt16(message.length).bigEndian, as: UInt16.self)
        output.writeBytes(response[..<(2 + message.length)])
        if message.isLast { transfer.finish(.completed) }
        return !message.isLast
    }

    // MARK: - Turns

    /// Has a connection that sends a transfer go on with it when those who wait already have, and other connections were
    /// looked after in between.
    func awaitTurn(_ handler: StreamHandler, on eventLoop: any EventLoop) {
        turns.append(handler)
        scheduleTurn(on: eventLoop)
    }

    private func scheduleTurn(on eventLoop: any EventLoop) {
        guard !isTurnScheduled, !turns.isEmpty else { return }
        isTurnScheduled = true
        // A loop does not look at its sockets before it has run all tasks that are due.
        eventLoop.assumeIsolated().scheduleTask(in: .microseconds(50)) {
            self.isTurnScheduled = false
            self.turns.popFirst()?.takeTurn()
            self.scheduleTurn(on: eventLoop)
        }
    }

    /// Has a connection wait whose next answer needs a signature that is beyond the allowance. Those that wait get one each in
    /// turn, however much each of them asks.
    func hold(_ handler: StreamHandler, on eventLoop: any EventLoop) {
        held.append(handler)
        scheduleRelease(on: eventLoop)
    }

    private func scheduleRelease(on eventLoop: any EventLoop) {
        guard !isReleaseScheduled, !held.isEmpty else { return }
        isReleaseScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(5)) {
            self.isReleaseScheduled = false
            while self.responder.canSign(at: .now), let handler = self.held.popFirst() {
                self.isHeldTurn = true
                handler.takeTurn()
            }
            self.isHeldTurn = false
            self.scheduleRelease(on: eventLoop)
        }
    }

    // MARK: - Connections

    /// Takes up a connection, at the cost of the one idle for longest when there are too many.
    func add(_ handler: StreamHandler, at now: NIODeadline) {
        if count >= capacity, let idlest = oldest { idlest.close() }
        append(handler, now)
        count += 1
        counters.connectionCount = UInt64(count)
        if isEmpty != nil { handler.stop() }
    }

    func remove(_ handler: StreamHandler) {
        guard handler.isListed else { return }
        unlink(handler)
        handler.isListed = false
        count -= 1
        counters.connectionCount = UInt64(count)
        if count == 0 { isEmpty?.succeed() }
    }

    /// Notes that a connection has been used.
    func touch(_ handler: StreamHandler, at now: NIODeadline) {
        guard handler.isListed else { return }
        unlink(handler)
        append(handler, now)
    }

    /// Closes connections that have been idle for too long.
    func sweep(at now: NIODeadline) {
        let limit = TimeAmount(limits.idle)
        while let idlest = oldest, now - idlest.lastUse >= limit { idlest.close() }
    }

    /// Has all connections answer what they have received in whole, and close; those that have not after `grace` are cut.
    ///
    /// - Returns: completes when none is left.
    func stop(grace: TimeAmount, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let isEmpty = eventLoop.makePromise(of: Void.self)
        self.isEmpty = isEmpty
        var next = oldest
        while let handler = next {
            next = handler.newer
            handler.stop()
        }
        if count == 0 { isEmpty.succeed() }
        let cut = eventLoop.assumeIsolated().scheduleTask(in: grace) {
            while let handler = self.oldest { handler.close() }
        }
        isEmpty.futureResult.whenComplete { _ in cut.cancel() }
        return isEmpty.futureResult
    }

    private func append(_ handler: StreamHandler, _ now: NIODeadline) {
        handler.isListed = true
        handler.lastUse = now
        handler.older = newest
        newest?.newer = handler
        newest = handler
        if oldest == nil { oldest = handler }
    }

    private func unlink(_ handler: StreamHandler) {
        if oldest === handler { oldest = handler.newer }
        if newest === handler { newest = handler.older }
        handler.older?.newer = handler.newer
        handler.newer?.older = handler.older
        handler.older = nil
        handler.newer = nil
    }
}
