import DNSCore
import DNSServer
import ServiceCatalog
import Testing

/// What depends on who asks and how, over sockets.
@Suite struct AnswerLimitsTests {
    private static func withServer(
        _ listen: String...,
        store: ZoneStore = ServerTests.store(),
        configure: (inout ServerConfiguration) -> Void,
        _ body: (DNSServer) async throws -> Void
    ) async throws {
        func limit(_ configuration: inout ServerConfiguration) {
            configuration.workers = 1
            configuration.answers.cookies = CookieSecrets(current: .random())
            configure(&configuration)
        }
        try await ServerTests.withServer(listen, store: store, configure: limit, body)
    }

    private static func query(_ options: [Message.Extension.Option] = []) -> Message {
        var query = Message.query("host.example.test", .a)
        query.edns = .init(udpPayloadSize: 1232, options: options)
        return query
    }

    @Test("Answers over the limit are sent short and counted; a good cookie and TCP are not limited")
    func rateLimit() async throws {
        var limit = RateLimit(perSecond: 1)
        limit.slip = 1
        try await Self.withServer("127.0.0.1:0", configure: { $0.rateLimit = limit }) { server in
            let address = try #require(server.addresses.first)
            let client = try SocketClient(address, .udp)
            // Two within a second come soon, however slow the machine is.
            var isLimited = false
            for _ in 0..<1000 where !isLimited {
                let answer = try client.ask(Self.query())
                isLimited = answer.flags.contains(.truncated)
                #expect(answer.answers.isEmpty == isLimited)
            }
            #expect(isLimited)
            #expect(server.counters.limited[.truncate, default: 0] > 0)

            var cookie = Message.Extension.Option(code: 10, data: Array(1...8))
            let answer = try client.ask(Self.query([cookie]))
            cookie = try #require(answer.edns?.options.first { $0.code == 10 })
            let limited = server.counters.limited
            let stream = try SocketClient(address, .tcp)
            for _ in 0..<20 {
                #expect(try client.ask(Self.query([cookie])).answers.count == 1)
                try stream.sendFramed(Self.query())
                #expect(try stream.receiveFramed()?.answers.count == 1)
            }
            #expect(server.counters.limited == limited)
        }
    }

    @Test("Only those on a zone's list may ask it, over either transport, and the list can be exchanged")
    func access() async throws {
        let store = ServerTests.store()
        let zones = store.zones
        try await Self.withServer("127.0.0.1:0", "[::1]:0", store: store, configure: { _ in }) { server in
            let apex = zones[0].apex
            for (allowed, refused) in [(0, 1), (1, 0)] {
                let range = try AddressRange("\(server.addresses[allowed].address)")
                store.serve(zones, to: [apex: AccessList([range])])
                for transport in [ServerTransport.udp, .tcp] {
                    for (index, code) in [(allowed, ResponseCode.noError), (refused, .refused)] {
                        let client = try SocketClient(server.addresses[index], transport)
                        let answer: Message
                        switch transport {
                        case .udp:
                            answer = try client.ask(Self.query())
                        case .tcp, .tls:
                            try client.sendFramed(Self.query())
                            answer = try #require(try client.receiveFramed())
                        }
                        #expect(answer.code == code)
                        let reason = Message.Extension.Option(code: 15, data: [0, 18])
                        #expect(answer.edns?.options == (code == .refused ? [reason] : []))
                    }
                }
            }
        }
    }

    @Test("A connection says how long it may be idle, to those who ask over it")
    func keepalive() async throws {
        try await Self.withServer("127.0.0.1:0", configure: { $0.streams.idle = .milliseconds(12_300) }) { server in
            let address = try #require(server.addresses.first)
            let query = Self.query([.init(code: 11, data: [])])
            let stream = try SocketClient(address, .tcp)
            try stream.sendFramed(query)
            #expect(try stream.receiveFramed()?.edns?.options == [.init(code: 11, data: [0, 123])])
            #expect(try SocketClient(address, .udp).ask(query).edns?.options == [])
        }
    }
}
