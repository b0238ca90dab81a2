import DNSCore
import DNSZones
import ServiceCatalog
import Testing

@Suite struct KubernetesZoneTests {
    struct Row: CustomTestStringConvertible {
        let testDescription: String
        let service: Service
        let zone: String

        init(_ situation: String, _ service: Service, _ zone: String) {
            (testDescription, self.service, self.zone) = (situation, service, zone)
        }
    }

    static let rows = [
        Row(
            "A service with a cluster address: the address, all ports at its name, named ports at theirs",
            Service("web", .clusterAddress, at: ["10.96.0.1"], ports: [.http, .unnamed]),
            """
            web.shop.svc.example. 5 IN A 10.96.0.1
            web.shop.svc.example. 5 IN SRV 0 50 80 web.shop.svc.example.
            web.shop.svc.example. 5 IN SRV 0 50 90 web.shop.svc.example.
            _http._tcp.web.shop.svc.example. 5 IN SRV 0 100 80 web.shop.svc.example.
            """
        ),
        Row(
            "Cluster addresses of both families; SRV weight counts both, as with CoreDNS",
            Service("web", .clusterAddress, at: ["10.96.0.1", "fd00::1"], ports: [.http]),
            """
            web.shop.svc.example. 5 IN A 10.96.0.1
            web.shop.svc.example. 5 IN AAAA fd00::1
            web.shop.svc.example. 5 IN SRV 0 50 80 web.shop.svc.example.
            _http._tcp.web.shop.svc.example. 5 IN SRV 0 50 80 web.shop.svc.example.
            """
        ),
        Row(
            "A service with a cluster address and endpoints: SRV names the service and its port, endpoints have names",
            Service("web", .clusterAddress, at: ["10.96.0.1"], ports: [.http], [Endpoint("10.1.0.1")]),
            """
            web.shop.svc.example. 5 IN A 10.96.0.1
            web.shop.svc.example. 5 IN SRV 0 100 80 web.shop.svc.example.
            _http._tcp.web.shop.svc.example. 5 IN SRV 0 100 80 web.shop.svc.example.
            10-1-0-1.web.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.web.shop.svc.example. 5 IN SRV 0 100 8080 10-1-0-1.web.shop.svc.example.
            """
        ),
        Row(
            "One port number over two protocols: two names, and one record at the service",
            Service(
                "dns",
                .clusterAddress,
                at: ["10.96.0.10"],
                ports: [
                    ServicePort(name: "dns", number: 53, transport: .udp), ServicePort(name: "dns-tcp", number: 53),
                    ServicePort(name: "assoc", number: 54, transport: .sctp),
                ]
            ),
            """
            dns.shop.svc.example. 5 IN A 10.96.0.10
            dns.shop.svc.example. 5 IN SRV 0 33 53 dns.shop.svc.example.
            dns.shop.svc.example. 5 IN SRV 0 33 54 dns.shop.svc.example.
            _dns._udp.dns.shop.svc.example. 5 IN SRV 0 100 53 dns.shop.svc.example.
            _dns-tcp._tcp.dns.shop.svc.example. 5 IN SRV 0 100 53 dns.shop.svc.example.
            _assoc._sctp.dns.shop.svc.example. 5 IN SRV 0 100 54 dns.shop.svc.example.
            """
        ),
        Row(
            "A headless service: ready endpoints only, named by hostname or by address, with the endpoints' ports",
            Service(
                "db",
                [
                    Endpoint("10.1.0.1", hostname: "db-0"), Endpoint("10.1.0.2"), Endpoint("10.1.0.3", .notReady),
                    Endpoint("10.1.0.4", .draining), Endpoint("fd00::12"), Endpoint("fd00:1::"),
                ]
            ),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            db.shop.svc.example. 5 IN A 10.1.0.2
            db.shop.svc.example. 5 IN AAAA fd00::12
            db.shop.svc.example. 5 IN AAAA fd00:1::
            db.shop.svc.example. 5 IN SRV 0 25 8080 db-0.db.shop.svc.example.
            db.shop.svc.example. 5 IN SRV 0 25 8080 10-1-0-2.db.shop.svc.example.
            db.shop.svc.example. 5 IN SRV 0 25 8080 fd00--12.db.shop.svc.example.
            db.shop.svc.example. 5 IN SRV 0 25 8080 fd00-1--0.db.shop.svc.example.
            _http._tcp.db.shop.svc.example. 5 IN SRV 0 25 8080 db-0.db.shop.svc.example.
            _http._tcp.db.shop.svc.example. 5 IN SRV 0 25 8080 10-1-0-2.db.shop.svc.example.
            _http._tcp.db.shop.svc.example. 5 IN SRV 0 25 8080 fd00--12.db.shop.svc.example.
            _http._tcp.db.shop.svc.example. 5 IN SRV 0 25 8080 fd00-1--0.db.shop.svc.example.
            db-0.db.shop.svc.example. 5 IN A 10.1.0.1
            db-0.db.shop.svc.example. 5 IN SRV 0 100 8080 db-0.db.shop.svc.example.
            10-1-0-2.db.shop.svc.example. 5 IN A 10.1.0.2
            10-1-0-2.db.shop.svc.example. 5 IN SRV 0 100 8080 10-1-0-2.db.shop.svc.example.
            fd00--12.db.shop.svc.example. 5 IN AAAA fd00::12
            fd00--12.db.shop.svc.example. 5 IN SRV 0 100 8080 fd00--12.db.shop.svc.example.
            fd00-1--0.db.shop.svc.example. 5 IN AAAA fd00:1::
            fd00-1--0.db.shop.svc.example. 5 IN SRV 0 100 8080 fd00-1--0.db.shop.svc.example.
            """
        ),
        Row(
            "Endpoints with one hostname share a name and one SRV record; the weight counts addresses",
            Service("db", [Endpoint("10.1.0.1", hostname: "a"), Endpoint("10.1.0.2", hostname: "A")]),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            db.shop.svc.example. 5 IN A 10.1.0.2
            db.shop.svc.example. 5 IN SRV 0 50 8080 a.db.shop.svc.example.
            _http._tcp.db.shop.svc.example. 5 IN SRV 0 50 8080 a.db.shop.svc.example.
            a.db.shop.svc.example. 5 IN A 10.1.0.1
            a.db.shop.svc.example. 5 IN A 10.1.0.2
            a.db.shop.svc.example. 5 IN SRV 0 50 8080 a.db.shop.svc.example.
            """
        ),
        Row(
            "A hostname that spells another endpoint's address shares its name",
            Service(
                "db",
                [Endpoint("10.1.0.1", ports: []), Endpoint("10.1.0.2", hostname: "10-1-0-1", ports: [])]
            ),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            db.shop.svc.example. 5 IN A 10.1.0.2
            10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.2
            """
        ),
        Row(
            "An address seen twice is one record",
            Service("db", [Endpoint("10.1.0.1", pod: "a", ports: []), Endpoint("10.1.0.1", pod: "b", ports: [])]),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.1
            """
        ),
        Row(
            "A headless service without ports has addresses alone",
            Service("db", [Endpoint("10.1.0.1", ports: [])]),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.1
            """
        ),
        Row(
            "Unnamed ports are listed at the service and have no name of their own",
            Service("db", [Endpoint("10.1.0.1", ports: [.unnamed])]),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            db.shop.svc.example. 5 IN SRV 0 100 9000 10-1-0-1.db.shop.svc.example.
            10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.db.shop.svc.example. 5 IN SRV 0 100 9000 10-1-0-1.db.shop.svc.example.
            """
        ),
        Row(
            "Slices with different port numbers: each endpoint with its own",
            Service(
                "db",
                [Endpoint("10.1.0.1"), Endpoint("10.1.0.2", ports: [EndpointPort(name: "http", number: 8081)])]
            ),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            db.shop.svc.example. 5 IN A 10.1.0.2
            db.shop.svc.example. 5 IN SRV 0 50 8080 10-1-0-1.db.shop.svc.example.
            db.shop.svc.example. 5 IN SRV 0 50 8081 10-1-0-2.db.shop.svc.example.
            _http._tcp.db.shop.svc.example. 5 IN SRV 0 50 8080 10-1-0-1.db.shop.svc.example.
            _http._tcp.db.shop.svc.example. 5 IN SRV 0 50 8081 10-1-0-2.db.shop.svc.example.
            10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.db.shop.svc.example. 5 IN SRV 0 100 8080 10-1-0-1.db.shop.svc.example.
            10-1-0-2.db.shop.svc.example. 5 IN A 10.1.0.2
            10-1-0-2.db.shop.svc.example. 5 IN SRV 0 100 8081 10-1-0-2.db.shop.svc.example.
            """
        ),
        Row(
            "A headless service without ready endpoints has no name",
            Service("db", [Endpoint("10.1.0.1", .notReady)]),
            ""
        ),
        Row(
            "A service with a cluster address and no endpoints has a name",
            Service("web", .clusterAddress, at: ["10.96.0.1"], [Endpoint("10.1.0.1", .notReady)]),
            "web.shop.svc.example. 5 IN A 10.96.0.1"
        ),
        Row(
            "A manifest that leaves out the cluster address is shown by its endpoints",
            Service("web", .clusterAddress, ports: [.http], [Endpoint("10.1.0.1", ports: [])]),
            """
            web.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.web.shop.svc.example. 5 IN A 10.1.0.1
            """
        ),
        Row(
            "ExternalName is a CNAME",
            Service("ext", .alias("WWW.example.com")),
            "ext.shop.svc.example. 5 IN CNAME www.example.com."
        ),
        Row("ExternalName of an address is nothing", Service("ext", .alias("192.0.2.1")), ""),
        Row("ExternalName of itself is nothing", Service("ext", .alias("ext.shop.svc.example")), ""),
        Row("ExternalName that is no name is nothing", Service("ext", .alias("no such name")), ""),
        Row(
            "An annotated weight is every record's",
            Service(
                "db",
                settings: ServiceSettings(weight: 7),
                [Endpoint("10.1.0.1", ports: [.unnamed]), Endpoint("10.1.0.2", ports: [.unnamed])]
            ),
            """
            db.shop.svc.example. 5 IN A 10.1.0.1
            db.shop.svc.example. 5 IN A 10.1.0.2
            db.shop.svc.example. 5 IN SRV 0 7 9000 10-1-0-1.db.shop.svc.example.
            db.shop.svc.example. 5 IN SRV 0 7 9000 10-1-0-2.db.shop.svc.example.
            10-1-0-1.db.shop.svc.example. 5 IN A 10.1.0.1
            10-1-0-1.db.shop.svc.example. 5 IN SRV 0 7 9000 10-1-0-1.db.shop.svc.example.
            10-1-0-2.db.shop.svc.example. 5 IN A 10.1.0.2
            10-1-0-2.db.shop.svc.example. 5 IN SRV 0 7 9000 10-1-0-2.db.shop.svc.example.
            """
        ),
        Row(
            "A gRPC service config is one TXT record beside the service",
            Service(
                "web",
                .clusterAddress,
                at: ["10.96.0.1"],
                settings: ServiceSettings(grpcConfig: #"{"loadBalancingConfig":[{"round_robin":{}}]}"#)
            ),
            #"""
            web.shop.svc.example. 5 IN A 10.96.0.1
            _grpc_config.web.shop.svc.example. 5 IN TXT "grpc_config=[{\"serviceConfig\":{\"loadBalancingConfig\":[{\"round_robin\":{}}]}}]"
            """#
        ),
        Row(
            "A gRPC service config does not give a name to a service that has none",
            Service("db", settings: ServiceSettings(grpcConfig: "{}"), [Endpoint("10.1.0.1", .notReady)]),
            ""
        ),
        Row("A name that is no label is not shown", Service("shop/Not_A_Label", [Endpoint("10.1.0.1")]), ""),
    ]

    @Test("A Kubernetes zone shows what the specification and CoreDNS show", arguments: rows)
    func records(row: Row) {
        let bed = TestBed(.kubernetes(), [row.service])
        #expect(bed.published.serviceLines == row.zone.sortedLines)
    }

    @Test("The schema's version is told with the specification's TTL, also by an empty zone")
    func version() {
        #expect(TestBed(.kubernetes(), []).published.lines == [#"dns-version.example. 28800 IN TXT "1.1.0""#])
    }

    @Test("The share of a weight never falls below 1", arguments: [(1, 100), (3, 33), (100, 1), (150, 1)])
    func weights(endpoints: Int, weight: UInt16) {
        let service = Service("db", (0..<endpoints).map { Endpoint("10.1.0.\($0)") })
        let bed = TestBed(.kubernetes(), [service])
        let records = bed.published.names["_http._tcp.db.shop.svc.example"]?.first?.data ?? []
        #expect(records.count == endpoints)
        for record in records {
            guard case .srv(_, let found, _, _) = record else {
                Issue.record("not an SRV record: \(record)")
                continue
            }
            #expect(found == weight)
        }
    }

    @Test("A and AAAA records of pods with both families come in one order of pods, so that both can be cut alike")
    func families() {
        let service = Service(
            "db",
            [
                Endpoint("10.1.0.1", pod: "a"), Endpoint("10.1.0.2", pod: "b"), Endpoint("10.1.0.3", pod: "c"),
                Endpoint("fd00::1", pod: "c"), Endpoint("fd00::2", pod: "b"), Endpoint("fd00::3", pod: "a"),
                Endpoint("fd00::4", pod: "d"),
            ]
        )
        let sets = TestBed(.kubernetes(), [service]).published.names["db.shop.svc.example"] ?? []
        #expect(sets.first { $0.type == .a }?.data.map(\.text) == ["10.1.0.1", "10.1.0.2", "10.1.0.3"])
        #expect(sets.first { $0.type == .aaaa }?.data.map(\.text) == ["fd00::3", "fd00::2", "fd00::1", "fd00::4"])
    }

    struct ProblemRow: CustomTestStringConvertible {
        let testDescription: String
        let service: Service
        let code: Problem.Code
        let part: String
    }

    static let problemRows = [
        ProblemRow(
            testDescription: "hostname that is no label",
            service: Service("db", [Endpoint("10.1.0.1", hostname: "a.b"), Endpoint("10.1.0.2", hostname: "-")]),
            code: .nameInvalid,
            part: "hostname \"a.b\" and 1 more"
        ),
        ProblemRow(
            testDescription: "port name too long for a label with an underscore",
            service: Service(
                "db",
                [Endpoint("10.1.0.1", ports: [EndpointPort(name: String(repeating: "p", count: 63), number: 1)])]
            ),
            code: .nameInvalid,
            part: "at most 62 octets"
        ),
        ProblemRow(
            testDescription: "service that is no label",
            service: Service("shop/Db", [Endpoint("10.1.0.1")]),
            code: .nameInvalid,
            part: "shop/Db makes no name"
        ),
        ProblemRow(
            testDescription: "alias of an address",
            service: Service("ext", .alias("192.0.2.1")),
            code: .addressUnusable,
            part: "address 192.0.2.1"
        ),
        ProblemRow(
            testDescription: "gRPC config that is no JSON",
            service: Service("db", settings: ServiceSettings(grpcConfig: "{"), [Endpoint("10.1.0.1")]),
            code: .annotationInvalid,
            part: "portolan.dev/grpc-config is not JSON"
        ),
        ProblemRow(
            testDescription: "endpoint that is neither address nor name",
            service: Service("db", [Endpoint("no such host")]),
            code: .addressUnusable,
            part: "\"no such host\""
        ),
    ]

    @Test("What cannot be shown is reported, and the report goes with its cause", arguments: problemRows)
    func problems(row: ProblemRow) throws {
        var bed = TestBed(.kubernetes(), [row.service])
        let problem = try #require(bed.state.problems[row.service.key]?.first)
        #expect(problem.code == row.code)
        #expect(problem.message.contains(row.part), "\(problem)")
        bed.remove(row.service.key)
        #expect(bed.state.problems.isEmpty)
        #expect(bed.published.serviceLines.isEmpty)
    }

    @Test("A bad hostname leaves the endpoint named by its address")
    func badHostname() {
        let bed = TestBed(.kubernetes(), [Service("db", [Endpoint("10.1.0.1", hostname: "a.b", ports: [])])])
        #expect(bed.published.names.keys.contains("10-1-0-1.db.shop.svc.example"))
    }
}
