import DNSCore
import DNSSigning
import NIOCore

/// What the connections of one event loop share: memory to answer in, counters, whose turn it is, and who has to go.
///
/// Not Sendable: everything happens on the loop.
final class StreamLoop {
    /// A message and its length.
    static let responseSize = 2 + Int(UInt16.max)
    /// For how long connections go on between two looks at the sockets, but for a turn begun.
    private static let round = TimeAmount.milliseconds(1)
    /// What makes the loop look: it runs what is ready, and what that makes ready, until nothing is.
    private static let roundPause = TimeAmount.microseconds(50)
    /// How often it is looked whether signatures may be made again.
    private static let releasePause = TimeAmount.milliseconds(5)

    private let zones: ZoneStore
    private let reader: ReadEpochs.Reader
    private var responder: Responder
    private let clients: ClientConnections
    private let clock: () -> NIODeadline
    private let response: UnsafeMutableRawBufferPointer
    private let tcp: ThreadCounters
    private let tls: ThreadCounters
    private var connections: OpenConnections
    private var answered: UInt64 = 0
    /// Those that have more to do than fits into one turn.
    private var waiting = CircularBuffer<StreamHandler>()
    private var isRoundScheduled = false
    /// Connections that wait for a signature, in the order in which they get it.
    private var held = CircularBuffer<StreamHandler>()
    private var isReleaseScheduled = false
    /// Whether the next answer is the one that a connection waited for.
    private var isHeldTurn = false
    /// While the loop stops: kept when the last connection is gone.
    private var isEmpty: EventLoopPromise<Void>?

    /// - Parameters:
    ///   - connections: where this loop's part of all connections is kept.
    ///   - clients: shared by all loops.
    ///   - clock: what time it is for the limits of connections.
    init(
        zones: ZoneStore,
        options: AnswerOptions,
        signers: ZoneSigners? = nil,
        transfers: TransferService? = nil,
        connections: OpenConnections,
        clients: ClientConnections,
        tcp: ThreadCounters,
        tls: ThreadCounters,
        clock: @escaping () -> NIODeadline = NIODeadline.now
    ) {
        self.zones = zones
        responder = Responder(options: options, epochs: zones.epochs, signers: signers, transfers: transfers)
        self.connections = connections
        self.clients = clients
        self.tcp = tcp
        self.tls = tls
        self.clock = clock
        reader = zones.epochs.makeReader()
        response = .allocate(byteCount: Self.responseSize, alignment: 8)
        responder.keepalive = connections.idle.keepalive
    }

    deinit {
        zones.epochs.remove(reader)
        response.deallocate()
    }

    var now: NIODeadline { clock() }

    private func counters(_ transport: ServerTransport) -> ThreadCounters { transport == .tls ? tls : tcp }

    /// Answers a message of `client` and appends the answer, if there is one, with its length to `output`.
    ///
    /// - Returns: false when the answer has to wait: ``hold(_:on:)`` the connection, and ask again in its turn.
    func answer(
        _ message: ByteBuffer,
        from client: ClientAddress,
        over transport: ServerTransport,
        into output: inout ByteBuffer
    ) -> Bool {
        let counters = counters(transport)
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
        guard outcome.elaboration != .signatures else { return false }
        counters.count(outcome)
        guard outcome.length > 0 else { return true }
        response.storeBytes(of: UInt16(outcome.length).bigEndian, as: UInt16.self)
        output.writeBytes(response[..<(2 + outcome.length)])
        if let started { counters.observe(started.duration(to: .now), count: 1) }
        return true
    }

    /// What has to follow the last answer.
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

    /// Has a connection go on once the sockets have been looked at, after those that wait already.
    func queue(_ handler: StreamHandler, on eventLoop: any EventLoop) {
        waiting.append(handler)
        scheduleRound(on: eventLoop)
    }

    private func scheduleRound(on eventLoop: any EventLoop) {
        guard !isRoundScheduled, !waiting.isEmpty else { return }
        isRoundScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.roundPause) { self.takeRound(on: eventLoop) }
    }

    /// Lets each of those that wait now go on once, or as many as there is time for.
    private func takeRound(on eventLoop: any EventLoop) {
        let end = now + Self.round
        var rest = waiting.count
        repeat {
            waiting.popFirst()?.takeTurn()
            rest -= 1
        } while rest > 0 && now < end
        isRoundScheduled = false
        scheduleRound(on: eventLoop)
    }

    /// Has a connection wait whose next answer needs a signature that is beyond the allowance. Those that wait get one each in
    /// turn, however much each of them asks.
    func hold(_ handler: StreamHandler, on eventLoop: any EventLoop) {
        held.append(handler)
        scheduleRelease(in: Self.releasePause, on: eventLoop)
    }

    private func scheduleRelease(in pause: TimeAmount, on eventLoop: any EventLoop) {
        guard !isReleaseScheduled, !held.isEmpty else { return }
        isReleaseScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: pause) { self.release(on: eventLoop) }
    }

    private func release(on eventLoop: any EventLoop) {
        let end = now + Self.round
        var isInTime = true
        while isInTime, responder.canSign(at: .now), let handler = held.popFirst() {
            isHeldTurn = true
            handler.takeTurn()
            isInTime = now < end
        }
        isHeldTurn = false
        isReleaseScheduled = false
        scheduleRelease(in: isInTime ? Self.releasePause : Self.roundPause, on: eventLoop)
    }

    // MARK: - Connections

    /// Takes up a connection, at the cost of the one idle for longest when there are too many.
    ///
    /// - Returns: why it cannot be: its client has too many, or all that there are have been told to end.
    func add(_ handler: StreamHandler, as standing: OpenConnections.Standing) -> ConnectionEnd? {
        guard clients.admit(handler.client) else { return .client }
        if connections.isFull {
            guard let idlest = connections.idlest else {
                clients.remove(handler.client)
                return .room
            }
            idlest.cut(.room)
        }
        connections.open(handler, as: standing, at: clock())
        counters(handler.transport).connectionCount += 1
        responder.keepalive = connections.idle.keepalive
        if isEmpty != nil { handler.stop() }
        return nil
    }

    /// Forgets a connection that has ended; one that was never added is ignored.
    func remove(_ handler: StreamHandler) {
        guard connections.close(handler) else { return }
        clients.remove(handler.client)
        counters(handler.transport).connectionCount -= 1
        responder.keepalive = connections.idle.keepalive
        if connections.count == 0 { isEmpty?.succeed() }
    }

    /// Notes what a connection holds now, and cuts the one that has been holding for longest when that is too much.
    func place(
        _ handler: StreamHandler,
        as standing: OpenConnections.Standing,
        holding octets: Int,
        isUsed: Bool
    ) {
        connections.place(handler, as: standing, holding: octets, isUsed: isUsed, at: clock())
        while connections.isOverheld, let longest = connections.longestHolding { longest.cut(.memory) }
    }

    /// The connection is about to end.
    func unlist(_ handler: StreamHandler) { connections.unlist(handler) }

    /// Counts an end.
    func note(_ end: ConnectionEnd, _ transport: ServerTransport) { counters(transport).count(end) }

    /// Ends connections that have been idle for too long.
    func sweep() {
        for handler in connections.expired(at: clock()) {
            switch handler.place.standing {
            case .resting: handler.end(.idle)
            case .handshaking: handler.cut(.handshake)
            case .holding: handler.cut(.idle)
            case nil: break
            }
        }
    }

    /// Has all connections answer what they have received in whole, and close; those that have not after `grace` are cut.
    ///
    /// - Returns: completes when none is left.
    func stop(grace: TimeAmount, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let isEmpty = eventLoop.makePromise(of: Void.self)
        self.isEmpty = isEmpty
        for handler in connections.all { handler.stop() }
        if connections.count == 0 { isEmpty.succeed() }
        let cut = eventLoop.assumeIsolated().scheduleTask(in: grace) {
            for handler in self.connections.all { handler.cut(.stop) }
        }
        isEmpty.futureResult.whenComplete { _ in cut.cancel() }
        return isEmpty.futureResult
    }
}
