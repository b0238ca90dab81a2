import DNSCore
import Testing

@Suite struct ZoneTests {
    private let apex = DomainName("example.com")!

    private func a(_ addresses: UInt32...) -> RecordSet {
        RecordSet(type: .a, ttl: 5, data: addresses.map { .a($0) })
    }

    private func serve(_ zone: Zone, in store: ZoneStore) {
        zone.freshness = .current
        store.serve([zone])
    }

    @Test("a name goes with its last set, and with it the empty names above it")
    func removal() throws {
        let store = ZoneStore()
        let zone = Zone(apex, in: store)
        serve(zone, in: store)
        let deep = DomainName("a.b.c.example.com")!
        let side = DomainName("x.c.example.com")!
        zone.apply([OwnerChange(owner: deep, sets: [a(1)]), OwnerChange(owner: side, sets: [a(2)])])
        #expect(zone.statistics.names == 4)
        var asker = Asker(store)
        #expect(try asker.ask("b.c.example.com", .a).code == .noError)
        zone.apply([OwnerChange(owner: deep, sets: [])])
        #expect(zone.statistics.names == 2)
        #expect(try asker.ask("a.b.c.example.com", .a).code == .nxDomain)
        #expect(try asker.ask("b.c.example.com", .a).code == .nxDomain)
        #expect(try asker.ask("c.example.com", .a).code == .noError)
        zone.apply([OwnerChange(owner: side, sets: [])])
        #expect(zone.statistics.names == 0)
        #expect(try asker.ask("c.example.com", .a).code == .nxDomain)
        #expect(try asker.ask("example.com", .soa).code == .noError)
    }

    @Test("a name with others below it loses its sets and stays as an empty one")
    func removalAbove() throws {
        let store = ZoneStore()
        let zone = Zone(apex, in: store)
        serve(zone, in: store)
        zone.apply([
            OwnerChange(owner: DomainName("c.example.com")!, sets: [a(1)]),
            OwnerChange(owner: DomainName("a.c.example.com")!, sets: [a(2)]),
            OwnerChange(owner: DomainName("c.example.com")!, sets: []),
        ])
        var asker = Asker(store)
        let response = try asker.ask("c.example.com", .a)
        #expect(response.code == .noError && response.answers.isEmpty)
        zone.apply([OwnerChange(owner: DomainName("a.c.example.com")!, sets: [])])
        #expect(zone.statistics.names == 0)
    }

    @Test("the serial rises by one with each batch that changes something, and wraps")
    func serial() throws {
        let store = ZoneStore()
        let zone = Zone(apex, serial: .max - 1, in: store)
        serve(zone, in: store)
        let owner = DomainName("a.example.com")!
        let change = OwnerChange(owner: owner, sets: [a(1, 2)])
        #expect(zone.apply([change]) == AppliedBatch(serial: .max, changed: 1))
        #expect(zone.apply([change]) == AppliedBatch(serial: .max, changed: 0), "nothing new")
        #expect(zone.apply([OwnerChange(owner: DomainName("b.example.com")!, sets: [])]).changed == 0)
        #expect(zone.apply([]).serial == .max)
        #expect(zone.apply([OwnerChange(owner: owner, sets: [a(2, 1)])]) == AppliedBatch(serial: 0, changed: 1))
        var asker = Asker(store)
        guard case .soa(let authority) = try asker.ask("example.com", .soa).answers[0].data else {
            Issue.record("no SOA")
            return
        }
        #expect(authority.serial == 0 && zone.serial == 0)
    }

    @Test("changes apply in order: the last one for a name is what stays")
    func order() throws {
        let store = ZoneStore()
        let zone = Zone(apex, in: store)
        serve(zone, in: store)
        let owner = DomainName("a.example.com")!
        zone.apply([
            OwnerChange(owner: owner, sets: [a(1)]), OwnerChange(owner: owner, sets: []),
            OwnerChange(owner: owner, sets: [a(3)]),
        ])
        var asker = Asker(store)
        #expect(try asker.ask("a.example.com", .a).answers.map(\.data) == [.a(3)])
    }

    @Test("the apex holds what it is given beside SOA")
    func apexSets() throws {
        let store = ZoneStore()
        let zone = Zone(apex, in: store)
        serve(zone, in: store)
        let name = RecordSet(type: .ns, ttl: 60, data: [.ns(DomainName("ns.example.net")!)])
        zone.apply([OwnerChange(owner: apex, sets: [name])])
        var asker = Asker(store)
        #expect(try asker.ask("example.com", .ns).answers.map(\.data) == name.data)
        zone.apply([OwnerChange(owner: apex, sets: [])])
        #expect(try asker.ask("example.com", .ns).authorities.map(\.type) == [.soa])
    }

    @Test(
        "the SOA record of a negative answer lives no longer than its minimum (RFC 2308)",
        arguments: [(3600, 5), (3, 3)]
    )
    func negativeTTL(ttl: UInt32, expected: UInt32) throws {
        let store = ZoneStore()
        let zone = Zone(apex, ttl: ttl, in: store)
        serve(zone, in: store)
        var asker = Asker(store)
        #expect(try asker.ask("nobody.example.com", .a).authorities[0].ttl == expected)
        #expect(try asker.ask("example.com", .soa).answers[0].ttl == ttl)
    }

    static let unusable: [(OwnerChange, RecordSetError)] = {
        let owner = DomainName("bad.example.com")!
        func change(_ sets: RecordSet..., at name: DomainName = owner) -> OwnerChange {
            OwnerChange(owner: name, sets: sets)
        }
        let alias = RecordSet(type: .cname, ttl: 5, data: [.cname(.root)])
        let address = RecordSet(type: .a, ttl: 5, data: [.a(1)])
        return [
            (change(address, at: DomainName("example.net")!), .outsideZone),
            (change(address, at: DomainName("com")!), .outsideZone),
            (change(address, at: DomainName("badexample.com")!), .outsideZone),
            (change(RecordSet(type: .a, ttl: 5, data: [])), .noRecords(.a)),
            (change(RecordSet(type: .a, ttl: 5, data: [.ns(.root)])), .wrongData(.a)),
            (change(RecordSet(type: .srv, ttl: 5, data: [.opaque([1])])), .wrongData(.srv)),
            (change(RecordSet(type: .txt, ttl: 5, data: [.txt([])])), .badText),
            (change(RecordSet(type: .txt, ttl: 5, data: [.txt([Array(repeating: 1, count: 256)])])), .badText),
            (
                change(RecordSet(type: .svcb, ttl: 5, data: [.opaque(Array(repeating: 1, count: 65_536))])),
                .dataTooLong(.svcb)
            ),
            (
                change(RecordSet(type: .a, ttl: 5, data: (0...65_535).map { .a($0) })),
                .tooManyRecords(.a)
            ),
            (change(address, address), .repeatedType(.a)),
            (change(RecordSet(type: .any, ttl: 5, data: [.opaque([])])), .metaType(.any)),
            (change(RecordSet(type: .opt, ttl: 5, data: [.opaque([])])), .metaType(.opt)),
            (change(alias, address), .aliasNotAlone),
            (change(address, alias), .aliasNotAlone),
            (change(RecordSet(type: .cname, ttl: 5, data: [.cname(.root), .cname(owner)])), .aliasNotAlone),
            (change(alias, at: DomainName("example.com")!), .aliasNotAlone),
            (
                change(
                    RecordSet(
                        type: .soa,
                        ttl: 5,
                        data: [.soa(StartOfAuthority(primary: .root, mailbox: .root, serial: 1))]
                    )
                ),
                .authorityIsZones
            ),
        ]
    }()

    @Test("a change that cannot be served is refused alone, and its name stays as it was", arguments: unusable)
    func rejection(change: OwnerChange, reason: RecordSetError) throws {
        let store = ZoneStore()
        let zone = Zone(apex, in: store)
        serve(zone, in: store)
        let bad = DomainName("bad.example.com")!
        let good = DomainName("good.example.com")!
        zone.apply([OwnerChange(owner: bad, sets: [a(7)])])
        let batch = zone.apply([change, OwnerChange(owner: good, sets: [a(8)])])
        #expect(batch.rejected == [RejectedChange(owner: change.owner, reason: reason)])
        #expect(batch.changed == 1)
        #expect(!reason.description.isEmpty)
        var asker = Asker(store)
        #expect(try asker.ask("bad.example.com", .a).answers.map(\.data) == [.a(7)])
        #expect(try asker.ask("good.example.com", .a).answers.map(\.data) == [.a(8)])
    }

    @Test("after any sequence of changes the zone holds what a dictionary would", arguments: 0..<6)
    func model(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let store = ZoneStore()
        let zone = Zone(apex, in: store)
        serve(zone, in: store)
        var asker = Asker(store)
        var model: [DomainName: [RecordSet]] = [:]
        // Few labels, so that names often stand above and below each other, and are often the same.
        let labels = (0..<6).map { "l\($0)" }
        func randomName() -> DomainName {
            var name = apex
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                name = name.prefixed(by: labels.randomElement(using: &random)!)!
            }
            return name
        }
        for _ in 0..<60 {
            let changes = (0..<Int.random(in: 1...80, using: &random)).map { _ in
                let present = Int.random(in: 0..<5, using: &random) < 3
                return OwnerChange(owner: randomName(), sets: present ? [a(.random(in: 0...9, using: &random))] : [])
            }
            for change in changes { model[change.owner] = change.sets.isEmpty ? nil : change.sets }
            zone.apply(changes)
        }
        var existing: Set<DomainName> = []
        for owner in model.keys {
            var name = owner
            while name != apex {
                existing.insert(name)
                name = DomainName(uncheckedWire: Array(name.wire.dropFirst(1 + Int(name.wire[0]))))
            }
        }
        #expect(zone.statistics.names == existing.count)
        for _ in 0..<500 {
            let name = randomName()
            let response = try asker.ask(name.description, .a)
            #expect(response.answers.map(\.data) == (model[name]?[0].data ?? []), "\(name)")
            #expect(response.code == (existing.contains(name) ? .noError : .nxDomain), "\(name)")
        }
        zone.apply(model.keys.map { OwnerChange(owner: $0, sets: []) })
        #expect(zone.statistics.names == 0)
    }

    @Test("names that come and go for long leave nothing behind")
    func churn() {
        let store = ZoneStore()
        let zone = Zone(apex, in: store)
        let names = (0..<200).map { apex.prefixed(by: "pod-\($0)")! }
        zone.apply(names.map { OwnerChange(owner: $0, sets: [a(1)]) })
        let before = zone.statistics
        for round in 0..<20_000 {
            let leaving = names[round % names.count]
            zone.apply([OwnerChange(owner: leaving, sets: [])])
            zone.apply([OwnerChange(owner: apex.prefixed(by: "new-\(round)")!, sets: [a(2)])])
            zone.apply([OwnerChange(owner: apex.prefixed(by: "new-\(round)")!, sets: [])])
            zone.apply([OwnerChange(owner: leaving, sets: [a(1)])])
        }
        #expect(zone.statistics.names == before.names)
        #expect(zone.statistics.bytes <= 2 * before.bytes)
        #expect(store.epochs.waiting == 0, "nobody reads, so everything is freed at once")
    }
}
