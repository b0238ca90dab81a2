import DNSCore
import DNSZones
import ServiceCatalog
import Testing

@Suite struct RegistryZoneTests {
    typealias Row = KubernetesZoneTests.Row

    static let rows = [
        Row(
            "Instances without port names are listed under the service's",
            Service("web", [Endpoint("10.1.0.1", ports: [.unnamed]), Endpoint("10.1.0.2", ports: [.unnamed])]),
            """
            web.dc1. 5 IN A 10.1.0.1
            web.dc1. 5 IN A 10.1.0.2
            web.dc1. 5 IN SRV 0 50 9000 10-1-0-1.web.dc1.
            web.dc1. 5 IN SRV 0 50 9000 10-1-0-2.web.dc1.
            _web._tcp.web.dc1. 5 IN SRV 0 50 9000 10-1-0-1.web.dc1.
            _web._tcp.web.dc1. 5 IN SRV 0 50 9000 10-1-0-2.web.dc1.
            10-1-0-1.web.dc1. 5 IN A 10.1.0.1
            10-1-0-2.web.dc1. 5 IN A 10.1.0.2
            """
        ),
        Row(
            "Instances with port names are listed under those",
            Service("web", [Endpoint("fd00::1")]),
            """
            web.dc1. 5 IN AAAA fd00::1
            web.dc1. 5 IN SRV 0 100 8080 fd00--1.web.dc1.
            _http._tcp.web.dc1. 5 IN SRV 0 100 8080 fd00--1.web.dc1.
            fd00--1.web.dc1. 5 IN AAAA fd00::1
            """
        ),
        Row(
            "Two instances at one address share a host name",
            Service(
                "web",
                [
                    Endpoint("10.1.0.1", pod: "a", ports: [EndpointPort(number: 1)]),
                    Endpoint("10.1.0.1", pod: "b", ports: [EndpointPort(number: 2)]),
                ]
            ),
            """
            web.dc1. 5 IN A 10.1.0.1
            web.dc1. 5 IN SRV 0 50 1 10-1-0-1.web.dc1.
            web.dc1. 5 IN SRV 0 50 2 10-1-0-1.web.dc1.
            _web._tcp.web.dc1. 5 IN SRV 0 50 1 10-1-0-1.web.dc1.
            _web._tcp.web.dc1. 5 IN SRV 0 50 2 10-1-0-1.web.dc1.
            10-1-0-1.web.dc1. 5 IN A 10.1.0.1
            """
        ),
        Row(
            "Weights are the registry's; without one an instance counts 1 beside weighted ones",
            Service(
                "web",
                [Endpoint("10.1.0.1", weight: 70_000), Endpoint("10.1.0.2", weight: 3), Endpoint("10.1.0.3")]
            ),
            """
            web.dc1. 5 IN A 10.1.0.1
            web.dc1. 5 IN A 10.1.0.2
            web.dc1. 5 IN A 10.1.0.3
            web.dc1. 5 IN SRV 0 65535 8080 10-1-0-1.web.dc1.
            web.dc1. 5 IN SRV 0 3 8080 10-1-0-2.web.dc1.
            web.dc1. 5 IN SRV 0 1 8080 10-1-0-3.web.dc1.
            _http._tcp.web.dc1. 5 IN SRV 0 65535 8080 10-1-0-1.web.dc1.
            _http._tcp.web.dc1. 5 IN SRV 0 3 8080 10-1-0-2.web.dc1.
            _http._tcp.web.dc1. 5 IN SRV 0 1 8080 10-1-0-3.web.dc1.
            10-1-0-1.web.dc1. 5 IN A 10.1.0.1
            10-1-0-2.web.dc1. 5 IN A 10.1.0.2
            10-1-0-3.web.dc1. 5 IN A 10.1.0.3
            """
        ),
        Row(
            "Draining instances and those of weight 0 come last in SRV and not in A; critical ones nowhere",
            Service(
                "web",
                [
                    Endpoint("10.1.0.1", .draining, weight: 5), Endpoint("10.1.0.2", weight: 0), Endpoint("10.1.0.3"),
                    Endpoint("10.1.0.4", .notReady),
                ]
            ),
            """
            web.dc1. 5 IN A 10.1.0.3
            web.dc1. 5 IN SRV 0 1 8080 10-1-0-3.web.dc1.
            web.dc1. 5 IN SRV 20 0 8080 10-1-0-1.web.dc1.
            web.dc1. 5 IN SRV 20 0 8080 10-1-0-2.web.dc1.
            _http._tcp.web.dc1. 5 IN SRV 0 1 8080 10-1-0-3.web.dc1.
            _http._tcp.web.dc1. 5 IN SRV 20 0 8080 10-1-0-1.web.dc1.
            _http._tcp.web.dc1. 5 IN SRV 20 0 8080 10-1-0-2.web.dc1.
            10-1-0-1.web.dc1. 5 IN A 10.1.0.1
            10-1-0-2.web.dc1. 5 IN A 10.1.0.2
            10-1-0-3.web.dc1. 5 IN A 10.1.0.3
            """
        ),
        Row(
            "When only draining instances remain, they are the answer",
            Service("web", [Endpoint("10.1.0.1", .draining, ports: [])]),
            """
            web.dc1. 5 IN A 10.1.0.1
            10-1-0-1.web.dc1. 5 IN A 10.1.0.1
            """
        ),
        Row("A service without healthy instances has no name", Service("web", [Endpoint("10.1.0.1", .notReady)]), ""),
        Row(
            "A single instance known by name: an alias for clients that want addresses, SRV below it",
            Service("db", [Endpoint("DB.example.com", ports: [.unnamed])]),
            """
            db.dc1. 5 IN CNAME db.example.com.
            _db._tcp.db.dc1. 5 IN SRV 0 100 9000 db.example.com.
            """
        ),
        Row(
            "Several instances known by name: SRV only, for two CNAME records cannot stand at one name",
            Service("db", [Endpoint("a.example.com"), Endpoint("b.example.com")]),
            """
            db.dc1. 5 IN SRV 0 50 8080 a.example.com.
            db.dc1. 5 IN SRV 0 50 8080 b.example.com.
            _http._tcp.db.dc1. 5 IN SRV 0 50 8080 a.example.com.
            _http._tcp.db.dc1. 5 IN SRV 0 50 8080 b.example.com.
            """
        ),
        Row(
            "Instances known by address and by name: A for the one, SRV for both",
            Service("db", [Endpoint("10.1.0.1"), Endpoint("b.example.com")]),
            """
            db.dc1. 5 IN A 10.1.0.1
            db.dc1. 5 IN SRV 0 50 8080 10-1-0-1.db.dc1.
            db.dc1. 5 IN SRV 0 50 8080 b.example.com.
            _http._tcp.db.dc1. 5 IN SRV 0 50 8080 10-1-0-1.db.dc1.
            _http._tcp.db.dc1. 5 IN SRV 0 50 8080 b.example.com.
            10-1-0-1.db.dc1. 5 IN A 10.1.0.1
            """
        ),
        Row(
            "An instance that goes by the service's own name is no alias of it",
            Service("db", [Endpoint("db.dc1", ports: [.unnamed])]),
            """
            db.dc1. 5 IN SRV 0 100 9000 db.dc1.
            _db._tcp.db.dc1. 5 IN SRV 0 100 9000 db.dc1.
            """
        ),
        Row(
            "Dots part labels; the first one stands for ports without a name",
            Service("cart.shop", [Endpoint("10.1.0.1", ports: [.unnamed])]),
            """
            cart.shop.dc1. 5 IN A 10.1.0.1
            cart.shop.dc1. 5 IN SRV 0 100 9000 10-1-0-1.cart.shop.dc1.
            _cart._tcp.cart.shop.dc1. 5 IN SRV 0 100 9000 10-1-0-1.cart.shop.dc1.
            10-1-0-1.cart.shop.dc1. 5 IN A 10.1.0.1
            """
        ),
        Row(
            "What no label can hold is escaped",
            Service(
                "providers:com.acme.Cart",
                [Endpoint("10.1.0.1", ports: [EndpointPort(name: "Tri/ple", number: 1)])]
            ),
            """
            providersx--3acom.acme.cart.dc1. 5 IN A 10.1.0.1
            providersx--3acom.acme.cart.dc1. 5 IN SRV 0 100 1 10-1-0-1.providersx--3acom.acme.cart.dc1.
            _trix--2fple._tcp.providersx--3acom.acme.cart.dc1. 5 IN SRV 0 100 1 10-1-0-1.providersx--3acom.acme.cart.dc1.
            10-1-0-1.providersx--3acom.acme.cart.dc1. 5 IN A 10.1.0.1
            """
        ),
        Row(
            "A service named grpclb is no gRPC load balancer by accident",
            Service("grpclb", [Endpoint("10.1.0.1", ports: [.unnamed])]),
            """
            grpclb.dc1. 5 IN A 10.1.0.1
            grpclb.dc1. 5 IN SRV 0 100 9000 10-1-0-1.grpclb.dc1.
            10-1-0-1.grpclb.dc1. 5 IN A 10.1.0.1
            """
        ),
    ]

    @Test("A registry zone shows healthy instances", arguments: rows)
    func records(row: Row) {
        let bed = TestBed(.registry, [row.service])
        #expect(bed.published.lines == row.zone.sortedLines)
        #expect(bed.state.problems.isEmpty)
    }

    @Test("No host name of one service is the name of another")
    func hostNamesApart() {
        let bed = TestBed(
            .registry,
            [
                Service("cart", [Endpoint("10.0.0.1", ports: [])]),
                Service("10-0-0-1.cart", [Endpoint("10.0.0.9", ports: [])]),
            ]
        )
        #expect(
            bed.published.lines
                == """
                10-0-0-1.cart.dc1. 5 IN A 10.0.0.1
                10-0-0-9.x--310-0-0-1.cart.dc1. 5 IN A 10.0.0.9
                cart.dc1. 5 IN A 10.0.0.1
                x--310-0-0-1.cart.dc1. 5 IN A 10.0.0.9
                """.sortedLines
        )
    }

    @Test("Names that differ in case alone collide: the literal one is shown, the others are reported and take over")
    func collision() throws {
        var bed = TestBed(.registry, [])
        bed.set(Service("a/Cart", [Endpoint("10.0.0.1", ports: [])]))
        #expect(bed.published.lines.contains("cart.dc1. 5 IN A 10.0.0.1"))
        #expect(bed.state.problems.isEmpty)

        bed.set(Service("b/cart", [Endpoint("10.0.0.2", ports: [])]))
        #expect(
            bed.published.lines == ["10-0-0-2.cart.dc1. 5 IN A 10.0.0.2", "cart.dc1. 5 IN A 10.0.0.2"]
        )
        let problem = try #require(bed.state.problems[ServiceKey("a/Cart")]?.first)
        #expect(problem.code == .nameCollision)
        #expect(problem.message.contains("b/cart"))
        #expect(bed.state.problems.count == 1)
        #expect(bed.state.explain(ServiceKey("a/Cart"), in: "east")?.reasons == [problem.message])

        bed.set(Service("a/Cart", [Endpoint("10.0.0.3", ports: [])]))
        #expect(bed.batches.isEmpty)

        bed.remove(ServiceKey("b/cart"))
        #expect(bed.published.lines == ["10-0-0-3.cart.dc1. 5 IN A 10.0.0.3", "cart.dc1. 5 IN A 10.0.0.3"])
        #expect(bed.state.problems.isEmpty)
    }

    @Test("A name without room in a label is reported", arguments: ["", String(repeating: "n", count: 64)])
    func unusableNames(name: String) {
        let key = ServiceKey(namespace: "default", name: name)
        var service = Service("x", [Endpoint("10.0.0.1")])
        service.key = key
        let bed = TestBed(.registry, [service])
        #expect(bed.published.lines.isEmpty)
        #expect(bed.state.problems[key]?.map(\.code) == [.nameInvalid])
    }
}
