import DNSCore
import Testing

@Suite struct RateLimiterTests {
    private static let a = "web.default.svc.cluster.local"
    private static let b = "dual.default.svc.cluster.local"

    @Test("As many answers as the limit go at once, then one by one as time passes")
    func rate() {
        var client = LimitedAsker(RateLimit(perSecond: 10))
        #expect(client.ask(Self.a, 15) == .init(sent: 10, truncated: 2, dropped: 3))
        client.time.ticks += 99
        #expect(client.ask(Self.a, 1).sent == 0, "a tenth of a second is not over")
        client.time.ticks += 1
        #expect(client.ask(Self.a, 2).sent == 1)
        client.time.ticks += 500
        #expect(client.ask(Self.a, 10).sent == 5)
        client.time.ticks += 60_000
        #expect(client.ask(Self.a, 20).sent == 10, "a pause saves up no more than a second")
    }

    @Test("The clock may wrap")
    func wrapping() {
        var client = LimitedAsker(RateLimit(perSecond: 10))
        client.time.ticks = .max - 49
        #expect(client.ask(Self.a, 20).sent == 10)
        client.time.ticks = 50
        #expect(client.ask(Self.a, 20).sent == 1)
    }

    @Test(
        "Every so manieth limited answer is sent short, or none",
        arguments: [(0, 0, 12), (1, 12, 0), (2, 6, 6), (5, 2, 10)]
    )
    func slip(slip: Int, truncated: Int, dropped: Int) {
        var limit = RateLimit(perSecond: 1)
        limit.slip = slip
        var client = LimitedAsker(limit)
        #expect(client.ask(Self.a, 13) == .init(sent: 1, truncated: truncated, dropped: dropped))
    }

    @Test(
        "Networks are told apart by their prefixes",
        arguments: ["192.0.3.1", "192.1.2.1", "::ffff:c000:201:0", "fd00::1"]
    )
    func networks(other: String) {
        var client = LimitedAsker(RateLimit(perSecond: 5))
        client.client = ClientAddress(text: "192.0.2.1")
        #expect(client.ask(Self.a, 10).sent == 5)
        client.client = ClientAddress(text: "192.0.2.255")
        #expect(client.ask(Self.a, 10).sent == 0, "a neighbour shares the limit")
        client.client = ClientAddress(text: other)
        #expect(client.ask(Self.a, 10).sent == 5)
    }

    @Test("IPv6 networks share the limit by the prefix configured")
    func ipv6() {
        var limit = RateLimit(perSecond: 5)
        limit.ipv6Prefix = 72
        var client = LimitedAsker(limit)
        client.client = ClientAddress(text: "fd00::1")
        #expect(client.ask(Self.a, 10).sent == 5)
        client.client = ClientAddress(text: "fd00::ff:0:0:1")
        #expect(client.ask(Self.a, 10).sent == 0)
        client.client = ClientAddress(text: "fd00::100:0:0:1")
        #expect(client.ask(Self.a, 10).sent == 5)
    }

    @Test("Names have limits of their own, case and type no more than one; what does not exist has one per zone")
    func kinds() {
        var client = LimitedAsker(RateLimit(perSecond: 5))
        #expect(client.ask(Self.a, 10).sent == 5)
        #expect(client.ask(Self.b, 10).sent == 5)
        #expect(client.ask(Self.a.uppercased(), 10).sent == 0)
        #expect(client.ask(Self.a, 10, .txt).sent == 0)
        let random = (0..<10).map { client.ask("nobody-\($0).cluster.local", 1).sent }
        #expect(random == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
        #expect(client.ask("nobody.example.com", 10).sent == 5)
    }

    @Test("Errors have one limit and are never short")
    func errors() {
        var client = LimitedAsker(RateLimit(perSecond: 4))
        #expect(client.ask("www.example.net", 3).sent == 3)
        let counts = client.ask("x.unready.test", 9)
        #expect(counts == .init(sent: 1 + 4, truncated: 0, dropped: 4), "one in two slips as it is")
    }

    @Test("Exempt networks and clients with a good cookie are not limited")
    func exempt() throws {
        var limit = RateLimit(perSecond: 1)
        limit.exempt = AccessList([.init(first: ClientAddress(ipv4: 0x0a00_0000), length: 8)])
        var client = LimitedAsker(limit)
        client.client = ClientAddress(text: "10.255.0.1")
        #expect(client.ask(Self.a, 100).sent == 100)
        client.client = ZoneFixture.client
        client.cookie = Fixtures.octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
        #expect(client.ask(Self.a, 100).sent == 100)
    }

    @Test("Who sends half a cookie, or a bad one, is asked to come back with the good one")
    func cookies() throws {
        for cookie in ["2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29481"] {
            var client = LimitedAsker(RateLimit(perSecond: 1))
            client.cookie = Fixtures.octets(cookie)
            #expect(client.ask(Self.a, 5) == .init(sent: 1, badCookies: 2, dropped: 2))
            let response = try Message(decoding: client.lastSent)
            #expect(response.code == .badCookie && response.answers.isEmpty && response.questions.count == 1)
            #expect(!response.flags.contains(.truncated))
            #expect(
                response.edns?.options.map(\.data)
                    == [Fixtures.octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480")]
            )
        }
    }

    @Test("A short answer has the question, TC and OPT, and nothing else", arguments: [true, false])
    func truncated(edns: Bool) throws {
        var limit = RateLimit(perSecond: 1)
        limit.slip = 1
        for name in [Self.a, "nobody.cluster.local"] {
            var client = LimitedAsker(limit)
            client.edns = edns
            #expect(client.ask(name, 2) == .init(sent: 1, truncated: 1))
            let response = try Message(decoding: client.lastSent)
            #expect(response.code == .noError && response.testFlags == (edns ? ["tc", "edns"] : ["tc"]))
            #expect(response.questions.map(\.name) == [DomainName(name)!])
            #expect(response.testRecords.isEmpty)
        }
    }

    @Test("Memory is bounded: where too many networks ask, the one that was heard least recently is forgotten")
    func eviction() {
        var client = LimitedAsker(RateLimit(perSecond: 2), buckets: 4)
        func ask(_ last: UInt32, _ client: inout LimitedAsker) -> Int {
            client.client = ClientAddress(ipv4: last << 8)
            client.time.ticks += 1
            return client.ask(Self.a, 3).sent
        }
        for network in 0..<4 as Range<UInt32> { #expect(ask(network, &client) == 2) }
        for network in 0..<4 as Range<UInt32> { #expect(ask(network, &client) == 0) }
        #expect(ask(4, &client) == 2)
        #expect(ask(1, &client) == 0, "still known")
        #expect(ask(0, &client) == 2, "forgotten for network 4")
    }
}

/// Asks as a worker answers: through a rate limiter.
private struct LimitedAsker: ~Copyable {
    struct Counts: Equatable {
        var sent = 0
        var truncated = 0
        var badCookies = 0
        var dropped = 0
    }

    var client = ZoneFixture.client
    var time = ZoneFixture.time
    var cookie: [UInt8]?
    var edns = true
    private(set) var lastSent: [UInt8] = []
    private let store = ZoneFixture.store()
    private let reader: ReadEpochs.Reader
    private var scratch = AnswerScratch()
    private var limiter: RateLimiter
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1232, alignment: 8)

    init(_ limit: RateLimit, buckets: Int = 65_536) {
        reader = store.epochs.makeReader()
        limiter = RateLimiter(limit, buckets: buckets)
    }

    deinit { buffer.deallocate() }

    mutating func ask(_ name: String, _ times: Int, _ type: RecordType = .a) -> Counts {
        var query = Message(id: 1, questions: [.init(name: DomainName(name)!, type: type)])
        if edns || cookie != nil {
            query.edns = .init(udpPayloadSize: 1232, options: cookie.map { [.init(code: 10, data: $0)] } ?? [])
        }
        var request = query.encoded()
        request.replaceSubrange(13..<(13 + name.prefix { $0 != "." }.utf8.count), with: name.prefix { $0 != "." }.utf8)
        var counts = Counts()
        for _ in 0..<times {
            let outcome = store.read(as: reader) { zones in
                let outcome = answer(
                    request.span,
                    from: client,
                    over: .datagram,
                    at: time,
                    zones: zones,
                    options: ZoneFixture.options,
                    scratch: &scratch,
                    into: buffer
                )
                return limiter.limit(outcome, to: client, at: time, scratch: scratch, in: buffer)
            }
            switch outcome.limit {
            case .none: counts.sent += 1
            case .truncate: counts.truncated += 1
            case .badCookie: counts.badCookies += 1
            case .drop: counts.dropped += 1
            }
            if outcome.length > 0 { lastSent = Array(buffer.prefix(outcome.length)) }
        }
        return counts
    }
}
