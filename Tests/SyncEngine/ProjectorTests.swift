import ServiceCatalog
import SyncEngine
import Testing

@Suite struct ProjectorTests {
    private func projector(_ template: String = "{service}", selectsByDefault: Bool = true) throws -> Projector {
        let definition = SyncDefinition(
            from: "k8s",
            to: "dc1",
            template: try NameTemplate(template),
            selectsByDefault: selectsByDefault
        )
        return Projector(definition: definition, cluster: "east") { Normalised($0) }
    }

    private static let ports = [
        ServicePort(name: "http", number: 80), ServicePort(name: "metrics", number: 9090),
        ServicePort(name: "dns", number: 53, transport: .udp),
    ]

    private func ids(_ projector: Projector, _ service: Service) -> [String: [String]] {
        Dictionary(
            uniqueKeysWithValues: projector.names(of: service).map { name in
                (name, projector.project(service, as: name).entries.keys.map(\.rawValue).sorted())
            }
        )
    }

    @Test("The first port goes under the name, every other under a name of its own")
    func ports() throws {
        let service = service("cart", [1], ports: Self.ports)
        #expect(
            try ids(projector(), service) == [
                "cart": ["cart@10.0.0.1:8080"], "cart-metrics": ["cart-metrics@10.0.0.1:17090"],
                "cart-dns": ["cart-dns@10.0.0.1:8053"],
            ]
        )
    }

    @Test("With {port} in the template it names every port, unnamed ones by number")
    func portTemplate() throws {
        let named = service("cart", [1], ports: Self.ports)
        #expect(try projector("{service}-{port}").names(of: named) == ["cart-http", "cart-metrics", "cart-dns"])
        let unnamed = service("cart", [1], ports: [ServicePort(number: 80)])
        #expect(try projector("{service}-{port}").names(of: unnamed) == ["cart-80"])
    }

    @Test(
        "The port annotation chooses one port, by name or number",
        arguments: [
            (ServiceSettings.PortChoice.named("metrics"), 17090), (.number(9090), 17090), (.number(80), 8080),
        ]
    )
    func portChoice(choice: ServiceSettings.PortChoice, expected: Int) throws {
        let service = service("cart", [1], settings: ServiceSettings(port: choice), ports: Self.ports)
        let projection = try projector().project(service, as: "cart")
        #expect(try projector().names(of: service) == ["cart"])
        #expect(projection.entries.values.map { Int($0.port) } == [expected])
        #expect(projection.problems.isEmpty)
    }

    @Test("A port annotation that fits no port is reported, and the service is written as without it")
    func portMissing() throws {
        let service = service("cart", [1], settings: ServiceSettings(port: .named("nope")), ports: Self.ports)
        #expect(try projector().names(of: service).count == 3)
        #expect(try projector().project(service, as: "cart").problems.map(\.code) == [.portMissing])
    }

    @Test("A service without ports is written without", arguments: [[], [EndpointPort(number: 7)]])
    func noPorts(endpointPorts: [EndpointPort]) throws {
        var headless = service("cart", [1], ports: [])
        headless.endpoints[0].ports = endpointPorts
        let entries = try projector().project(headless, as: "cart").entries
        #expect(entries.values.map(\.port) == [endpointPorts.first?.number ?? 0])
    }

    @Test(
        "Names come from the template, and an annotation overrides it",
        arguments: [
            ("{service}", nil, "cart"), ("{service}.{namespace}", nil, "cart.shop"),
            ("{cluster}-{system}-{namespace}-{service}", nil, "east-k8s-shop-cart"), ("{service}-{port}", "x", "x"),
            ("{service}.{namespace}", "x", "x"), ("k-{service}", nil, "k-cart"),
        ]
    )
    func names(template: String, annotation: String?, expected: String) throws {
        let service = service(
            "cart",
            [1],
            settings: ServiceSettings(name: annotation),
            ports: [ServicePort(number: 80)]
        )
        #expect(try projector(template).names(of: service) == [expected])
    }

    @Test(
        "A template that cannot name services is refused",
        arguments: [
            "", "x", "{namespace}", "{service", "service}", "{service}{nope}", "{}", "{service}}", "{{service}}",
        ]
    )
    func badTemplates(text: String) {
        #expect(throws: NameTemplate.Invalid.self) { try NameTemplate(text) }
    }

    @Test(
        "Who takes part",
        arguments: [
            (ServiceSettings.none, true, true), (.none, false, false), (ServiceSettings(sync: false), true, false),
            (ServiceSettings(sync: true), false, true), (ServiceSettings(targets: ["dc1", "hz"]), true, true),
            (ServiceSettings(targets: ["hz"]), true, false),
            (ServiceSettings(sync: true, targets: ["hz"]), true, false),
        ]
    )
    func selection(settings: ServiceSettings, byDefault: Bool, expected: Bool) throws {
        let names = try projector(selectsByDefault: byDefault).names(of: service("cart", [1], settings: settings))
        #expect(names.isEmpty != expected)
    }

    @Test("An ExternalName service is one instance with a name for an address, per port")
    func alias() throws {
        var alias = service("db", [], ports: [ServicePort(name: "sql", number: 5432)])
        alias.kind = .alias("db.example.com")
        let entry = try #require(try projector().project(alias, as: "db").entries.values.first)
        #expect(entry.host == .name("db.example.com"))
        #expect(entry.port == 5432)
        #expect(entry.health == .passing)
        alias.ports = []
        #expect(try projector().project(alias, as: "db").entries.values.map(\.port) == [0])
    }

    @Test("Addresses of a load balancer are no instances: without endpoints they lead nowhere")
    func externalHosts() throws {
        var service = service("cart", [])
        service.externalHosts = [Host("203.0.113.1")]
        #expect(try projector().project(service, as: "cart").entries.isEmpty)
    }

    @Test("Both families of a dual-stack service are instances, and their ids differ")
    func dualStack() throws {
        var service = service("cart", [1])
        var second = service.endpoints[0]
        second.host = Host("fd00::1")
        service.endpoints.append(second)
        let ids = try ids(projector(), service)
        #expect(ids == ["cart": ["cart@10.0.0.1:8080", "cart@[fd00::1]:8080"]])
    }

    @Test("An address that appears twice counts once, with the better health")
    func twice() throws {
        var service = service("cart", [1], notReady: [1])
        var second = service.endpoints[0]
        second.targetName = "other"
        second.readiness = .ready
        service.endpoints.append(second)
        let entries = try projector().project(service, as: "cart").entries
        #expect(entries.values.map(\.health) == [.passing])
    }

    @Test("What a registry says of an endpoint goes along; annotations win; Portolan's own keys cannot be forged")
    func attributes() throws {
        let settings = ServiceSettings(
            tags: ["a"],
            metadata: ["team": "x", "portolan-owner": "evil"],
            weight: 3
        )
        var service = service("cart", [1], settings: settings)
        service.endpoints[0].attributes = EndpointAttributes(
            weight: 9,
            tags: ["a", "b"],
            metadata: ["team": "y", "rack": "7", "portolan-from": "evil"]
        )
        let projection = try projector().project(service, as: "cart")
        let entry = try #require(projection.entries.values.first)
        #expect(entry.tags == ["a", "b"])
        #expect(entry.metadata == ["team": "x", "rack": "7"])
        #expect(entry.weight == 3)
        #expect(entry.mark.owner == "east")
        #expect(projection.problems.map(\.code) == [.annotationInvalid])
    }

    @Test("Mark and description survive the way through metadata")
    func metadata() throws {
        var service = service("cart", [1], settings: ServiceSettings(metadata: ["team": "x"]))
        service.endpoints[0].ports[0].transport = .udp
        service.endpoints[0].ports[0].appProtocol = "h2c"
        service.endpoints[0].attributes = EndpointAttributes(
            origin: Origin(cluster: "west", system: "hz"),
            metadata: ["portolan-via": "west/etcd"]
        )
        let entry = try #require(try projector().project(service, as: "cart").entries.values.first)
        let read = EntryMetadata(entry.storedMetadata)
        #expect(read.mark == entry.mark)
        #expect(read.mark?.via.count == 2)
        #expect(read.instance == "cart-1")
        #expect(read.node == "node-1")
        #expect(read.zone == "a")
        #expect(read.portName == "http")
        #expect(read.transport == .udp)
        #expect(read.appProtocol == "h2c")
        #expect(read.rest == ["team": "x"])
        #expect(EntryMetadata(["portolan-owner": "east"]).mark == nil, "an owner alone is no mark")
    }
}
