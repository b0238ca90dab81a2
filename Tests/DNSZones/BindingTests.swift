import DNSCore
import DNSZones
import ServiceCatalog
import Testing

@Suite struct BindingTests {
    private let grpc = EndpointPort(name: "api", number: 9000, appProtocol: "grpc")

    private func bindings(_ bed: TestBed) -> [String] {
        bed.published.lines.filter { $0.contains(" SVCB ") }
    }

    @Test("A headless service lists each endpoint of a port whose protocol is known, with its addresses")
    func headless() {
        let bed = TestBed(
            .kubernetes(),
            [
                Service(
                    "cart",
                    [
                        Endpoint("10.1.0.1", hostname: "cart-0", pod: "a", ports: [grpc, .http]),
                        Endpoint("2001:db8::1", hostname: "cart-0", pod: "a", ports: [grpc, .http]),
                        Endpoint("10.1.0.2", ports: [grpc]),
                    ]
                )
            ]
        )
        #expect(
            bindings(bed)
                == """
                _grpc.cart.shop.svc.example. 5 IN SVCB 1 10-1-0-2.cart.shop.svc.example. alpn="h2" port=9000 ipv4hint=10.1.0.2
                _grpc.cart.shop.svc.example. 5 IN SVCB 1 cart-0.cart.shop.svc.example. alpn="h2" port=9000 ipv4hint=10.1.0.1 ipv6hint=2001:db8::1
                """.sortedLines
        )
    }

    @Test("A service with a cluster address is the target itself; protocols of one scheme stand together")
    func clusterAddress() {
        let ports = [
            ServicePort(name: "web", number: 80, appProtocol: "http"),
            ServicePort(name: "fast", number: 81, appProtocol: "kubernetes.io/h2c"),
            ServicePort(name: "tls", number: 443, appProtocol: "https"),
            ServicePort(name: "odd", number: 99, appProtocol: "example.com/odd"),
            ServicePort(name: "quic", number: 80, transport: .udp, appProtocol: "http"),
        ]
        let bed = TestBed(.kubernetes(), [Service("web", .clusterAddress, at: ["10.96.0.1"], ports: ports)])
        #expect(
            bindings(bed)
                == """
                _http.web.shop.svc.example. 5 IN SVCB 1 web.shop.svc.example. alpn="h2c" port=81 ipv4hint=10.96.0.1
                _http.web.shop.svc.example. 5 IN SVCB 1 web.shop.svc.example. alpn="http/1.1" port=80 ipv4hint=10.96.0.1
                _https.web.shop.svc.example. 5 IN SVCB 1 web.shop.svc.example. alpn="http/1.1" port=443 ipv4hint=10.96.0.1
                """.sortedLines
        )
        // An HTTPS record would have clients of http: URLs go to TLS.
        #expect(!bed.published.lines.contains { $0.contains(" HTTPS ") })
    }

    @Test("In a merged zone the priority is that of SRV records, above zero")
    func merged() {
        var bed = TestBed(.merged(prefer: "west"))
        let endpoints = [Endpoint("10.1.0.1", ports: [grpc]), Endpoint("10.1.0.2", .draining, ports: [grpc])]
        bed.send(.snapshot([Service("cart", endpoints)]), from: "east")
        bed.send(.snapshot([Service("cart", in: "west", [Endpoint("10.2.0.1", ports: [grpc])])]), from: "west")
        #expect(
            Set(bindings(bed).map { $0.split(separator: " ")[4...5].joined(separator: " ") }) == [
                "1 10-2-0-1.west.cart.shop.svc.mesh.", "11 10-1-0-1.east.cart.shop.svc.mesh.",
                "31 10-1-0-2.east.cart.shop.svc.mesh.",
            ]
        )
    }

    @Test("Changes of protocol, address and port are followed, and the name goes with the last of them")
    func changes() {
        var bed = TestBed(.kubernetes(), [Service("cart", [Endpoint("10.1.0.1", hostname: "a", ports: [grpc])])])
        bed.set(Service("cart", [Endpoint("10.1.0.9", hostname: "a", ports: [grpc])]))
        #expect(bindings(bed).first?.hasSuffix("ipv4hint=10.1.0.9") == true)
        #expect(bed.published == bed.fromScratch.published)

        var web = grpc
        web.appProtocol = "http"
        bed.set(Service("cart", [Endpoint("10.1.0.9", hostname: "a", ports: [web])]))
        #expect(bindings(bed).map { $0.prefix(5) } == ["_http"])
        #expect(bed.published == bed.fromScratch.published)

        bed.set(Service("cart", [Endpoint("10.1.0.9", hostname: "a", ports: [.http])]))
        #expect(bindings(bed).isEmpty)
        #expect(bed.published.names["_http.cart.shop.svc.example"] == nil)
        bed.remove(ServiceKey("cart"))
        #expect(bed.published.serviceLines.isEmpty)
    }

    @Test("Endpoints of the topology zone that is near come first: in SRV priority and in the order of addresses")
    func near() {
        func endpoint(_ address: String, _ place: String?, _ readiness: Readiness = .ready) -> Endpoint {
            Endpoint(host: Host(address), readiness: readiness, zone: place, ports: [.http])
        }
        let service = Service(
            "web",
            [endpoint("10.1.0.1", "b"), endpoint("10.1.0.2", "a"), endpoint("10.1.0.3", nil)]
        )
        let zone = ZoneDefinition(name: "example", schema: .kubernetes, systems: ["east"], near: "a", ttl: 5)
        let sets = TestBed(zone, [service]).published.names["web.shop.svc.example"] ?? []
        #expect(sets.first { $0.type == .a }?.data.map(\.text) == ["10.1.0.2", "10.1.0.1", "10.1.0.3"])
        #expect(
            sets.first { $0.type == .srv }?.data.map { $0.text.prefix(1) } == ["0", "5", "5"]
        )
        let merged = ZoneDefinition(
            name: "mesh",
            schema: .merged,
            systems: ["east"],
            prefer: "east",
            near: "a",
            ttl: 5
        )
        let draining = Service("web", [endpoint("10.1.0.1", "a", .draining), endpoint("10.1.0.2", "b")])
        let srv = TestBed(merged, [draining]).published.names["web.shop.svc.mesh"]?.first { $0.type == .srv }
        #expect(srv?.data.map { $0.text.split(separator: " ")[0] } == ["5", "20"])
    }
}
