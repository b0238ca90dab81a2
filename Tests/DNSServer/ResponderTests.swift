import DNSCore
import DNSSigning
import DNSTransfer
import Glibc
import ServiceCatalog
import Testing

@testable import DNSServer

/// One thread's answers to a flood, in the order in which it decides what to pay for.
@Suite struct ResponderTests {
    private static let apex = DomainName("example.test")!
    private static let key = TSIGKey(name: DomainName("k.test")!, algorithm: .hmacSHA256, secret: Array("secret".utf8))

    /// A signed zone with one host, which can be transferred, as one UDP thread answers it at one moment.
    private struct Thread: ~Copyable {
        let cache = SignatureCache()
        private let store = ZoneStore()
        private let reader: ReadEpochs.Reader
        private var responder: Responder
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1232, alignment: 8)

        init(rateLimit: RateLimit?) {
            let authority = StartOfAuthority(primary: apex, mailbox: apex, serial: 1)
            let zone = Zone(apex: apex, authority: authority, ttl: 5, epochs: store.epochs)
            let set = RecordSet(type: .a, ttl: 5, data: [.a(1)])
            zone.apply([OwnerChange(owner: apex.prefixed(by: "host")!, sets: [set])])
            zone.freshness = .current
            zone.isSigned = true
            store.serve([zone])
            let signer = ZoneSigner(apex: apex, cache: cache)
            let keys = ZoneKeys(zone: apex, keys: [.generate(for: apex, isKeySigning: true)])
            signer.use(keys, at: Int64(time(nil)))
            let signers = ZoneSigners()
            signers.use([signer])
            let transfers = TransferService(signers: signers, logger: .quiet)
            var policy = TransferService.Policy()
            policy.keys = TSIGKeyring([key])
            policy.zones = [apex]
            policy.offers = [apex: .init(zone: zone, access: TransferAccess([.init(key: key.name)]))]
            transfers.policy = policy
            reader = store.epochs.makeReader()
            responder = Responder(
                options: AnswerOptions(),
                epochs: store.epochs,
                signers: signers,
                transfers: transfers,
                rateLimit: rateLimit
            )
        }

        deinit {
            store.epochs.remove(reader)
            buffer.deallocate()
        }

        /// The answer to a datagram; `nil` when there is none.
        mutating func ask(_ request: [UInt8]) throws -> Message? {
            let time = QueryTime(seconds: UInt32(time(nil)), ticks: 1)
            let length = store.read(as: reader) { zones in
                responder.respond(
                    to: request.span,
                    from: ClientAddress(high: 0, low: 9),
                    over: .datagram,
                    at: time,
                    zones: zones,
                    into: buffer
                ).length
            }
            return length == 0 ? nil : try Message(decoding: Array(buffer[..<length]))
        }
    }

    private static func query(_ label: String, _ type: RecordType, dnssecOK: Bool = true) -> Message {
        var query = Message(id: 7, questions: [.init(name: apex.prefixed(by: label) ?? apex, type: type)])
        query.edns = .init(udpPayloadSize: 1232, dnssecOK: dnssecOK)
        return query
    }

    private static func authenticated(_ query: Message, _ key: TSIGKey = key) -> [UInt8] {
        var bytes = query.encoded()
        var signer = TSIGSigner(key: key)
        signer.sign(&bytes, now: UInt64(time(nil)))
        return bytes
    }

    private static func limit(_ perSecond: Int, slip: Int) -> RateLimit {
        var limit = RateLimit(perSecond: perSecond)
        limit.slip = slip
        return limit
    }

    @Test("a flood of names that are not there costs no more signatures than answers are sent whole")
    func denials() throws {
        var thread = Thread(rateLimit: Self.limit(5, slip: 2))
        var (whole, short, none) = (0, 0, 0)
        for index in 0..<105 {
            guard let answer = try thread.ask(Self.query("no-\(index)", .a).encoded()) else {
                none += 1
                continue
            }
            if answer.flags.contains(.truncated) {
                short += 1
                #expect(answer.authorities.isEmpty && answer.code == .noError && answer.edns?.dnssecOK == true)
            } else {
                whole += 1
                #expect(answer.authorities.contains { $0.type == .nsec })
            }
        }
        #expect(whole == 5 && short == 50 && none == 50)
        // One for each denial, and one for the SOA record.
        #expect(thread.cache.count == 6)
    }

    @Test("signed queries over the limit slip with TC and a signature, of answers and of transfers")
    func authentication() throws {
        var ixfr = Self.query("", .ixfr)
        let authority = StartOfAuthority(primary: .root, mailbox: .root, serial: 0)
        ixfr.authorities = [ResourceRecord(owner: Self.apex, type: .soa, ttl: 0, data: .soa(authority))]
        for query in [Self.query("host", .a), ixfr] {
            var thread = Thread(rateLimit: Self.limit(1, slip: 2))
            let request = Self.authenticated(query)
            let first = try #require(try thread.ask(request))
            #expect(!first.answers.isEmpty && first.additionals.map(\.type) == [.tsig])
            #expect(try thread.ask(request) == nil)
            let short = try #require(try thread.ask(request))
            #expect(short.flags.contains(.truncated) && short.code == .noError && short.answers.isEmpty)
            #expect(short.additionals.map(\.type) == [.tsig] && short.edns?.options.isEmpty == true)
        }
    }

    @Test("who slips with a wrong key is told that it is wrong")
    func wrongKey() throws {
        var thread = Thread(rateLimit: Self.limit(1, slip: 1))
        let wrong = TSIGKey(name: Self.key.name, algorithm: .hmacSHA256, secret: [1])
        let request = Self.authenticated(Self.query("host", .a), wrong)
        for _ in 0..<3 { #expect(try thread.ask(request)?.code == .notAuth) }
    }
}
