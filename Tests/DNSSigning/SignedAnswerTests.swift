import DNSCore
import DNSSigning
import Testing

@Suite struct SignedAnswerTests {
    private static func validator(_ store: SignedStore) -> Validator {
        Validator(
            keys: store.keys.mapValues { $0.keys.map(\.key) },
            unsigned: ["plain.test", "plain.shop.test"].map(name),
            now: store.now
        )
    }

    private static func check(_ message: Message, _ store: SignedStore) {
        let validator = validator(store)
        for section in [message.answers, message.authorities, message.additionals] {
            #expect(validator.faults(section) == [])
        }
    }

    private static func plain(_ records: [ResourceRecord]) -> [String] {
        records.filter { $0.type != .rrsig }.map { "\($0.owner) \($0.type.rawValue)" }
    }

    @Test(
        "every set of a signed zone comes with signatures that verify, and sets of other zones come without",
        arguments: [
            ("cart.shop.test", RecordType.a, 2, 0), ("cart.shop.test", .aaaa, 1, 0), ("cart.shop.test", .txt, 1, 0),
            ("shop.test", .soa, 1, 0), ("shop.test", .ns, 1, 1), ("shop.test", .dnskey, 2, 0),
            ("_http._tcp.cart.shop.test", .srv, 3, 3), ("near.shop.test", .a, 3, 0), ("near.shop.test", .cname, 1, 0),
            ("far.shop.test", .a, 2, 0), ("out.shop.test", .a, 1, 0), ("back.plain.test", .a, 3, 0),
            ("_http._tcp.plain.test", .srv, 1, 1), ("cart.shop.test", .any, 1, 0),
        ]
    )
    func positive(text: String, type: RecordType, answers: Int, additionals: Int) throws {
        let store = SignedStore()
        let message = try store.ask(text, type)
        #expect(message.code == .noError)
        #expect(Self.plain(message.answers).count == answers)
        #expect(Self.plain(message.additionals).count == additionals)
        #expect(message.authorities.isEmpty)
        #expect(message.edns?.dnssecOK == true)
        Self.check(message, store)
    }

    struct Negative: Sendable, CustomTestStringConvertible {
        let name: String
        let type: RecordType
        /// At which name what is denied.
        let denied: String
        let types: Set<RecordType>
        /// With CO.
        var code = ResponseCode.noError

        var testDescription: String { "\(name) \(type.rawValue)" }
    }

    @Test(
        "a negative answer proves exactly what it claims",
        arguments: [
            Negative(name: "cart.shop.test", type: .srv, denied: "cart.shop.test", types: [.a, .aaaa, .txt]),
            Negative(name: "_tcp.cart.shop.test", type: .a, denied: "_tcp.cart.shop.test", types: []),
            Negative(name: "shop.test", type: .a, denied: "shop.test", types: [.soa, .ns, .dnskey]),
            Negative(name: "shop.test", type: .ds, denied: "shop.test", types: [.soa, .ns, .dnskey]),
            Negative(name: "near.shop.test", type: .srv, denied: "cart.shop.test", types: [.a, .aaaa, .txt]),
            Negative(
                name: "no.shop.test",
                type: .a,
                denied: "no.shop.test",
                types: [.nxname],
                code: .nxDomain
            ),
            Negative(
                name: "b.no.cart.shop.test",
                type: .a,
                denied: "b.no.cart.shop.test",
                types: [.nxname],
                code: .nxDomain
            ),
            Negative(
                name: "gone.shop.test",
                type: .a,
                denied: "nothing.shop.test",
                types: [.nxname],
                code: .nxDomain
            ),
        ]
    )
    func negative(negative: Negative) throws {
        let store = SignedStore()
        for compact in [false, true] {
            let message = try store.ask(negative.name, negative.type, compactAnswersOK: compact)
            #expect(message.code == (compact ? negative.code : .noError))
            #expect(message.edns?.compactAnswersOK == compact)
            #expect(message.authorities.filter { $0.type == .soa }.count == 1)
            let proof = try #require(Proof(message.authorities))
            #expect(proof.owner == name(negative.denied))
            #expect(proof.next == name(#"\000.\#(negative.denied)"#))
            #expect(proof.types == negative.types.union([.nsec, .rrsig]))
            Self.check(message, store)
        }
    }

    @Test("an alias that ends in nothing of an unsigned zone is NXDOMAIN, and the alias is signed")
    func aliasIntoUnsigned() throws {
        let store = SignedStore()
        let message = try store.ask("lost.shop.test", .a)
        #expect(message.code == .nxDomain)
        #expect(Proof(message.authorities) == nil)
        Self.check(message, store)
    }

    @Test("without DO nothing changes: NXDOMAIN stays, no signature comes, and keys are records like others")
    func withoutDNSSEC() throws {
        let store = SignedStore()
        let missing = try store.ask("no.shop.test", .a, dnssecOK: false, compactAnswersOK: true)
        #expect(missing.code == .nxDomain)
        #expect(missing.authorities.map(\.type) == [.soa])
        #expect(missing.edns?.compactAnswersOK == false)
        #expect(try store.ask("cart.shop.test", .a, dnssecOK: false).answers.map(\.type) == [.a, .a])
        #expect(try store.ask("shop.test", .dnskey, dnssecOK: false).answers.map(\.type) == [.dnskey, .dnskey])
        #expect(store.cache.count == 0)
    }

    @Test("with DO an unsigned zone is answered as before")
    func unsignedZone() throws {
        let store = SignedStore()
        let message = try store.ask("no.plain.test", .a)
        #expect(message.code == .nxDomain)
        #expect(message.authorities.map(\.type) == [.soa])
        #expect(store.cache.count == 0)
    }

    @Test("NSEC and RRSIG can be asked for, since every bitmap says that they are there")
    func signatureTypes() throws {
        let store = SignedStore()
        for text in ["cart.shop.test", "no.shop.test"] {
            let denial = try store.ask(text, .nsec)
            #expect(Self.plain(denial.answers) == ["\(name(text)) 47"])
            Self.check(denial, store)
            let signature = try store.ask(text, .rrsig)
            #expect(signature.answers.map(\.type) == [.rrsig])
            #expect(signature.answers.compactMap { Validator.Signature($0) }.map(\.covered) == [.nsec])
        }
    }

    @Test("the zone above answers for DS: with the keys of a signed zone below, else with an unsigned delegation")
    func delegations() throws {
        let store = SignedStore()
        let signed = try store.ask("signed.shop.test", .ds)
        #expect(Self.plain(signed.answers) == ["signed.shop.test. 43"])
        let key = try #require(store.keys[name("signed.shop.test")]?.delegated(at: store.now).first)
        #expect(signed.answers.first?.data == .opaque(key.delegation))
        let faults = Self.validator(store).faults(signed.answers)
        #expect(faults == [])
        let plain = try store.ask("plain.shop.test", .ds)
        let proof = try #require(Proof(plain.authorities))
        #expect(proof.types == [.ns, .nsec, .rrsig])
        #expect(proof.owner == name("plain.shop.test"))
        #expect(plain.authorities.first?.owner == name("shop.test"))
        #expect(try store.ask("signed.shop.test", .ds, dnssecOK: false).answers.map(\.type) == [.ds])
        Self.check(try store.ask("a.signed.shop.test", .a), store)
    }

    @Test(
        "what does not fit is left out by whole sets: TC for answers, none for additional sets",
        arguments: [512, 600, 800, 1232, 4096] as [UInt16]
    )
    func limits(payload: UInt16) throws {
        let store = SignedStore()
        for (text, type) in [
            ("many.shop.test", RecordType.a), ("wide.shop.test", .srv), ("cart.shop.test", .a), ("no.shop.test", .a),
            ("shop.test", .dnskey), ("_http._tcp.cart.shop.test", .srv), ("near.shop.test", .a),
        ] {
            let message = try store.ask(text, type, payload: payload)
            #expect(message.encoded().count <= min(payload, 1232))
            Self.check(message, store)
            let whole = try store.ask(text, type, over: .stream)
            #expect(!whole.flags.contains(.truncated))
            Self.check(whole, store)
            if message.flags.contains(.truncated) {
                #expect(message.additionals.isEmpty)
            } else {
                #expect(Set(Self.plain(message.answers)) == Set(Self.plain(whole.answers)))
            }
            #expect(message.edns != nil)
        }
        #expect(try store.ask("many.shop.test", .a, payload: payload).flags.contains(.truncated) == (payload < 1232))
        let wide = try store.ask("wide.shop.test", .srv, over: .stream)
        #expect(Self.plain(wide.additionals).count == 32, "no more sets are signed for one additional section")
    }

    @Test("the question comes back as it was asked, case and all")
    func questionCase() throws {
        let store = SignedStore()
        var query = Message(
            id: 9,
            questions: [.init(name: name("cart.shop.test"), type: .a)],
            edns: .init(udpPayloadSize: 1232, dnssecOK: true)
        ).encoded()
        query[13] = UInt8(ascii: "C")
        let response = store.ask(query, over: .datagram)
        #expect(response[12..<32] == query[12..<32])
        let message = try Message(decoding: response)
        Self.check(message, store)
    }

    @Test("signatures are made once, and anew when half of their time is over")
    func refresh() throws {
        let store = SignedStore()
        let first = try store.ask("cart.shop.test", .aaaa)
        store.pass(86_400)
        #expect(try store.ask("cart.shop.test", .aaaa) == first)
        store.pass(5 * 86_400)
        let second = try store.ask("cart.shop.test", .aaaa)
        store.pass(3 * 86_400)
        let third = try store.ask("cart.shop.test", .aaaa)
        #expect(third != first)
        #expect(second == first || second == third)
        Self.check(third, store)
    }

    @Test("a rotated order of the same records costs no further signature")
    func rotation() throws {
        let store = SignedStore()
        for _ in 0..<16 { Self.check(try store.ask("cart.shop.test", .a), store) }
        #expect(store.cache.count == 1)
    }

    @Test("the cache keeps what is used, within its bound")
    func cacheBound() throws {
        let store = SignedStore(cache: SignatureCache(lasting: 4, passing: 8))
        let kept = try store.ask("cart.shop.test", .aaaa)
        for index in 0..<200 {
            Self.check(try store.ask("no\(index).shop.test", .a), store)
            Self.check(try store.ask("h\(index % 40).wide.shop.test", .a), store)
            #expect(try store.ask("cart.shop.test", .aaaa) == kept)
            #expect(store.cache.count <= 24)
        }
    }

    @Test("beyond the allowance a denial over UDP is TC alone, and one over a stream waits")
    func allowance() throws {
        let store = SignedStore(allowance: SigningAllowance(perSecond: 24))
        let truncated = try (0..<6).map { try store.ask("no\($0).shop.test", .a).flags.contains(.truncated) }
        #expect(truncated == [false, false, false, true, true, true])
        #expect(try store.ask("no1.shop.test", .a).flags.contains(.truncated) == false, "known signatures are free")
        let refused = try store.ask("no5.shop.test", .a)
        #expect(Proof(refused.authorities) == nil)
        Self.check(refused, store)
        _ = try store.ask("no5.shop.test", .a, over: .stream)
        #expect(store.isHeld)
        Self.check(try store.ask("cart.shop.test", .a, over: .stream), store)
        #expect(!store.isHeld)
        store.pass(1)
        Self.check(try store.ask("no5.shop.test", .a, over: .stream), store)
        #expect(!store.isHeld)
        #expect(try store.ask("no6.shop.test", .a).flags.contains(.truncated) == false)
    }

    @Test("a change between answer and proof has the question answered anew")
    func race() throws {
        let store = SignedStore()
        let zone = store.zones[name("shop.test")]!
        var isFirst = true
        store.interference = {
            guard isFirst else { return }
            isFirst = false
            let set = RecordSet(type: .a, ttl: 5, data: [.a(1)])
            zone.apply([OwnerChange(owner: name("new.shop.test"), sets: [set])])
        }
        let message = try store.ask("new.shop.test", .a)
        #expect(Self.plain(message.answers) == ["new.shop.test. 1"])
        Self.check(message, store)
    }

    @Test("a zone that changes under every attempt is SERVFAIL, never a proof of something else")
    func endlessRace() throws {
        let store = SignedStore()
        let zone = store.zones[name("shop.test")]!
        var isThere = false
        store.interference = {
            isThere.toggle()
            let set = RecordSet(type: .a, ttl: 5, data: [.a(1)])
            zone.apply([OwnerChange(owner: name("new.shop.test"), sets: isThere ? [set] : [])])
        }
        let message = try store.ask("new.shop.test", .txt)
        #expect(message.code == .servFail)
        #expect(message.authorities.isEmpty && message.edns != nil)
    }

    @Test("names of any octets and any length up to 255 are denied by proofs that verify")
    func anyName() throws {
        let store = SignedStore()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var text = name("shop.test")
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let label = (0..<Int.random(in: 1...63, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                text = text.prefixed(by: label) ?? text
            }
            guard text.wire.count > 11 else { continue }
            let query = Message(
                id: 1,
                questions: [.init(name: text, type: .a)],
                edns: .init(udpPayloadSize: 1232, dnssecOK: true)
            )
            let message = try Message(decoding: store.ask(query.encoded(), over: .stream))
            let proof = try #require(Proof(message.authorities))
            #expect(proof.owner == text && text.canonicallyPrecedes(proof.next))
            #expect(proof.types == [.nsec, .rrsig, .nxname])
            Self.check(message, store)
        }
    }
}
