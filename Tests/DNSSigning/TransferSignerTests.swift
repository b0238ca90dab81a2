import DNSCore
import DNSSigning
import Testing

@Suite struct TransferSignerTests {
    private let now: Int64 = 1_800_000_000
    private let store = ZoneStore()

    /// A zone with keys, made of owners relative to its apex and their sets.
    private func zone(_ apex: DomainName, _ keys: ZoneKeys, _ owners: [(String, [RecordSet])]) -> Zone {
        let authority = StartOfAuthority(
            primary: name("ns.z.test"),
            mailbox: name("h.z.test"),
            serial: 1,
            minimum: 30
        )
        let zone = Zone(apex: apex, authority: authority, ttl: 60, epochs: store.epochs)
        let ns = RecordSet(type: .ns, ttl: 60, data: [.ns(name("ns.z.test"))])
        zone.apply([OwnerChange(owner: apex, sets: [ns] + keys.apexSets(at: now))])
        let changes = owners.map { OwnerChange(owner: name("\($0).\(apex)"), sets: $1) }
        #expect(zone.apply(changes).rejected.isEmpty)
        return zone
    }

    /// Everything in a transfer, in its order; `nil` when it breaks off.
    private func transfer(_ zone: Zone, _ signer: TransferSigner, messageSize: Int = 16_000) throws -> [ResourceRecord]?
    {
        let reader = store.epochs.makeReader()
        defer { store.epochs.remove(reader) }
        let query = Message(id: 3, questions: [.init(name: zone.apex, type: .axfr)]).encoded()
        let transfer = ZoneTransfer.full(of: zone, .init(replyingTo: query)) {
            signer.supplement(to: $0, $1, next: $2)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_535, alignment: 8)
        defer { buffer.deallocate() }
        var records: [ResourceRecord] = []
        while case .message(let length, let isLast) = transfer.nextMessage(
            into: buffer,
            size: messageSize,
            reader: reader
        ) {
            records += try Message(decoding: Array(buffer[..<length])).answers
            if isLast { return records }
        }
        return nil
    }

    private func makeKeys(_ apex: DomainName, _ keySigning: [Bool] = [true, false]) -> ZoneKeys {
        ZoneKeys(zone: apex, keys: keySigning.map { SigningKey.generate(for: apex, isKeySigning: $0) })
    }

    private func signer(_ keys: ZoneKeys, cache: SignatureCache = SignatureCache()) -> ZoneSigner {
        let signer = ZoneSigner(apex: keys.zone, cache: cache)
        signer.use(keys, at: now)
        return signer
    }

    /// One set of every kind of data, below names whose canonical order is not that of their octets, some of them with empty
    /// non-terminals above.
    private var owners: [(String, [RecordSet])] {
        func addresses(_ numbers: UInt32...) -> RecordSet { .init(type: .a, ttl: 60, data: numbers.map { .a($0) }) }
        let target = name("1.z.test")
        return [
            ("b.a", [addresses(1, 2)]), ("a", [addresses(2, 1)]), ("c.b.a", [addresses(3)]), ("z", [addresses(4)]),
            ("1", [addresses(9), .init(type: .aaaa, ttl: 60, data: [.aaaa(high: 1, low: 2)])]), ("aa", [addresses(5)]),
            ("a-", [addresses(6)]), ("x.y.empty", [addresses(7)]), ("\\001.a", [addresses(8)]),
            (
                "_http._tcp.web",
                [
                    .init(
                        type: .srv,
                        ttl: 60,
                        data: (0..<40).map { .srv(priority: 0, weight: 1, port: 80 + $0, target: target) }
                    )
                ]
            ), ("alias", [.init(type: .cname, ttl: 60, data: [.cname(name("web.elsewhere"))])]),
            ("to", [.init(type: .cname, ttl: 60, data: [.cname(target)])]),
            ("9.rev", [.init(type: .ptr, ttl: 60, data: [.ptr(target), .ptr(name("b.a.z.test"))])]),
            ("text", [.init(type: .txt, ttl: 7, data: [.txt([[0x41, 0], [0x62]]), .txt([[]])])]),
            ("bound", [.init(type: .svcb, ttl: 60, data: [.opaque([0, 1, 0])])]),
        ]
    }

    @Test(
        "a signed zone is transferred with a closed chain of denials, and every set of it verifies",
        arguments: [[true, false], [true], [true, true, false, false]],
        [400, 16_000]
    )
    func chain(keySigning: [Bool], messageSize: Int) throws {
        let apex = name("z.test")
        let keys = makeKeys(apex, keySigning)
        let zone = zone(apex, keys, owners)
        let signer = TransferSigner(signer(keys), denialTTL: zone.negativeTTL, at: now)
        let records = try #require(try transfer(zone, signer, messageSize: messageSize))
        #expect(records.first?.type == .soa && records.first == records.last)
        let validator = Validator(keys: [apex: keys.keys.map(\.key)], now: now)
        #expect(validator.faults(Array(records.dropLast())) == [])

        let denials = records.filter { $0.type == .nsec }
        #expect(denials.allSatisfy { $0.ttl == 30 })
        let proofs = try denials.map { try #require(Proof([$0])) }
        let names = [apex] + owners.map { name("\($0.0).z.test") }
        #expect(proofs.map(\.owner) == names.sorted { $0.canonicallyPrecedes($1) })
        #expect(proofs.map(\.next) == Array(proofs.map(\.owner).dropFirst()) + [apex])
        for proof in proofs {
            #expect(proof.types == Set(records.filter { $0.owner == proof.owner }.map(\.type)), "\(proof.owner)")
        }
        // The zone as it is, and nothing else.
        let plain = records.filter { ![.rrsig, .nsec].contains($0.type) }.dropLast()
        let sets = Dictionary(grouping: plain) { "\($0.owner) \($0.type.rawValue)" }
        for (owner, own) in owners {
            for set in own {
                let found = sets["\(owner).z.test. \(set.type.rawValue)"] ?? []
                #expect(found.map(\.data) == set.data && found.allSatisfy { $0.ttl == set.ttl }, "\(owner)")
            }
        }
        #expect(sets.count == owners.reduce(3) { $0 + $1.1.count })
    }

    @Test("a zone that holds nothing but its apex is a chain of one")
    func apexAlone() throws {
        let apex = name("z.test")
        let keys = makeKeys(apex)
        let zone = zone(apex, keys, [])
        let signer = TransferSigner(signer(keys), denialTTL: 30, at: now)
        let records = try #require(try transfer(zone, signer))
        let proof = try #require(Proof(records))
        #expect(proof.owner == apex && proof.next == apex)
    }

    @Test("a signature that is still fresh is not made again, and a transfer keeps to the keys it began with")
    func reuse() throws {
        let apex = name("z.test")
        let keys = makeKeys(apex)
        let zone = zone(apex, keys, owners)
        let zoneSigner = signer(keys)
        let before = TransferSigner(zoneSigner, denialTTL: 30, at: now)
        let first = try #require(try transfer(zone, before))
        #expect(try transfer(zone, TransferSigner(zoneSigner, denialTTL: 30, at: now + 86_400)) == first)
        zoneSigner.use(makeKeys(apex), at: now)
        #expect(try transfer(zone, before) == first)
        #expect(try transfer(zone, TransferSigner(zoneSigner, denialTTL: 30, at: now)) != first)
    }

    @Test("without a key nothing is handed out unsigned")
    func noKey() throws {
        let apex = name("z.test")
        let zone = zone(apex, makeKeys(apex), owners)
        let signer = ZoneSigner(apex: apex, cache: SignatureCache())
        #expect(try transfer(zone, TransferSigner(signer, denialTTL: 30, at: now)) == nil)
    }

    @Test("a copy that follows the serial, or is given up a day after contact was lost, has no signature near its end")
    func renewal() throws {
        let apex = name("z.test")
        let keys = makeKeys(apex)
        let zone = zone(apex, keys, owners)
        let zoneSigner = signer(keys)
        var renewal = ZoneRenewal()
        var copy: [ResourceRecord] = []
        var (renewals, serial) = (0, zone.serial)
        // Three weeks, looked at every ten minutes by a secondary that refreshes every two hours and is never told.
        for step in 0..<(21 * 144) {
            let moment = now + Int64(step) * 600
            if renewal.isDue(at: zone.serial, now: moment) {
                zone.renew()
                renewals += 1
            }
            if step % 12 == 0, copy.isEmpty || zone.serial != serial {
                serial = zone.serial
                let signer = TransferSigner(zoneSigner, denialTTL: 30, at: moment)
                copy = try #require(try transfer(zone, signer))
            }
            let ends = copy.compactMap { Validator.Signature($0)?.expiration }
            #expect(try #require(ends.min()) > moment + 2 * 86_400)
        }
        #expect(renewals == 20)
    }

    @Test("a zone that changes needs no renewal, and a clock that is put back begins anew")
    func renewalMoments() {
        var renewal = ZoneRenewal()
        let looks: [(serial: UInt32, now: Int64, isDue: Bool)] = [
            (1, 1000, false), (1, 1000 + 86_399, false), (1, 1000 + 86_400, true), (2, 1000 + 86_400, false),
            (3, 1000 + 2 * 86_400, false), (3, 0, false), (3, 86_400, true),
        ]
        for look in looks {
            let isDue = renewal.isDue(at: look.serial, now: look.now)
            #expect(isDue == look.isDue, "\(look)")
        }
    }
}
