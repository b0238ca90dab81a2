import DNSCore
import Synchronization
import Testing

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}

@Suite struct ZoneStoreTests {
    private static func zone(_ apex: String, address: UInt32, in store: ZoneStore) -> Zone {
        let zone = Zone(DomainName(apex)!, in: store)
        let set = RecordSet(type: .a, ttl: 5, data: [.a(address)])
        zone.apply([OwnerChange(owner: DomainName("host.\(apex)")!, sets: [set])])
        zone.freshness = .current
        return zone
    }

    @Test("a hundred zones are each found, the longest apex first")
    func manyZones() throws {
        let store = ZoneStore()
        let apexes = (0..<100).flatMap { ["\($0).10.in-addr.arpa", "sub.\($0).10.in-addr.arpa"] }
        store.serve(apexes.enumerated().map { Self.zone($1, address: UInt32($0), in: store) })
        var asker = Asker(store)
        for (index, apex) in apexes.enumerated() {
            #expect(try asker.ask("host.\(apex)", .a).answers.map(\.data) == [.a(UInt32(index))])
        }
        #expect(try asker.ask("host.100.10.in-addr.arpa", .a).code == .refused)
    }

    @Test("the root can be a zone")
    func root() throws {
        let store = ZoneStore()
        let zone = Zone(.root, in: store)
        zone.apply([
            OwnerChange(owner: DomainName("a.b")!, sets: [RecordSet(type: .cname, ttl: 1, data: [.cname(.root)])])
        ])
        zone.freshness = .current
        store.serve([zone])
        var asker = Asker(store)
        #expect(try asker.ask("a.b", .soa).answers.map(\.type) == [.cname, .soa])
        #expect(try asker.ask("b", .a).code == .noError)
        #expect(try asker.ask("c", .a).authorities.map(\.owner) == [.root])
        #expect(try asker.ask(".", .soa).answers.count == 1)
    }

    @Test("zones that are no longer served are refused, and freed when nobody reads them")
    func exchange() throws {
        let store = ZoneStore()
        store.serve([Self.zone("one.test", address: 1, in: store)])
        let label = store.labels.firstIndex(of: DomainName("one.test")!)
        weak let old = store.zones[0]
        #expect(old != nil)
        store.serve([Self.zone("two.test", address: 2, in: store)])
        var asker = Asker(store)
        #expect(try asker.ask("host.one.test", .a).code == .refused)
        #expect(try asker.ask("host.two.test", .a).answers.count == 1)
        #expect(old == nil)
        store.serve([Self.zone("one.test", address: 3, in: store)])
        #expect(store.labels.firstIndex(of: DomainName("one.test")!) == label, "a label is kept for good")
    }

    @Test("what a reader may look at is kept until it is done")
    func reading() {
        let store = ZoneStore()
        let zone = Self.zone("one.test", address: 1, in: store)
        store.serve([zone])
        let reader = store.epochs.makeReader()
        let owner = DomainName("host.one.test")!
        reader.begin()
        zone.apply([OwnerChange(owner: owner, sets: [])])
        #expect(store.epochs.waiting > 0)
        reader.end()
        zone.apply([OwnerChange(owner: owner, sets: [RecordSet(type: .a, ttl: 5, data: [.a(2)])])])
        #expect(store.epochs.waiting == 0)
        reader.begin()
        store.epochs.remove(reader)
        zone.apply([OwnerChange(owner: owner, sets: [])])
        #expect(store.epochs.waiting == 0, "a reader that is gone holds nothing")
    }

    @Test("readers see every name whole while a writer changes it")
    func concurrency() async {
        let store = ZoneStore()
        let apex = DomainName("busy.test")!
        let zone = Zone(apex, in: store)
        let names = (0..<50).map { apex.prefixed(by: "n\($0)")! }
        /// All records of a name carry one number, of which each reader counts as many as it says.
        func change(_ name: DomainName, _ number: UInt32) -> OwnerChange {
            let count = number % 7 + 1
            let data = (0..<count).map { RecordData.aaaa(high: UInt64(number), low: UInt64(count) << 32 | UInt64($0)) }
            return OwnerChange(owner: name, sets: number % 11 == 0 ? [] : [RecordSet(type: .aaaa, ttl: 5, data: data)])
        }
        zone.apply(names.map { change($0, 1) })
        zone.freshness = .current
        store.serve([zone])
        let done = Flag()
        await withTaskGroup { group in
            for seed in 0..<2 as Range<UInt64> {
                group.addTask {
                    var asker = Asker(store, rotating: true)
                    var random = SplitMix64(state: seed)
                    var seen = 0
                    while !done.isSet || seen < 1000 {
                        let name = names.randomElement(using: &random)!
                        guard let response = try? asker.ask(name.description, .aaaa, payload: 1232) else {
                            Issue.record("an answer that cannot be read")
                            return
                        }
                        seen += 1
                        // There may be fewer threads than tasks.
                        if seen % 16 == 0 { await Task.yield() }
                        let answers = response.answers.map(\.data)
                        guard case .aaaa(let number, let low) = answers.first else { continue }
                        let expected = (0..<(low >> 32)).map {
                            RecordData.aaaa(high: number, low: low & ~0xffff_ffff | $0)
                        }
                        #expect(Set(answers) == Set(expected) && answers.count == expected.count)
                    }
                }
            }
            group.addTask {
                var random = SplitMix64(state: 42)
                for round in 0..<1000 as Range<UInt32> {
                    zone.apply((0..<4).map { _ in change(names.randomElement(using: &random)!, round) })
                    if round % 200 == 0 { store.serve([zone]) }
                    await Task.yield()
                }
                done.set()
            }
        }
        zone.apply([change(names[0], 5)])
        zone.apply([change(names[0], 6)])
        #expect(store.epochs.waiting == 0)
    }
}
