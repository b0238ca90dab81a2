import DNSCore
import DNSZones
import ServiceCatalog
import Testing

@Suite struct ReverseTests {
    private func pointers(_ bed: TestBed) -> [String] {
        bed.published.lines.filter { $0.contains(" PTR ") }
    }

    @Test("Cluster addresses lead to services, endpoints to hosts, of both families")
    func targets() {
        let bed = TestBed(
            .kubernetes(reverse: ReverseZone.all),
            [
                Service("web", .clusterAddress, at: ["10.96.0.1", "fd00::1"], [Endpoint("10.1.0.1", ports: [])]),
                Service("db", [Endpoint("10.1.0.2", hostname: "db-0", ports: []), Endpoint("10.1.0.3", .notReady)]),
            ]
        )
        #expect(
            pointers(bed)
                == """
                1.0.1.10.in-addr.arpa. 5 IN PTR 10-1-0-1.web.shop.svc.example.
                1.0.96.10.in-addr.arpa. 5 IN PTR web.shop.svc.example.
                1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. 5 IN PTR web.shop.svc.example.
                2.0.1.10.in-addr.arpa. 5 IN PTR db-0.db.shop.svc.example.
                """.sortedLines
        )
        #expect(bed.batches.map(\.zone) == ["example", "example", "in-addr.arpa", "ip6.arpa"])
    }

    @Test("An address of several services has a record for each: services first, as they come and go")
    func shared() {
        let address: DomainName = "1.0.0.10.in-addr.arpa"
        var bed = TestBed(.kubernetes(reverse: ReverseZone.all), [])
        func targets() -> [String] { bed.published.names[address]?.flatMap(\.data).map(\.text) ?? [] }

        bed.set(Service("a", [Endpoint("10.0.0.1", ports: [])]))
        bed.set(Service("c", .clusterAddress, at: ["10.0.0.1"]))
        bed.set(Service("b", [Endpoint("10.0.0.1", hostname: "x", ports: [])]))
        #expect(
            targets() == [
                "c.shop.svc.example.", "x.b.shop.svc.example.", "10-0-0-1.a.shop.svc.example.",
            ]
        )
        bed.set(Service("b", [Endpoint("10.0.0.1", hostname: "y", ports: [])]))
        #expect(targets().contains("y.b.shop.svc.example."))
        #expect(!targets().contains("x.b.shop.svc.example."))
        bed.remove(ServiceKey("a"))
        bed.remove(ServiceKey("b"))
        #expect(targets() == ["c.shop.svc.example."])
        bed.remove(ServiceKey("c"))
        #expect(bed.published.names[address] == nil)
    }

    @Test("Only addresses of the configured ranges have reverse names, each in its own zone, the narrowest")
    func ranges() throws {
        let reverse = try ReverseZone.covering("10.0.0.0/8") + ReverseZone.covering("10.96.0.0/15")
        let bed = TestBed(
            .kubernetes(reverse: reverse),
            [
                Service(
                    "web",
                    .clusterAddress,
                    at: ["10.97.0.1", "fd00::1"],
                    [Endpoint("10.1.0.1"), Endpoint("192.0.2.1")]
                )
            ]
        )
        let changes = Dictionary(grouping: bed.batches, by: \.zone).mapValues { $0.flatMap(\.changes).map(\.owner) }
        #expect(changes["10.in-addr.arpa"] == ["1.0.1.10.in-addr.arpa"])
        #expect(changes["97.10.in-addr.arpa"] == ["1.0.97.10.in-addr.arpa"])
        #expect(changes["96.10.in-addr.arpa"] == nil)
        #expect(pointers(bed).count == 2)
    }

    @Test(
        "A range becomes the zones that hold exactly its addresses",
        arguments: [
            ("0.0.0.0/0", ["in-addr.arpa."]),
            ("::/0", ["ip6.arpa."]),
            ("10.0.0.0/8", ["10.in-addr.arpa."]),
            ("172.16.0.0/15", ["16.172.in-addr.arpa.", "17.172.in-addr.arpa."]),
            ("10.9.8.0/24", ["8.9.10.in-addr.arpa."]),
            ("10.9.8.0/23", ["8.9.10.in-addr.arpa.", "9.9.10.in-addr.arpa."]),
            ("2001:db8::/32", ["8.b.d.0.1.0.0.2.ip6.arpa."]),
            ("fc00::/7", ["c.f.ip6.arpa.", "d.f.ip6.arpa."]),
            ("fd00:1234::/31", ["4.3.2.1.0.0.d.f.ip6.arpa.", "5.3.2.1.0.0.d.f.ip6.arpa."]),
        ]
    )
    func zones(range: String, names: [String]) throws {
        #expect(try ReverseZone.covering(range).map(\.name.description) == names)
    }

    @Test(
        "A range that cannot be zones is refused with the way out",
        arguments: [
            ("10.0.0.0", ReverseRangeError.tooNarrow("10.0.0.0", longest: 24)),
            ("somewhere/8", .invalid(.notARange("somewhere/8"))),
            ("10.1.2.3/8", .invalid(.pastTheStart("10.1.2.3/8", start: "10.0.0.0/8"))),
            ("10.0.0.0/25", .tooNarrow("10.0.0.0/25", longest: 24)),
            ("2001:db8::/125", .tooNarrow("2001:db8::/125", longest: 124)),
        ]
    )
    func refusals(range: String, error: ReverseRangeError) {
        #expect(throws: error) { try ReverseZone.covering(range) }
        #expect(error.description.contains(range))
    }
}
