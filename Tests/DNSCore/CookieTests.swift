import DNSCore
import Testing

/// The test vectors of RFC 9018 appendix A, and the rules of its sections 4.3 and 5.
@Suite struct CookieTests {
    /// A cookie sent, and the one that comes back.
    struct Exchange: Sendable {
        var client: String
        var seconds: UInt32
        var current = "e5e973e5a6b2a43f48e7dc849e37bfcf"
        var other: String?
        var sent: String
        var received: String
        var status: CookieStatus
    }

    private static let good = "2464c4abcf10c957010000005cf79f111f8130c3eee29480"

    @Test(
        "The exchanges of RFC 9018 appendix A",
        arguments: [
            // A.1: learning a cookie.
            Exchange(
                client: "198.51.100.100",
                seconds: 1_559_731_985,
                sent: "2464c4abcf10c957",
                received: good,
                status: .clientOnly
            ),
            // A.2: forty minutes later it is renewed.
            Exchange(
                client: "198.51.100.100",
                seconds: 1_559_734_385,
                sent: good,
                received: "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
                status: .valid
            ),
            // A.3: made with reserved octets set, an hour and more ago; and when it was new.
            Exchange(
                client: "203.0.113.203",
                seconds: 1_559_734_700,
                sent: "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
                received: "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
                status: .invalid
            ),
            Exchange(
                client: "203.0.113.203",
                seconds: 1_559_727_985,
                sent: "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
                received: "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
                status: .valid
            ),
            // A.4: over IPv6, made with the secret before.
            Exchange(
                client: "2001:db8:220:1:59de:d0f4:8769:82b8",
                seconds: 1_559_741_961,
                current: "445536bcd2513298075a5d379663c962",
                other: "dd3bdf9344b678b185a6f5cb60fca715",
                sent: "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
                received: "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
                status: .valid
            ),
            // Without that secret it is worth nothing.
            Exchange(
                client: "2001:db8:220:1:59de:d0f4:8769:82b8",
                seconds: 1_559_741_961,
                current: "445536bcd2513298075a5d379663c962",
                sent: "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
                received: "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
                status: .invalid
            ),
        ]
    )
    func vectors(exchange: Exchange) throws {
        try check(exchange)
    }

    @Test(
        "A cookie is worth something for an hour, from five minutes before, and is renewed after half an hour",
        arguments: [
            (-301, CookieStatus.invalid, false), (-300, .valid, true), (0, .valid, true), (1800, .valid, true),
            (1801, .valid, false), (3600, .valid, false), (3601, .invalid, false),
        ]
    )
    func ages(age: Int, status: CookieStatus, isKept: Bool) throws {
        let seconds = UInt32(1_559_731_985 + age)
        let (answer, found) = try ask(Self.good, from: "198.51.100.100", at: seconds, ask: Self.secret)
        #expect(found == status)
        #expect((answer == Self.good) == isKept)
        let (again, renewed) = try ask(answer, from: "198.51.100.100", at: seconds, ask: Self.secret)
        #expect(renewed == .valid && again == answer, "what is given is good")
    }

    @Test("Time may wrap between the making of a cookie and its return")
    func wrapping() throws {
        let (cookie, _) = try ask("2464c4abcf10c957", from: "192.0.2.1", at: .max - 10, ask: Self.secret)
        let (same, status) = try ask(cookie, from: "192.0.2.1", at: 20, ask: Self.secret)
        #expect(status == .valid && same == cookie)
    }

    @Test("Every bit of a cookie, and the client's address, count")
    func forgeries() throws {
        for bit in 0..<192 {
            var octets = Fixtures.octets(Self.good)
            octets[bit / 8] ^= 1 << UInt8(bit % 8)
            let forged = RecordData.opaque(octets).text
            let (_, status) = try ask(forged, from: "198.51.100.100", at: 1_559_731_985, ask: Self.secret)
            #expect(status == .invalid, "bit \(bit)")
        }
        for elsewhere in ["198.51.100.101", "2001:db8::1"] {
            let (_, status) = try ask(Self.good, from: elsewhere, at: 1_559_731_985, ask: Self.secret)
            #expect(status == .invalid)
        }
    }

    @Test("A secret staged for the next exchange is accepted before cookies are made from it")
    func rolling() throws {
        let (old, new) = (Self.secret, "445536bcd2513298075a5d379663c962")
        let (cookie, _) = try ask("2464c4abcf10c957", from: "192.0.2.1", at: 1000, ask: new)
        let (answer, status) = try ask(cookie, from: "192.0.2.1", at: 1000, ask: old, other: new)
        #expect(status == .valid)
        #expect(answer == (try ask("2464c4abcf10c957", from: "192.0.2.1", at: 1000, ask: old)).0)
    }

    @Test("Secrets are 32 hexadecimal digits and do not show themselves")
    func secrets() throws {
        for text in ["", "e5", Self.secret + "0", "g" + Self.secret.dropFirst(), "+" + Self.secret.dropFirst()] {
            #expect(CookieSecrets.Secret(text) == nil)
        }
        let secret = try #require(CookieSecrets.Secret(Self.secret))
        #expect(!"\(secret)".contains("e5"))
        #expect(CookieSecrets.Secret(Self.secret.uppercased()) == secret)
        #expect(CookieSecrets.Secret.random() != .random())
    }

    private static let secret = "e5e973e5a6b2a43f48e7dc849e37bfcf"

    private func check(_ exchange: Exchange) throws {
        let (cookie, status) = try ask(
            exchange.sent,
            from: exchange.client,
            at: exchange.seconds,
            ask: exchange.current,
            other: exchange.other
        )
        #expect(cookie == exchange.received)
        #expect(status == exchange.status)
    }

    /// What a server with the secrets `ask` and `other` makes of a cookie.
    private func ask(
        _ cookie: String,
        from client: String,
        at seconds: UInt32,
        ask current: String,
        other: String? = nil
    ) throws -> (cookie: String, status: CookieStatus) {
        var asker = Asker(ZoneFixture.store())
        asker.options.cookies = CookieSecrets(
            current: try #require(CookieSecrets.Secret(current)),
            other: try other.map { try #require(CookieSecrets.Secret($0)) }
        )
        asker.time.seconds = seconds
        let query = Message(
            id: 1,
            questions: [.init(name: DomainName("cluster.local")!, type: .soa)],
            edns: .init(udpPayloadSize: 1232, options: [.init(code: 10, data: Fixtures.octets(cookie))])
        )
        let client = ClientAddress(text: client)
        let status = asker.outcome(of: query.encoded().span, from: client).cookie
        let response = try Message(decoding: asker.ask(query.encoded(), from: client))
        let option = try #require(response.edns?.options.first { $0.code == 10 })
        return (RecordData.opaque(option.data).text, status)
    }
}
