import DNSCore
import DNSZones
import ServiceCatalog
import Testing

@Suite struct MergedZoneTests {
    private func bed(_ zone: ZoneDefinition, east: [Service], west: [Service]) -> TestBed {
        var bed = TestBed(zone)
        bed.send(.snapshot(east), from: "east")
        bed.send(.snapshot(west), from: "west")
        return bed
    }

    private let east = Service("web", .clusterAddress, at: ["10.96.0.1"], ports: [.http], [Endpoint("10.1.0.1")])
    private let west = Service("web", in: "west", [Endpoint("10.2.0.1", hostname: "web-0")])

    @Test("One name for both clusters; hosts stand below their system; cluster addresses are not shown")
    func bothClusters() {
        #expect(
            bed(.merged(), east: [east], west: [west]).published.lines
                == """
                dns-version.mesh. 28800 IN TXT "1.0.0"
                web.shop.svc.mesh. 5 IN A 10.1.0.1
                web.shop.svc.mesh. 5 IN A 10.2.0.1
                web.shop.svc.mesh. 5 IN SRV 0 50 8080 10-1-0-1.east.web.shop.svc.mesh.
                web.shop.svc.mesh. 5 IN SRV 0 50 8080 web-0.west.web.shop.svc.mesh.
                _http._tcp.web.shop.svc.mesh. 5 IN SRV 0 50 8080 10-1-0-1.east.web.shop.svc.mesh.
                _http._tcp.web.shop.svc.mesh. 5 IN SRV 0 50 8080 web-0.west.web.shop.svc.mesh.
                10-1-0-1.east.web.shop.svc.mesh. 5 IN A 10.1.0.1
                web-0.west.web.shop.svc.mesh. 5 IN A 10.2.0.1
                """.sortedLines
        )
    }

    @Test("The preferred system comes first: in SRV priority and in the order of addresses; draining comes last")
    func preference() {
        let east = Service("web", [Endpoint("10.1.0.1"), Endpoint("10.1.0.2", .draining)])
        let west = Service("web", in: "west", [Endpoint("10.2.0.1"), Endpoint("10.2.0.2", .draining)])
        let sets = bed(.merged(prefer: "west"), east: [east], west: [west]).published.names["web.shop.svc.mesh"] ?? []
        #expect(sets.first { $0.type == .a }?.data.map(\.text) == ["10.2.0.1", "10.1.0.1"])
        #expect(
            sets.first { $0.type == .srv }?.data.map(\.text) == [
                "0 100 8080 10-2-0-1.west.web.shop.svc.mesh.", "10 100 8080 10-1-0-1.east.web.shop.svc.mesh.",
                "20 0 8080 10-2-0-2.west.web.shop.svc.mesh.", "30 0 8080 10-1-0-2.east.web.shop.svc.mesh.",
            ]
        )
    }

    @Test("A cluster that goes leaves the other's endpoints, and the names of its hosts go with it")
    func oneClusterGoes() {
        var bed = bed(.merged(prefer: "east"), east: [east], west: [west])
        bed.remove(east.key)
        #expect(
            bed.published.serviceLines
                == """
                web.shop.svc.mesh. 5 IN A 10.2.0.1
                web.shop.svc.mesh. 5 IN SRV 10 100 8080 web-0.west.web.shop.svc.mesh.
                _http._tcp.web.shop.svc.mesh. 5 IN SRV 10 100 8080 web-0.west.web.shop.svc.mesh.
                web-0.west.web.shop.svc.mesh. 5 IN A 10.2.0.1
                """.sortedLines
        )
        bed.remove(east.key, from: "west")
        #expect(bed.published.serviceLines.isEmpty)
    }

    @Test("An endpoint mirrored from one system of the zone into another is shown once, where it came from")
    func mirrored() {
        let copy = Endpoint("10.1.0.1", origin: Origin(cluster: "one", system: "east"))
        let foreign = Endpoint("10.3.0.1", origin: Origin(cluster: "two", system: "east"))
        let bed = bed(.merged(), east: [east], west: [Service("web", in: "west", [copy, foreign])])
        #expect(bed.published.names["10-1-0-1.west.web.shop.svc.mesh"] == nil)
        #expect(bed.published.names["10-3-0-1.west.web.shop.svc.mesh"] != nil)
        #expect(bed.published.names["web.shop.svc.mesh"]?.first?.data.map(\.text) == ["10.1.0.1", "10.3.0.1"])
    }

    @Test("Names of registries become single labels, and ports without a name have no SRV name")
    func registryNames() {
        let service = Service("DEFAULT_GROUP/cart.v2", [Endpoint("10.1.0.1", ports: [.unnamed])])
        #expect(
            bed(.merged(), east: [service], west: []).published.serviceLines
                == """
                cartx--2ev2.default_group.svc.mesh. 5 IN A 10.1.0.1
                cartx--2ev2.default_group.svc.mesh. 5 IN SRV 0 100 9000 10-1-0-1.east.cartx--2ev2.default_group.svc.mesh.
                10-1-0-1.east.cartx--2ev2.default_group.svc.mesh. 5 IN A 10.1.0.1
                """.sortedLines
        )
    }

    @Test("An alias is not merged, and the reason is told")
    func alias() {
        let bed = bed(.merged(), east: [Service("ext", .alias("www.example.com"))], west: [])
        #expect(bed.published.serviceLines.isEmpty)
        let reasons = bed.state.explain(ServiceKey("ext"), in: "east")?.reasons ?? []
        #expect(reasons.contains { $0.contains("ExternalName") })
    }

    @Test("The gRPC config is the preferred system's, in one record")
    func grpcConfig() {
        func service(_ config: String, in system: SystemName) -> Service {
            Service("web", settings: ServiceSettings(grpcConfig: config), in: system, [Endpoint("10.1.0.1", ports: [])])
        }
        let bed = bed(
            .merged(prefer: "west"),
            east: [service(#"{"a":1}"#, in: "east")],
            west: [service(#"{"b":2}"#, in: "west")]
        )
        #expect(
            bed.published.names["_grpc_config.web.shop.svc.mesh"]?.flatMap(\.data).map(\.text) == [
                #""grpc_config=[{\"serviceConfig\":{\"b\":2}}]""#
            ]
        )
    }

    @Test("The zone is not answered before all its systems were read, and then loads at once")
    func readiness() {
        var bed = TestBed(.merged())
        bed.send(.snapshot([east]), from: "east")
        #expect(!bed.state.isReady)
        #expect(bed.batches.isEmpty)
        #expect(bed.state.awaited == ["west"])
        #expect(bed.state.explain(east.key, in: "east")?.reasons.first?.contains("west") == true)
        bed.send(.changes([.set(west)]), from: "west")
        #expect(!bed.state.isReady)
        bed.send(.snapshot([west]), from: "west")
        #expect(bed.state.isReady)
        #expect(bed.batches.map(\.changes.count) == [1, 4])
        #expect(bed.published.names["web.shop.svc.mesh"]?.first?.data.count == 2)
    }
}
