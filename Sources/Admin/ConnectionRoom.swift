internal import NIOCore
internal import NIOHTTPTypes
internal import Synchronization

/// Makes room for new connections: beyond the limit, the one idle for longest is closed. Who opens connections without
/// end keeps no probe out.
final class ConnectionRoom: Sendable {
    private struct Connection {
        let channel: any Channel
        var isBusy = false
        /// Counts up with each use of any connection.
        var lastUse: UInt64
    }

    private struct State {
        var connections: [ObjectIdentifier: Connection] = [:]
        var uses: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    fileprivate func open(_ channel: any Channel) {
        let surplus = state.withLock { state -> (any Channel)? in
            let victim = state.connections.count < limit ? nil : state.connections.min { Self.goes($0.value, $1.value) }
            if let victim { state.connections[victim.key] = nil }
            state.uses += 1
            state.connections[ObjectIdentifier(channel)] = Connection(channel: channel, lastUse: state.uses)
            return victim?.value.channel
        }
        surplus?.close(promise: nil)
        let id = ObjectIdentifier(channel)
        channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.connections[id] = nil } }
    }

    /// Whether `left` makes room before `right`: idle ones first, then those without use for longest.
    private static func goes(_ left: Connection, _ right: Connection) -> Bool {
        left.isBusy == right.isBusy ? left.lastUse < right.lastUse : !left.isBusy
    }

    fileprivate func use(_ channel: any Channel, isBusy: Bool) {
        state.withLock { state in
            state.uses += 1
            state.connections[ObjectIdentifier(channel)]?.isBusy = isBusy
            state.connections[ObjectIdentifier(channel)]?.lastUse = state.uses
        }
    }

    /// Tells the room of one connection: busy from the head of a request to the end of its response.
    final class Handler: ChannelDuplexHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPRequestPart
        typealias OutboundIn = HTTPResponsePart
        typealias OutboundOut = HTTPResponsePart

        private let room: ConnectionRoom

        init(_ room: ConnectionRoom) { self.room = room }

        func handlerAdded(context: ChannelHandlerContext) { room.open(context.channel) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .head = unwrapInboundIn(data) { room.use(context.channel, isBusy: true) }
            context.fireChannelRead(data)
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if case .end = unwrapOutboundIn(data) { room.use(context.channel, isBusy: false) }
            context.write(data, promise: promise)
        }
    }
}
