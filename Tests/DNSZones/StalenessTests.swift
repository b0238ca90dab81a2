import DNSCore
import DNSZones
import ServiceCatalog
import Testing

@Suite struct ZoneStandingTests {
    private static let now = ContinuousClock.now
    private static func ago(_ hours: Int) -> ZoneStanding.System { .past(now - .seconds(hours * 3600)) }

    @Test(
        "A zone is as good as its systems are, and expires with the last of them",
        arguments: [
            ([:], .current, nil, []),
            (["a": .unknown], .unready, nil, []),
            (["a": .current], .current, nil, []),
            (["a": ago(1)], .stale, 1, []),
            (["a": ago(24)], .stale, 24, []),
            (["a": ago(25)], .expired, 25, ["a"]),
            (["a": ago(25), "b": .current], .stale, 25, ["a"]),
            (["a": ago(25), "b": ago(2)], .stale, 25, ["a"]),
            (["a": ago(25), "b": ago(26)], .expired, 26, ["a", "b"]),
            (["a": ago(25), "b": .unknown], .unready, nil, ["a"]),
        ] as [([SystemName: ZoneStanding.System], ZoneFreshness, Int?, Set<SystemName>)]
    )
    func table(
        systems: [SystemName: ZoneStanding.System],
        freshness: ZoneFreshness,
        hours: Int?,
        expired: Set<SystemName>
    ) {
        let standing = ZoneStanding(systems, maxStale: .seconds(24 * 3600), at: Self.now)
        #expect(standing.freshness == freshness)
        #expect(standing.since == hours.map { Self.now - .seconds($0 * 3600) })
        #expect(standing.expired == expired)
    }
}

@Suite struct RememberedZoneTests {
    private let web = Service("web", [Endpoint("10.1.0.1")])
    private let old = Service("old", [Endpoint("10.1.0.9")])

    @Test("A zone whose system is remembered is ready at once; the first snapshot replaces it by difference")
    func replaced() {
        let zone = ZoneDefinition.kubernetes(reverse: ReverseZone.all)
        let moved = Service("moved", [Endpoint("10.1.0.3"), Endpoint("10.1.0.4")])
        var bed = TestBed(zone, remembering: ["east": [web, old, moved]])
        #expect(bed.state.isReady)
        #expect(bed.state.recalled == ["east"])
        #expect(bed.published.names["web.shop.svc.example"] != nil)
        #expect(bed.published.names["9.0.1.10.in-addr.arpa"] != nil)

        let now = Service("moved", [Endpoint("10.1.0.3"), Endpoint("10.1.0.5")])
        bed.send(.snapshot([web, now, Service("new", [Endpoint("10.1.0.7")])]), from: "east")
        #expect(bed.state.recalled.isEmpty)
        #expect(!bed.changedOwners.contains { $0.contains("web.") })
        #expect(bed.changedOwners.contains("-old.shop.svc.example."))
        #expect(bed.published == bed.fromScratch.published)
    }

    @Test("An empty snapshot takes away what was remembered; an unchanged one changes nothing")
    func emptyAndEqual() {
        var bed = TestBed(.kubernetes(), remembering: ["east": [web]])
        bed.send(.snapshot([web]), from: "east")
        #expect(bed.batches.isEmpty)

        bed = TestBed(.kubernetes(), remembering: ["east": [web]])
        bed.send(.snapshot([]), from: "east")
        #expect(bed.published.serviceLines.isEmpty)
    }

    @Test("In a merged zone one system may be remembered and the other read; without either the zone waits")
    func merged() {
        let west = Service("web", in: "west", [Endpoint("10.2.0.1")])
        var bed = TestBed(.merged(), remembering: ["east": [web]])
        #expect(!bed.state.isReady)
        bed.send(.snapshot([west]), from: "west")
        #expect(bed.published.names["web.shop.svc.mesh"]?.first?.data.map(\.text) == ["10.1.0.1", "10.2.0.1"])
        bed.send(.changes([.set(Service("web", in: "west", [Endpoint("10.2.0.2")]))]), from: "west")
        #expect(bed.published.names["web.shop.svc.mesh"]?.first?.data.map(\.text) == ["10.1.0.1", "10.2.0.2"])
        bed.send(.snapshot([]), from: "east")
        #expect(bed.published.names["web.shop.svc.mesh"]?.first?.data.map(\.text) == ["10.2.0.2"])
        #expect(bed.published == bed.fromScratch.published)
    }

    @Test("What is remembered of a system that has been read meanwhile is not shown")
    func late() {
        var catalog = Catalog(systems: ["east"])
        _ = catalog.apply(.snapshot([web]), from: "east", at: .now)
        var state = ZoneState(.kubernetes())
        var published = PublishedZone()
        let memory = RememberedSystem(services: [old], lastCurrent: 0)
        state.start(from: catalog, remembering: ["east": memory]) { published.apply([$0]) }
        #expect(state.recalled.isEmpty)
        #expect(published.names["old.shop.svc.example"] == nil)
        #expect(published.names["web.shop.svc.example"] != nil)
    }

    @Test("Endpoints of a system lost for too long come last, stay where they are all there is, and come back")
    func expired() {
        let both = [Service("web", [Endpoint("10.1.0.1")]), old]
        var bed = TestBed(.merged())
        bed.send(.snapshot(both), from: "east")
        bed.send(.snapshot([Service("web", in: "west", [Endpoint("10.2.0.1")])]), from: "west")
        let before = bed.published

        bed.expire(["east"])
        let sets = bed.published.names["web.shop.svc.mesh"] ?? []
        #expect(sets.first { $0.type == .a }?.data.map(\.text) == ["10.2.0.1"])
        #expect(
            sets.first { $0.type == .srv }?.data.map(\.text) == [
                "0 100 8080 10-2-0-1.west.web.shop.svc.mesh.", "20 0 8080 10-1-0-1.east.web.shop.svc.mesh.",
            ]
        )
        #expect(bed.published.names["old.shop.svc.mesh"]?.first?.data.map(\.text) == ["10.1.0.9"])
        bed.expire(["east"])
        #expect(bed.batches.isEmpty)
        bed.expire([])
        #expect(bed.published == before)
    }
}
