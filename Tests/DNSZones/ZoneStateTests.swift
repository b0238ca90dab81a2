import DNSCore
import DNSZones
import ServiceCatalog
import Testing

@Suite struct ZoneStateTests {
    private func database(_ endpoints: some Sequence<Int>, notReady: Int? = nil) -> Service {
        Service("db", endpoints.map { Endpoint("10.1.0.\($0)", $0 == notReady ? .notReady : .ready) })
    }

    @Test("A zone is ready with the first complete snapshot, even an empty one")
    func empty() {
        var bed = TestBed(.kubernetes(reverse: ReverseZone.all))
        #expect(!bed.state.isReady)
        bed.set(database(1...2))
        #expect(bed.batches.isEmpty)
        bed.send(.snapshot([]), from: "east")
        #expect(bed.state.isReady)
        #expect(bed.changedOwners == ["+dns-version.example."])
    }

    @Test("A zone that comes late starts from what the catalog holds")
    func late() {
        let bed = TestBed(.kubernetes(), [database(1...2)])
        #expect(bed.fromScratch.published == bed.published)
        #expect(bed.fromScratch.state.isReady)
    }

    @Test("A changed endpoint touches its name, its address and the sets of its service, not the other 99")
    func oneEndpoint() {
        var bed = TestBed(
            .kubernetes(reverse: ReverseZone.all),
            [database(1...100), Service("other", [Endpoint("10.2.0.1")])]
        )
        bed.set(database(1...100, notReady: 50))
        #expect(
            bed.changedOwners == [
                "+db.shop.svc.example.", "+_http._tcp.db.shop.svc.example.", "-50.0.1.10.in-addr.arpa.",
                "-10-1-0-50.db.shop.svc.example.",
            ]
        )
        bed.set(database(1...100))
        #expect(
            bed.changedOwners == [
                "+10-1-0-50.db.shop.svc.example.", "+db.shop.svc.example.", "+_http._tcp.db.shop.svc.example.",
                "+50.0.1.10.in-addr.arpa.",
            ]
        )
    }

    @Test("Behind a cluster address a changed endpoint touches its own name and address alone")
    func oneEndpointBehindClusterAddress() {
        func service(_ endpoints: Range<Int>) -> Service {
            Service(
                "web",
                .clusterAddress,
                at: ["10.96.0.1"],
                ports: [.http],
                endpoints.map { Endpoint("10.1.0.\($0)") }
            )
        }
        var bed = TestBed(.kubernetes(reverse: ReverseZone.all), [service(0..<3)])
        bed.set(service(0..<2))
        #expect(bed.changedOwners == ["-2.0.1.10.in-addr.arpa.", "-10-1-0-2.web.shop.svc.example."])
    }

    @Test("What no name tells apart changes nothing")
    func silent() {
        var bed = TestBed(.kubernetes(reverse: ReverseZone.all), [database(1...3)])
        var service = database(1...3)
        service.endpoints[0].place = EndpointPlace(nodeName: "elsewhere")
        service.endpoints[1].targetName = "another"
        service.externalHosts = [Host("192.0.2.1")]
        bed.set(service)
        #expect(bed.batches.isEmpty)
    }

    @Test("Systems of other zones are none of its business")
    func otherSystems() {
        var state = ZoneState(.kubernetes())
        let delta = CatalogDelta(system: "west", changed: [ServiceKey("db")], becameSynced: true, observedAt: .now)
        state.update(
            delta,
            reading: { _, _ in
                Issue.record("read")
                return nil
            },
            publish: { Issue.record("published \($0)") }
        )
        #expect(!state.isReady)
        #expect(state.explain(ServiceKey("db"), in: "west") == nil)
    }

    @Test("An explanation lists every record of the service, its own name first, with PTR records")
    func explanation() {
        let bed = TestBed(.kubernetes(reverse: ReverseZone.all), [database(1...1)])
        #expect(
            bed.state.explain(ServiceKey("db"), in: "east")?.records == [
                "db.shop.svc.example. 5 IN A 10.1.0.1",
                "db.shop.svc.example. 5 IN SRV 0 100 8080 10-1-0-1.db.shop.svc.example.",
                "10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.1",
                "10-1-0-1.db.shop.svc.example. 5 IN SRV 0 100 8080 10-1-0-1.db.shop.svc.example.",
                "_http._tcp.db.shop.svc.example. 5 IN SRV 0 100 8080 10-1-0-1.db.shop.svc.example.",
                "1.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-1.db.shop.svc.example.",
            ]
        )
    }

    @Test("An explanation says why there is nothing")
    func absence() {
        let bed = TestBed(.kubernetes(), [Service("db", [Endpoint("10.1.0.1", .notReady)])])
        #expect(bed.state.explain(ServiceKey("db"), in: "east")?.records == [])
        #expect(
            bed.state.explain(ServiceKey("db"), in: "east")?.reasons == [
                "there are no records: it has no address and no ready endpoint"
            ]
        )
        #expect(
            bed.state.explain(ServiceKey("none"), in: "east")?.reasons == ["no system of the zone has the service"]
        )
    }

    @Test("A service that turns into an alias drops what led to its name before the name changes")
    func becomesAlias() {
        var bed = TestBed(.kubernetes(), [database(1...1)])
        bed.set(Service("db", .alias("db.example.com")))
        #expect(
            bed.changedOwners == [
                "-_http._tcp.db.shop.svc.example.", "+db.shop.svc.example.", "-10-1-0-1.db.shop.svc.example.",
            ]
        )
    }
}
