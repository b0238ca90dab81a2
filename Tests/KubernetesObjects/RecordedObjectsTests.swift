import KubernetesObjects
import ServiceCatalog
import Testing

/// The decoders against a real API server's answers.
@Suite struct RecordedObjectsTests {
    @Test("A Service reads the same from JSON and from protobuf", arguments: Recording.pairs(in: "services"))
    func services(name: String) throws {
        try expectEqualObjects(ServiceObject.self, name)
    }

    @Test(
        "An EndpointSlice reads the same from JSON and from protobuf",
        arguments: Recording.pairs(in: "endpointslices")
    )
    func slices(name: String) throws {
        try expectEqualObjects(EndpointSliceObject.self, name)
    }

    @Test("An Endpoints reads the same from JSON and from protobuf", arguments: Recording.pairs(in: "endpoints"))
    func endpoints(name: String) throws {
        try expectEqualObjects(EndpointsObject.self, name)
    }

    private func expectEqualObjects<Object: ReadableObject>(_ type: Object.Type, _ name: String) throws {
        let json = try ObjectDecoder<Object>.decodeObject(try Recording("\(name).json").body, encoding: .json)
        let protobuf = try ObjectDecoder<Object>.decodeObject(try Recording("\(name).proto").body, encoding: .protobuf)
        #expect(json == protobuf)
        #expect(name.hasSuffix("/\(json.metadata.name).get"))
        #expect(json.metadata.namespace == "rec-a")
        #expect(!json.metadata.resourceVersion.isEmpty)
    }

    @Test("Every pair is there")
    func pairsAreThere() {
        #expect(Recording.pairs(in: "services").count == 11)
        #expect(Recording.pairs(in: "endpointslices").count == 12)
        #expect(Recording.pairs(in: "endpoints").count == 4)
        #expect(Recording.pairs(in: "lists").count == 9)
        #expect(Recording.pairs(in: "watch").count == 12)
    }

    // MARK: What is in them

    private func service(_ name: String) throws -> ServiceObject {
        try ObjectDecoder.decodeObject(try Recording("services/\(name).get.proto").body, encoding: .protobuf)
    }

    private func slice(_ name: String) throws -> EndpointSliceObject {
        try ObjectDecoder.decodeObject(try Recording("endpointslices/\(name).get.proto").body, encoding: .protobuf)
    }

    private func endpoints(_ name: String) throws -> EndpointsObject {
        try ObjectDecoder.decodeObject(try Recording("endpoints/\(name).get.proto").body, encoding: .protobuf)
    }

    private static func host(_ text: String) -> Host { Host(text) }

    @Test("Cluster addresses, ports and the selector of a Service are kept")
    func servicePorts() throws {
        let plain = try service("clusterip")
        #expect(plain.clusterAddresses.count == 1)
        #expect(!plain.isHeadless)
        #expect(plain.hasSelector)
        #expect(try service("no-selector").hasSelector == false)
        let several = try service("several-ports")
        #expect(Set(several.ports.map(\.transport)) == [.tcp, .udp, .sctp])
        #expect(several.ports.contains { $0.appProtocol != nil })
        #expect(try service("nodeport").ports.allSatisfy { $0.nodePort != nil })
        #expect(try service("nodeport").type == .nodePort)
    }

    @Test("A headless Service has no cluster address")
    func headless() throws {
        for name in ["headless", "headless-no-ports"] {
            let object = try service(name)
            #expect(object.isHeadless)
            #expect(object.clusterAddresses.isEmpty)
            #expect(object.problems.isEmpty)
        }
        #expect(try service("headless-no-ports").ports.isEmpty)
    }

    @Test("Dual-stack addresses keep their order")
    func dualStack() throws {
        let dual = try service("dual-require").clusterAddresses
        #expect(dual.map(\.isIPv4) == [true, false])
        #expect(try service("ipv6-only").clusterAddresses.map(\.isIPv4) == [false])
    }

    @Test("Load balancer ingress and external addresses become external hosts")
    func external() throws {
        #expect(try service("loadbalancer").externalHosts == [Host("203.0.113.10"), .name("lb.example.com")])
        #expect(try service("annotated").externalHosts == [Host("203.0.113.7")])
        let alias = try service("externalname")
        #expect(alias.type == .externalName)
        #expect(alias.externalName == "db.example.com")
    }

    @Test("Only Portolan's annotations are kept, with every character")
    func annotations() throws {
        let settings = try service("annotated").settings
        #expect(settings.sync == true)
        #expect(settings.metadata == ["owner": "Zoë 港"])
        #expect(settings.grpcConfig == #"{"loadBalancingConfig":[{"round_robin":{}}]}"#)
        #expect(settings.problems.isEmpty)
        #expect(try service("annotated").publishesNotReadyAddresses)
        #expect(try service("clusterip").settings === ServiceSettings.none)
    }

    @Test("Conditions become readiness")
    func readiness() throws {
        #expect(try slice("terminating").endpoints.map(\.readiness) == [.draining, .notReady])
        #expect(try slice("hints").endpoints.map(\.readiness) == [.ready], "absent conditions are ready")
    }

    @Test("What is said of an endpoint is kept")
    func endpointFields() throws {
        let hints = try #require(try slice("hints").endpoints.first)
        #expect(hints.nodeName == "node-a")
        #expect(hints.zone == "eu-1a")
        #expect(hints.ports == [EndpointPort(name: "http", number: 8080)])
        #expect(hints.hostname == nil)
        #expect(try slice("hostnames").endpoints.allSatisfy { $0.hostname != nil })
        #expect(try slice("hints").serviceName == "clusterip")
    }

    @Test("Every address of an entry is an endpoint")
    func addresses() throws {
        #expect(try slice("two-addresses").endpoints.map(\.host) == [Host("10.1.7.1"), Host("10.1.7.2")])
        #expect(try slice("ipv6").endpoints.allSatisfy { $0.host.address?.isIPv4 == false })
        #expect(try slice("fqdn").endpoints.map(\.host) == [.name("db.example.com")])
        #expect(try slice("null-endpoints").endpoints.isEmpty)
        #expect(try slice("no-endpoints").endpoints.isEmpty)
        #expect(try slice("no-ports").endpoints.map(\.ports) == [[]])
        #expect(try slice("unnamed-port").endpoints.map(\.ports) == [[EndpointPort(number: 9000)]])
    }

    @Test("The subsets of an Endpoints keep their own ports")
    func subsets() throws {
        let several = try endpoints("several-ports").endpoints
        #expect(several.map(\.host) == [Host("10.1.4.1"), Host("10.1.4.2")])
        #expect(several[0].ports.map(\.number) == [9090, 53])
        #expect(several[0].ports[0].appProtocol == "kubernetes.io/h2c")
        #expect(several[0].hostname == "m-0")
        #expect(several[1].ports.map(\.number) == [9091])
        let plain = try endpoints("clusterip").endpoints
        #expect(Set(plain.map(\.readiness)) == [.ready, .notReady])
    }

    // MARK: Lists

    private func list<Object: ReadableObject>(
        _ name: String,
        _ encoding: ObjectEncoding
    ) throws -> ObjectList<Object> {
        let recording = try Recording("lists/\(name).\(encoding == .json ? "json" : "proto")")
        return try ObjectDecoder.decodeList(recording.body, encoding: encoding)
    }

    private func expectEqualLists<Object: ReadableObject>(_ type: Object.Type, _ name: String, count: Int) throws {
        let json: ObjectList<Object> = try list(name, .json)
        let protobuf: ObjectList<Object> = try list(name, .protobuf)
        #expect(json.items == protobuf.items)
        #expect(json.resourceVersion == protobuf.resourceVersion)
        #expect(json.continueToken == protobuf.continueToken)
        #expect(json.malformed.isEmpty && protobuf.malformed.isEmpty)
        #expect(json.items.count == count)
        #expect(!json.resourceVersion.isEmpty)
    }

    @Test("Lists read the same from JSON and from protobuf")
    func lists() throws {
        try expectEqualLists(ServiceObject.self, "services", count: 13)
        try expectEqualLists(EndpointSliceObject.self, "endpointslices", count: 13)
        try expectEqualLists(EndpointsObject.self, "endpoints", count: 4)
        try expectEqualLists(EndpointSliceObject.self, "endpointslices-of-one-service", count: 7)
        try expectEqualLists(ServiceObject.self, "services-empty", count: 0)
        try expectEqualLists(ServiceObject.self, "page-1", count: 4)
        try expectEqualLists(ServiceObject.self, "page-2", count: 3)
    }

    @Test("A page but the last carries a token, and the pages share their version")
    func pages() throws {
        let first: ObjectList<ServiceObject> = try list("page-1", .protobuf)
        let second: ObjectList<ServiceObject> = try list("page-2", .protobuf)
        #expect(!first.continueToken.isEmpty)
        #expect(second.continueToken.isEmpty)
        #expect(first.resourceVersion == second.resourceVersion)
    }

    @Test("Indented JSON reads as well")
    func pretty() throws {
        let list = try ObjectDecoder<ServiceObject>.decodeList(
            try Recording("lists/services.pretty").body,
            encoding: .json
        )
        #expect(list.items.map(\.metadata.name) == ["externalname"])
    }

    @Test("A list of another kind is refused by name", arguments: ObjectEncoding.allCases)
    func foreignList(encoding: ObjectEncoding) throws {
        let error = #expect(throws: ObjectDecodingError.self) {
            let _: ObjectList<ServiceObject> = try list("services.partial-metadata", encoding)
        }
        #expect(
            error?.reason == .unexpectedKind(found: "PartialObjectMetadataList", expected: "ServiceList")
        )
    }
}
