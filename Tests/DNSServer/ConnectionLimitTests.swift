import DNSCore
import NIOCore
import NIOEmbedded
import Testing

@testable import DNSServer

/// Connections on channels without sockets, at a time that the tests set.
@Suite struct ConnectionLimitTests {
    private final class Stage {
        let eventLoop = EmbeddedEventLoop()
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        /// What passes between two looks at the clock.
        var tick = TimeAmount.zero
        let tcp = ThreadCounters(.tcp)
        private(set) var loop: StreamLoop!

        init(_ configure: (inout StreamLimits) -> Void = { _ in }) {
            var limits = StreamLimits()
            configure(&limits)
            loop = StreamLoop(
                zones: ServerTests.store(),
                options: AnswerOptions(),
                connections: OpenConnections(limits: limits, capacity: limits.connections),
                clients: ClientConnections(limit: limits.perClient),
                tcp: tcp,
                tls: ThreadCounters(.tls),
                clock: { [unowned self] in
                    now = now + tick
                    return now
                }
            )
        }

        func connect(from address: String = "192.0.2.1") throws -> EmbeddedChannel {
            let channel = EmbeddedChannel(handler: StreamHandler(loop), loop: eventLoop)
            // What this channel connects to is its other side.
            try channel.connect(to: SocketAddress(ipAddress: address, port: 40_000)).wait()
            return channel
        }

        /// Sends a query and takes the answer.
        func ask(_ channel: EmbeddedChannel) throws {
            try send(Message.query("host.example.test", .a).framed, to: channel)
            let answer = try channel.readOutbound(as: ByteBuffer.self)
            #expect((answer?.readableBytes ?? 0) > 12)
        }

        func send(_ bytes: [UInt8], to channel: EmbeddedChannel) throws {
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        }

        /// How many octets have been written since.
        func taken(from channel: EmbeddedChannel) throws -> Int {
            var count = 0
            while let piece = try channel.readOutbound(as: ByteBuffer.self) { count += piece.readableBytes }
            return count
        }

        func pass(_ time: TimeAmount) {
            now = now + time
            loop.sweep()
        }

        var ends: [ConnectionEnd: UInt64] {
            let counted = ThreadCounters.snapshot(of: [tcp], labels: []).connectionEnds
            return Dictionary(uniqueKeysWithValues: counted.map { ($0.reason, $0.count) })
        }
    }

    @Test("a connection without a query is closed after the idle time, one in use stays")
    func idle() throws {
        let stage = Stage { $0.idle = .seconds(30) }
        let idle = try stage.connect()
        let used = try stage.connect()
        stage.pass(.seconds(29))
        #expect(idle.isActive && used.isActive)
        try stage.ask(used)
        stage.pass(.seconds(1))
        #expect(!idle.isActive && used.isActive)
        stage.pass(.seconds(29))
        #expect(!used.isActive)
        #expect(stage.ends == [.idle: 2] && stage.tcp.connectionCount == 0)
    }

    @Test("octets that dribble in do not keep a connection: a message begun has the idle time once")
    func dribble() throws {
        let stage = Stage { $0.idle = .seconds(30) }
        let channel = try stage.connect()
        stage.pass(.seconds(20))
        for octet in Message.query("host.example.test", .a).framed.prefix(29) {
            try stage.send([octet], to: channel)
            stage.pass(.seconds(1))
            #expect(channel.isActive)
        }
        stage.pass(.seconds(1))
        #expect(!channel.isActive)
    }

    @Test("a peer that takes no answers is cut after the idle time, though it goes on asking")
    func slowReader() throws {
        let stage = Stage { $0.idle = .seconds(30) }
        let channel = try stage.connect()
        channel.isWritable = false
        for _ in 0..<30 {
            try stage.send(Message.query("host.example.test", .a).framed, to: channel)
            #expect(channel.isActive)
            stage.pass(.seconds(1))
        }
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(!channel.isActive)
    }

    @Test("queries that waited for their peer are answered when it takes what was there before")
    func waits() throws {
        let stage = Stage()
        let channel = try stage.connect()
        channel.isWritable = false
        try stage.send(Message.query("host.example.test", .a).framed, to: channel)
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(try channel.readOutbound(as: ByteBuffer.self) != nil)
    }

    @Test("beyond the limit the connection idle for longest makes room")
    func eviction() throws {
        let stage = Stage { $0.connections = 2 }
        let first = try stage.connect()
        stage.pass(.milliseconds(1))
        let second = try stage.connect()
        stage.pass(.milliseconds(1))
        try stage.ask(first)
        let third = try stage.connect()
        #expect(first.isActive && !second.isActive && third.isActive)
        #expect(stage.ends == [.room: 1] && stage.tcp.connectionCount == 2)
    }

    @Test("a client with as many connections as it may have gets no more, others do")
    func perClient() throws {
        let stage = Stage { $0.perClient = 1 }
        let first = try stage.connect()
        #expect(try !stage.connect().isActive)
        #expect(try stage.connect(from: "192.0.2.2").isActive)
        #expect(stage.ends == [.client: 1] && stage.tcp.connectionCount == 2)
        try first.close().wait()
        #expect(try stage.connect().isActive)
    }

    @Test("what all hold is bounded: the connection that has held longest is cut, those at rest stay")
    func memory() throws {
        let stage = Stage { $0.held = 10_000 }
        let resting = try stage.connect()
        let part: [UInt8] = [0xff, 0xff] + [UInt8](repeating: 0, count: 4000)
        let first = try stage.connect()
        try stage.send(part, to: first)
        let second = try stage.connect()
        try stage.send(part, to: second)
        #expect(first.isActive && second.isActive)
        let third = try stage.connect()
        try stage.send(part, to: third)
        #expect(!first.isActive && second.isActive && third.isActive && resting.isActive)
        #expect(stage.ends == [.memory: 1])
    }

    @Test("the idle time told to clients is the one of the moment")
    func keepalive() throws {
        let stage = Stage {
            $0.connections = 8
            $0.idle = .seconds(30)
        }
        func told(_ channel: EmbeddedChannel) throws -> [UInt8]? {
            var query = Message.query("host.example.test", .a)
            query.edns = .init(udpPayloadSize: 1232, options: [.init(code: 11, data: [])])
            try stage.send(query.framed, to: channel)
            var answer = try #require(try channel.readOutbound(as: ByteBuffer.self))
            answer.moveReaderIndex(forwardBy: 2)
            return try Message(decoding: Array(buffer: answer)).edns?.options.first?.data
        }
        let first = try stage.connect()
        #expect(try told(first) == [1, 44])
        let others = try (0..<7).map { _ in try stage.connect() }
        #expect(try told(first) == [0, 30])
        for other in others { try other.close().wait() }
        #expect(try told(first) == [1, 44])
    }

    @Test("near the limit connections at rest go sooner")
    func pressure() throws {
        let stage = Stage {
            $0.connections = 8
            $0.idle = .seconds(30)
        }
        let channels = try (0..<8).map { _ in try stage.connect() }
        stage.pass(.seconds(3))
        #expect(channels.allSatisfy { !$0.isActive })
    }

    @Test("one connection's long answers let others in between, and the loop looks at its sockets before they go on")
    func size() throws {
        let stage = Stage()
        let channel = try stage.connect()
        try stage.send((0..<300).flatMap { Message.query("many.example.test", .a, id: $0).framed }, to: channel)
        let turn = 64 * 1024...68 * 1024
        #expect(turn.contains(try stage.taken(from: channel)))
        // What is ready at once is nothing: a loop that never comes to its sockets would serve nobody else.
        stage.eventLoop.run()
        #expect(try stage.taken(from: channel) == 0)
        try stage.ask(try stage.connect())
        for _ in 0..<13 {
            stage.eventLoop.advanceTime(by: .microseconds(50))
            #expect(turn.contains(try stage.taken(from: channel)))
        }
    }

    @Test("connections whose answers take long go on in turn, one answer each, and looks at the sockets lie in between")
    func time() throws {
        let stage = Stage { $0.idle = .seconds(300) }
        stage.tick = .milliseconds(1)
        let channels = try (0..<3).map { _ in try stage.connect() }
        for channel in channels {
            try stage.send((0..<4).flatMap { Message.query("host.example.test", .a, id: $0).framed }, to: channel)
            #expect(try stage.taken(from: channel) > 0)
        }
        var order: [Int] = []
        for _ in 0..<12 {
            stage.eventLoop.advanceTime(by: .microseconds(50))
            for (index, channel) in channels.enumerated() where try stage.taken(from: channel) > 0 {
                order.append(index)
            }
        }
        #expect(order == [0, 1, 2, 0, 1, 2, 0, 1, 2])
    }

    @Test("a stopping server answers what is here and closes")
    func stopping() throws {
        let stage = Stage()
        let channel = try stage.connect()
        try stage.ask(channel)
        let isEmpty = stage.loop.stop(grace: .seconds(2), on: stage.eventLoop)
        stage.eventLoop.run()
        #expect(!channel.isActive)
        try isEmpty.wait()
        #expect(stage.ends == [.stop: 1])
    }
}
