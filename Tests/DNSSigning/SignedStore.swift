import DNSCore
import DNSSigning

func name(_ text: String) -> DomainName { DomainName(text)! }

/// Zones served with signatures, as one thread of the server sees them.
///
/// `shop.test` is signed and holds a name of each kind; `signed.shop.test` and `plain.shop.test` are zones below it;
/// `plain.test` is not signed.
final class SignedStore {
    static let start: Int64 = 1_800_000_000

    let store = ZoneStore()
    let signers: ZoneSigners
    let cache: SignatureCache
    let keys: [DomainName: ZoneKeys]
    let zones: [DomainName: Zone]
    private(set) var now = SignedStore.start
    private let reader: ReadEpochs.Reader
    private var scratch = AnswerScratch()
    private var signer: AnswerSigner
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_535, alignment: 8)
    /// Whether the last answer has to wait for a signature.
    private(set) var isHeld = false
    /// Runs after a plain answer was made and before it is signed.
    var interference: (() -> Void)?

    init(cache: SignatureCache = SignatureCache(), allowance: SigningAllowance = SigningAllowance(perSecond: 8000)) {
        self.cache = cache
        signers = ZoneSigners()
        let store = self.store
        func zone(_ apex: String, _ records: [(String, RecordType, [RecordData])]) -> Zone {
            let zone = Zone(
                apex: name(apex),
                authority: StartOfAuthority(
                    primary: name("ns.dns.\(apex)"),
                    mailbox: name("hostmaster.\(apex)"),
                    serial: 1,
                    minimum: 5
                ),
                ttl: 5,
                epochs: store.epochs
            )
            var changes: [OwnerChange] = []
            for (owner, type, data) in records {
                let owner = name(owner.isEmpty ? apex : "\(owner).\(apex)")
                let set = RecordSet(type: type, ttl: 5, data: data)
                if let index = changes.firstIndex(where: { $0.owner == owner }) {
                    changes[index].sets.append(set)
                } else {
                    changes.append(OwnerChange(owner: owner, sets: [set]))
                }
            }
            precondition(zone.apply(changes).rejected.isEmpty)
            zone.freshness = .current
            return zone
        }
        let many = (0..<60).map { RecordData.a(0x0a00_0100 + $0) }
        let wide = (0..<40).map {
            RecordData.srv(priority: 0, weight: 1, port: 80, target: name("h\($0).wide.shop.test"))
        }
        let zones = [
            zone(
                "shop.test",
                [
                    ("", .ns, [.ns(name("ns.dns.shop.test"))]), ("ns.dns", .a, [.a(0x7f00_0001)]),
                    ("cart", .a, [.a(0x0a00_0001), .a(0x0a00_0002)]),
                    ("cart", .aaaa, [.aaaa(high: 1 << 60, low: 1)]), ("cart", .txt, [.txt([Array("v=1".utf8)])]),
                    (
                        "_http._tcp.cart", .srv,
                        [
                            .srv(priority: 0, weight: 1, port: 80, target: name("h1.cart.shop.test")),
                            .srv(priority: 0, weight: 1, port: 80, target: name("h2.cart.shop.test")),
                            .srv(priority: 0, weight: 1, port: 80, target: name("host.plain.test")),
                        ]
                    ), ("h1.cart", .a, [.a(0x0a00_0001)]), ("h2.cart", .a, [.a(0x0a00_0002)]),
                    ("near", .cname, [.cname(name("cart.shop.test"))]),
                    ("far", .cname, [.cname(name("host.plain.test"))]),
                    ("gone", .cname, [.cname(name("nothing.shop.test"))]),
                    ("lost", .cname, [.cname(name("nothing.plain.test"))]),
                    ("out", .cname, [.cname(name("www.example.com"))]), ("many", .a, many), ("wide", .srv, wide),
                ] + (0..<40).map { ("h\($0).wide", .a, [.a(0x0a01_0000 + $0)]) }
            ), zone("signed.shop.test", [("", .ns, [.ns(name("ns.dns.shop.test"))]), ("a", .a, [.a(1)])]),
            zone("plain.shop.test", [("", .ns, [.ns(name("ns.dns.shop.test"))]), ("a", .a, [.a(1)])]),
            zone(
                "plain.test",
                [
                    ("host", .a, [.a(0x0a00_0009)]), ("back", .cname, [.cname(name("cart.shop.test"))]),
                    ("_http._tcp", .srv, [.srv(priority: 0, weight: 1, port: 80, target: name("h1.cart.shop.test"))]),
                ]
            ),
        ]
        var keys: [DomainName: ZoneKeys] = [:]
        var zoneSigners: [ZoneSigner] = []
        for apex in ["shop.test", "signed.shop.test"].map(name) {
            let own = ZoneKeys(
                zone: apex,
                keys: [true, false].map { SigningKey.generate(for: apex, isKeySigning: $0) }
            )
            keys[apex] = own
            let zone = zones.first { $0.apex == apex }!
            let ns = RecordSet(type: .ns, ttl: 5, data: [.ns(name("ns.dns.shop.test"))])
            zone.apply([OwnerChange(owner: apex, sets: [ns] + own.apexSets(at: Self.start))])
            zone.isSigned = true
            let signer = ZoneSigner(apex: apex, cache: cache)
            signer.use(own, at: Self.start)
            zoneSigners.append(signer)
        }
        signers.use(zoneSigners)
        store.serve(zones)
        self.keys = keys
        self.zones = Dictionary(uniqueKeysWithValues: zones.map { ($0.apex, $0) })
        reader = store.epochs.makeReader()
        signer = AnswerSigner(signers, allowance: allowance)
    }

    deinit {
        store.epochs.remove(reader)
        buffer.deallocate()
    }

    func pass(_ seconds: Int64) { now += seconds }

    func ask(
        _ text: String,
        _ type: RecordType,
        dnssecOK: Bool = true,
        compactAnswersOK: Bool = false,
        payload: UInt16 = 1232,
        over transport: Transport = .datagram,
        options: [Message.Extension.Option] = []
    ) throws -> Message {
        let query = Message(
            id: 7,
            questions: [.init(name: name(text), type: type)],
            edns: .init(
                udpPayloadSize: payload,
                dnssecOK: dnssecOK,
                compactAnswersOK: compactAnswersOK,
                options: options
            )
        )
        return try Message(decoding: ask(query.encoded(), over: transport))
    }

    func ask(_ request: [UInt8], over transport: Transport) -> [UInt8] {
        let interference = interference
        let length = store.read(as: reader) { zones -> Int in
            let options = AnswerOptions()
            let client = ClientAddress(high: 0, low: 0)
            let time = QueryTime(seconds: UInt32(now), ticks: UInt32(1000 * (now - Self.start)))
            let plain = answer(
                request.span,
                from: client,
                over: transport,
                at: time,
                zones: zones,
                options: options,
                scratch: &scratch,
                into: buffer
            )
            isHeld = false
            guard plain.elaboration == .signatures else { return plain.length }
            let signed = signer.elaborate(
                plain,
                of: request.span,
                over: transport,
                at: time,
                zones: zones,
                options: options,
                scratch: &scratch,
                into: buffer
            ) { zones, scratch, plain in
                let outcome = answer(
                    request.span,
                    from: client,
                    over: .stream,
                    at: time,
                    zones: zones,
                    options: options,
                    scratch: &scratch,
                    into: plain
                )
                interference?()
                return outcome
            }
            isHeld = signed.elaboration == .signatures
            return signed.length
        }
        return Array(buffer.prefix(length))
    }
}
