import DNSCore
import DNSSigning
import Testing

@Suite struct TransferSignerTests {
    @Test("a zone signed name by name has a closed chain of denials, and every set of it verifies")
    func chain() throws {
        let apex = name("z.test")
        let keys = ZoneKeys(
            zone: apex,
            keys: [true, false].map { SigningKey.generate(for: apex, isKeySigning: $0) }
        )
        let signer = ZoneSigner(apex: apex, cache: SignatureCache())
        signer.use(keys, at: 1_800_000_000)
        let authority = StartOfAuthority(primary: name("ns.z.test"), mailbox: name("h.z.test"), serial: 1, minimum: 30)
        let transfer = TransferSigner(signer, authority: authority, ttl: 60, at: 1_800_000_000)
        let soa = RecordSet(type: .soa, ttl: 60, data: [.soa(authority)])
        var names: [(DomainName, [RecordSet])] = ["b.a", "a", "c.b.a", "_tcp", "z", "1"].map { text in
            (name("\(text).z.test"), [RecordSet(type: .a, ttl: 60, data: [.a(1), .a(2)])])
        }
        names.append((apex, [soa] + keys.apexSets(at: 1_800_000_000)))
        names.sort { $0.0.canonicallyPrecedes($1.0) }
        #expect(names[0].0 == apex)
        var records: [ResourceRecord] = []
        for (index, (owner, sets)) in names.enumerated() {
            let next = names[(index + 1) % names.count].0
            let own = try #require(transfer.records(of: owner, sets, next: next))
            let proof = try #require(Proof(own))
            #expect(proof.owner == owner && proof.next == next)
            #expect(proof.types == Set(sets.map(\.type)).union([.rrsig, .nsec]))
            #expect(own.filter { $0.type == .nsec }.allSatisfy { $0.ttl == 30 })
            records += own
        }
        let validator = Validator(keys: [apex: keys.keys.map(\.key)], now: 1_800_000_000)
        #expect(validator.faults(records) == [])
    }

    @Test("without a key nothing is handed out unsigned")
    func noKey() {
        let apex = name("z.test")
        let authority = StartOfAuthority(primary: apex, mailbox: apex, serial: 1)
        let transfer = TransferSigner(
            ZoneSigner(apex: apex, cache: SignatureCache()),
            authority: authority,
            ttl: 5,
            at: 0
        )
        #expect(transfer.records(of: apex, [RecordSet(type: .soa, ttl: 5, data: [.soa(authority)])], next: apex) == nil)
    }
}
