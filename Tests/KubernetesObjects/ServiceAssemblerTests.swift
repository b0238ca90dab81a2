import KubernetesObjects
import ServiceCatalog
import Testing

@Suite struct ServiceAssemblerTests {
    private static let origin = Origin(cluster: "east", system: "east")
    private static let key = ServiceKey(namespace: "shop", name: "cart")

    private static func metadata(_ name: String, version: Int = 1) -> ObjectMetadata {
        ObjectMetadata(namespace: "shop", name: name, resourceVersion: "\(version)")
    }

    private static func service(_ name: String = "cart", version: Int = 1) -> ServiceObject {
        ServiceObject(
            metadata: metadata(name, version: version),
            clusterAddresses: [IPAddress("10.96.0.1")!],
            ports: [ServicePort(name: "http", number: 80)],
            hasSelector: true
        )
    }

    private static let http = [EndpointPort(name: "http", number: 8080)]

    private static func endpoint(_ address: String, _ readiness: Readiness = .ready, target: String? = nil) -> Endpoint
    {
        Endpoint(host: Host(address), readiness: readiness, targetName: target, ports: http)
    }

    private static func slice(
        _ name: String,
        of service: String = "cart",
        _ endpoints: [Endpoint],
        version: Int = 1
    ) -> EndpointSliceObject {
        EndpointSliceObject(metadata: metadata(name, version: version), serviceName: service, endpoints: endpoints)
    }

    private static func endpoints(_ addresses: [String], version: Int = 1) -> EndpointsObject {
        EndpointsObject(metadata: metadata("cart", version: version), endpoints: addresses.map { endpoint($0) })
    }

    private static func assembler(_ source: ServiceAssembler.EndpointSource = .slices) -> ServiceAssembler {
        ServiceAssembler(origin: origin, source: source)
    }

    /// Complete, with these objects.
    private static func complete(
        _ services: [ServiceObject] = [service()],
        _ slices: [EndpointSliceObject] = []
    ) -> ServiceAssembler {
        var assembler = assembler()
        _ = assembler.replaceAll(services: services)
        _ = assembler.replaceAll(slices: slices)
        return assembler
    }

    private func hosts(_ assembler: ServiceAssembler, _ key: ServiceKey = key) -> [String]? {
        assembler.snapshot?.first { $0.key == key }?.endpoints.map { $0.host.description }
    }

    private func changes(_ event: SourceEvent?) -> [ServiceChange] {
        guard let event else { return [] }
        guard case .changes(let changes) = event else {
            Issue.record("not changes: \(event)")
            return []
        }
        return changes
    }

    private func isNothing(_ event: SourceEvent?) -> Bool { event == nil }

    // MARK: Completeness

    @Test("Nothing is told before every kind was listed once; then everything at once")
    func completeness() throws {
        var assembler = Self.assembler()
        #expect(isNothing(assembler.set(Self.service("early"))))
        #expect(isNothing(assembler.replaceAll(services: [Self.service("early"), Self.service()])))
        #expect(isNothing(assembler.set(Self.slice("cart-1", [Self.endpoint("10.0.0.1")]))))
        #expect(assembler.snapshot == nil)
        guard
            case .snapshot(let services) = assembler.replaceAll(slices: [
                Self.slice("cart-1", [Self.endpoint("10.0.0.1")])
            ])
        else {
            Issue.record("no snapshot")
            return
        }
        #expect(services.map(\.key.name) == ["cart", "early"])
        #expect(services[0].endpoints.map(\.host) == [Host("10.0.0.1")])
        #expect(services[0].origin == Self.origin)
        #expect(assembler.isComplete)
    }

    @Test(
        "Each mode waits for the kinds it reads and for no other",
        arguments: [
            (.slices, [.services, .endpointSlices]), (.endpoints, [.services, .endpoints]),
            (.slicesElseEndpoints, [.services, .endpointSlices, .endpoints]),
        ] as [(ServiceAssembler.EndpointSource, [KubernetesResource])]
    )
    func modes(source: ServiceAssembler.EndpointSource, needed: [KubernetesResource]) {
        var assembler = Self.assembler(source)
        for (index, resource) in needed.enumerated() {
            #expect(!assembler.isComplete)
            let event =
                switch resource {
                case .services: assembler.replaceAll(services: [])
                case .endpoints: assembler.replaceAll(endpoints: [])
                default: assembler.replaceAll(slices: [])
                }
            #expect(isNothing(event) == (index < needed.count - 1))
        }
        #expect(assembler.isComplete)
        #expect(assembler.snapshot?.isEmpty == true)
    }

    // MARK: Joining

    @Test("Slices that come before their Service wait for it")
    func sliceFirst() {
        var assembler = Self.complete([])
        #expect(isNothing(assembler.set(Self.slice("cart-1", [Self.endpoint("10.0.0.1")]))))
        #expect(assembler.snapshot == [])
        #expect(changes(assembler.set(Self.service())).count == 1)
        #expect(hosts(assembler) == ["10.0.0.1"])
    }

    @Test("Endpoints that come before their Service wait for it")
    func endpointsFirst() {
        var assembler = Self.assembler(.endpoints)
        _ = assembler.replaceAll(services: [])
        _ = assembler.replaceAll(endpoints: [])
        #expect(isNothing(assembler.set(Self.endpoints(["10.0.0.1"]))))
        #expect(changes(assembler.set(Self.service())).count == 1)
        #expect(hosts(assembler) == ["10.0.0.1"])
    }

    @Test("Several slices of one service are merged, in order and without doubles; both families count")
    func merging() {
        let assembler = Self.complete(
            [Self.service()],
            [
                Self.slice("cart-2", [Self.endpoint("10.0.0.3"), Self.endpoint("10.0.0.1", target: "a")]),
                Self.slice("cart-1", [Self.endpoint("10.0.0.1", .notReady, target: "a"), Self.endpoint("10.0.0.2")]),
                Self.slice("cart-6", [Self.endpoint("fd00::1"), Self.endpoint("10.0.0.1", target: "b")]),
            ]
        )
        #expect(hosts(assembler) == ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"])
        let endpoints = assembler.snapshot?.first?.endpoints ?? []
        #expect(endpoints.map(\.targetName) == ["a", "b", nil, nil, nil])
        #expect(endpoints.first?.readiness == .ready, "a slice that is out of date takes no endpoint out of service")
    }

    @Test("An address with different ports in two slices has all of them")
    func portUnion() {
        var other = Self.endpoint("10.0.0.1")
        other.ports = [EndpointPort(name: "metrics", number: 9090)] + Self.http
        let assembler = Self.complete(
            [Self.service()],
            [Self.slice("cart-1", [Self.endpoint("10.0.0.1")]), Self.slice("cart-2", [other])]
        )
        #expect(assembler.snapshot?.first?.endpoints.map(\.ports) == [Self.http + [other.ports[0]]])
    }

    @Test("Taking away one of several slices takes away its endpoints and no others")
    func oneOfSeveral() {
        var assembler = Self.complete(
            [Self.service()],
            [
                Self.slice("cart-1", [Self.endpoint("10.0.0.1"), Self.endpoint("10.0.0.2")]),
                Self.slice("cart-2", [Self.endpoint("10.0.0.2"), Self.endpoint("10.0.0.3")]),
            ]
        )
        #expect(changes(assembler.removeEndpointSlice(Self.metadata("cart-1"))).count == 1)
        #expect(hosts(assembler) == ["10.0.0.2", "10.0.0.3"])
        #expect(changes(assembler.removeEndpointSlice(Self.metadata("cart-2"))).count == 1)
        #expect(hosts(assembler) == [], "a service without endpoints is still a service")
        #expect(isNothing(assembler.removeEndpointSlice(Self.metadata("cart-2"))))
    }

    @Test("A slice that changes its service leaves the old one")
    func relabelled() {
        var assembler = Self.complete(
            [Self.service(), Self.service("pay")],
            [Self.slice("x", [Self.endpoint("10.0.0.1")])]
        )
        #expect(changes(assembler.set(Self.slice("x", of: "pay", [Self.endpoint("10.0.0.1")]))).count == 2)
        #expect(hosts(assembler) == [])
        #expect(hosts(assembler, ServiceKey(namespace: "shop", name: "pay")) == ["10.0.0.1"])
        let orphan = EndpointSliceObject(metadata: Self.metadata("x"), endpoints: [Self.endpoint("10.0.0.1")])
        #expect(changes(assembler.set(orphan)).count == 1)
        #expect(hosts(assembler, ServiceKey(namespace: "shop", name: "pay")) == [])
    }

    @Test("A Service that goes leaves its slices waiting for its return")
    func serviceGone() {
        var assembler = Self.complete([Self.service()], [Self.slice("x", [Self.endpoint("10.0.0.1")])])
        guard case .remove(Self.key)? = changes(assembler.removeService(Self.metadata("cart"))).first else {
            Issue.record("not removed")
            return
        }
        #expect(assembler.snapshot == [])
        #expect(changes(assembler.set(Self.service())).count == 1)
        #expect(hosts(assembler) == ["10.0.0.1"])
    }

    // MARK: One source for one service

    @Test(
        "Endpoints and slices are never both counted",
        arguments: [
            (.slices, ["10.0.0.1"]), (.endpoints, ["10.0.0.9"]), (.slicesElseEndpoints, ["10.0.0.1"]),
        ] as [(ServiceAssembler.EndpointSource, [String])]
    )
    func oneSource(source: ServiceAssembler.EndpointSource, expected: [String]) {
        var assembler = Self.assembler(source)
        _ = assembler.replaceAll(services: [Self.service()])
        _ = assembler.replaceAll(endpoints: [Self.endpoints(["10.0.0.9"])])
        _ = assembler.replaceAll(slices: [Self.slice("cart-1", [Self.endpoint("10.0.0.1")])])
        #expect(hosts(assembler) == expected)
    }

    @Test("A mirrored slice counts once, with its Endpoints or without")
    func mirrored() {
        for source in [ServiceAssembler.EndpointSource.slices, .slicesElseEndpoints] {
            var assembler = Self.assembler(source)
            _ = assembler.replaceAll(services: [Self.service()])
            _ = assembler.replaceAll(endpoints: [Self.endpoints(["10.0.0.1"])])
            let mirror = EndpointSliceObject(
                metadata: Self.metadata("cart-mirror"),
                serviceName: "cart",
                isMirrored: true,
                endpoints: [Self.endpoint("10.0.0.1")]
            )
            _ = assembler.replaceAll(slices: [mirror])
            #expect(hosts(assembler) == ["10.0.0.1"])
        }
    }

    @Test("Where both are read, Endpoints step in only for a service without slices")
    func fallback() {
        var assembler = Self.assembler(.slicesElseEndpoints)
        _ = assembler.replaceAll(services: [Self.service()])
        _ = assembler.replaceAll(slices: [])
        _ = assembler.replaceAll(endpoints: [Self.endpoints(["10.0.0.9"])])
        #expect(hosts(assembler) == ["10.0.0.9"])
        #expect(changes(assembler.set(Self.slice("cart-1", [Self.endpoint("10.0.0.1")]))).count == 1)
        #expect(hosts(assembler) == ["10.0.0.1"])
        #expect(isNothing(assembler.set(Self.endpoints(["10.0.0.8"]))))
        #expect(changes(assembler.removeEndpointSlice(Self.metadata("cart-1"))).count == 1)
        #expect(hosts(assembler) == ["10.0.0.8"])
        #expect(changes(assembler.removeEndpoints(Self.metadata("cart"))).count == 1)
        #expect(hosts(assembler) == [])
    }

    // MARK: Kinds of services

    @Test("The kinds of Services", arguments: [ServiceObject.ServiceType.clusterIP, .nodePort, .loadBalancer])
    func kinds(type: ServiceObject.ServiceType) throws {
        var object = Self.service()
        object.type = type
        object.externalHosts = [Host("203.0.113.1"), .name("lb.example.com")]
        let assembler = Self.complete([object], [Self.slice("x", [Self.endpoint("10.0.0.1")])])
        let service = try #require(assembler.snapshot?.first)
        #expect(service.kind == .clusterAddress)
        #expect(service.clusterAddresses == object.clusterAddresses)
        #expect(service.externalHosts == object.externalHosts)
        #expect(service.ports == object.ports)
        #expect(service.endpoints.count == 1)
    }

    @Test("A headless Service is its endpoints, with or without a selector")
    func headless() throws {
        for hasSelector in [true, false] {
            let object = ServiceObject(metadata: Self.metadata("cart"), isHeadless: true, hasSelector: hasSelector)
            let assembler = Self.complete([object], [Self.slice("x", [Self.endpoint("10.0.0.1")])])
            let service = try #require(assembler.snapshot?.first)
            #expect(service.kind == .headless)
            #expect(service.clusterAddresses.isEmpty)
            #expect(service.endpoints.count == 1)
        }
    }

    @Test("An ExternalName is an alias and has no endpoints of its own")
    func alias() throws {
        let object = ServiceObject(
            metadata: Self.metadata("cart"),
            type: .externalName,
            isHeadless: true,
            externalName: "db.example.com"
        )
        let assembler = Self.complete([object], [Self.slice("x", [Self.endpoint("10.0.0.1")])])
        let service = try #require(assembler.snapshot?.first)
        #expect(service.kind == .alias("db.example.com"))
        #expect(service.endpoints.isEmpty)
    }

    @Test("publishNotReadyAddresses makes all endpoints ready")
    func publishNotReady() {
        var object = Self.service()
        let slice = Self.slice(
            "x",
            [Self.endpoint("10.0.0.1", .notReady), Self.endpoint("10.0.0.2", .draining), Self.endpoint("10.0.0.3")]
        )
        var assembler = Self.complete([object], [slice])
        #expect(assembler.snapshot?.first?.endpoints.map(\.readiness) == [.notReady, .draining, .ready])
        object.publishesNotReadyAddresses = true
        #expect(changes(assembler.set(object)).count == 1)
        #expect(assembler.snapshot?.first?.endpoints.map(\.readiness) == [.ready, .ready, .ready])
    }

    @Test("Settings travel with the service, their problems too")
    func settings() throws {
        var object = Self.service()
        object.settings = .reading(["portolan.dev/weight": "much", "portolan.dev/name": "basket"])
        let service = try #require(Self.complete([object]).snapshot?.first)
        #expect(service.settings.name == "basket")
        #expect(service.settings.problems.count == 1)
        #expect(Self.complete([object]).problems(of: Self.key) == service.settings.problems)
    }

    @Test("What the configuration excludes is never kept")
    func excluded() {
        var assembler = ServiceAssembler(
            origin: Self.origin,
            source: .slicesElseEndpoints,
            namespaces: NamespaceFilter(include: ["pay"])
        )
        _ = assembler.replaceAll(services: [Self.service()])
        _ = assembler.replaceAll(endpoints: [Self.endpoints(["10.0.0.1"])])
        _ = assembler.replaceAll(slices: [Self.slice("x", [Self.endpoint("10.0.0.1")])])
        _ = assembler.set(Self.service())
        _ = assembler.set(Self.slice("x", [Self.endpoint("10.0.0.1")]))
        _ = assembler.set(Self.endpoints(["10.0.0.1"]))
        #expect(assembler.snapshot == [])
        #expect(
            assembler.explanation(of: Self.key).standing == .excluded("not among the included namespaces")
        )
    }

    // MARK: Only what matters

    @Test("A new version in which nothing matters tells nothing")
    func silence() {
        let endpoints = [Self.endpoint("10.0.0.1")]
        var assembler = Self.complete([Self.service()], [Self.slice("x", endpoints)])
        #expect(isNothing(assembler.set(Self.service(version: 2))))
        #expect(isNothing(assembler.set(Self.slice("x", endpoints, version: 2))))
        #expect(isNothing(assembler.set(Self.slice("y", endpoints))), "the same endpoint in another slice")
        #expect(isNothing(assembler.removeEndpointSlice(Self.metadata("x"))))
        #expect(isNothing(assembler.replaceAll(services: [Self.service(version: 9)])))
        #expect(isNothing(assembler.replaceAll(slices: [Self.slice("z", endpoints)])))
        #expect(hosts(assembler) == ["10.0.0.1"])
    }

    @Test("One slice event is at most one change")
    func oneChange() {
        var assembler = Self.complete([Self.service(), Self.service("pay")], [])
        let event = assembler.set(Self.slice("x", [Self.endpoint("10.0.0.1"), Self.endpoint("10.0.0.2")]))
        #expect(changes(event).map(\.key) == [Self.key])
    }

    @Test("A service of one slice shares the slice's endpoints, uncopied")
    func sharing() throws {
        let slice = Self.slice("x", (1...9).map { Self.endpoint("10.0.0.\($0)") })
        let service = try #require(Self.complete([Self.service()], [slice]).snapshot?.first)
        let original = slice.endpoints.withUnsafeBufferPointer(\.baseAddress)
        #expect(service.endpoints.withUnsafeBufferPointer(\.baseAddress) == original)
    }

    // MARK: Relists

    @Test("A relist tells the differences and never an empty world")
    func relist() {
        var assembler = Self.complete(
            [Self.service(), Self.service("pay")],
            [Self.slice("x", [Self.endpoint("10.0.0.1")]), Self.slice("p", of: "pay", [Self.endpoint("10.0.1.1")])]
        )
        let services = changes(assembler.replaceAll(services: [Self.service(), Self.service("new")]))
        #expect(services.map(\.key.name) == ["new", "pay"])
        guard case .remove? = services.last else {
            Issue.record("pay is not removed")
            return
        }
        #expect(hosts(assembler) == ["10.0.0.1"])
        let slices = changes(
            assembler.replaceAll(slices: [Self.slice("y", [Self.endpoint("10.0.0.1"), Self.endpoint("10.0.0.2")])])
        )
        #expect(slices.map(\.key) == [Self.key])
        #expect(hosts(assembler) == ["10.0.0.1", "10.0.0.2"])
    }

    @Test("An object that is listed but unreadable keeps its last good state, and the reason is told")
    func unreadable() {
        var assembler = Self.complete(
            [Self.service(), Self.service("pay")],
            [Self.slice("x", [Self.endpoint("10.0.0.1")])]
        )
        let broken = MalformedObject(metadata: Self.metadata("cart"), reason: "expected a list")
        #expect(changes(assembler.replaceAll(services: [], malformed: [broken])).map(\.key.name) == ["pay"])
        #expect(hosts(assembler) == ["10.0.0.1"])
        #expect(assembler.problems(of: Self.key).first?.message.contains("expected a list") == true)
        let brokenSlice = MalformedObject(metadata: Self.metadata("x"), reason: "cut")
        #expect(isNothing(assembler.replaceAll(slices: [], malformed: [brokenSlice])))
        #expect(hosts(assembler) == ["10.0.0.1"])
        #expect(assembler.problems(of: Self.key).count == 2)
        _ = assembler.replaceAll(services: [Self.service()])
        _ = assembler.set(Self.slice("x", [Self.endpoint("10.0.0.1")]))
        #expect(assembler.problems(of: Self.key).isEmpty)
    }

    @Test("Where an unreadable object has no name, nothing is taken to be gone")
    func unreadableWithoutName() {
        var assembler = Self.complete([Self.service()], [Self.slice("x", [Self.endpoint("10.0.0.1")])])
        let broken = MalformedObject(metadata: nil, reason: "metadata.name is missing")
        #expect(isNothing(assembler.replaceAll(services: [], malformed: [broken])))
        #expect(isNothing(assembler.replaceAll(slices: [], malformed: [broken])))
        #expect(hosts(assembler) == ["10.0.0.1"])
        #expect(changes(assembler.replaceAll(slices: [])).count == 1)
    }

    @Test("An unreadable change of an object is noted and changes nothing")
    func unreadableChange() {
        var assembler = Self.complete([Self.service()], [Self.slice("x", [Self.endpoint("10.0.0.1")])])
        assembler.note(MalformedObject(metadata: Self.metadata("x"), reason: "bad"), of: .endpointSlices)
        #expect(hosts(assembler) == ["10.0.0.1"])
        #expect(assembler.problems(of: Self.key).map(\.code) == [.objectInvalid])
    }

    // MARK: Explaining

    @Test("An explanation lists every object and what was left out of it")
    func explanation() {
        var assembler = Self.assembler(.slicesElseEndpoints)
        _ = assembler.replaceAll(services: [Self.service()])
        #expect(assembler.explanation(of: Self.key).standing == .incomplete)
        _ = assembler.replaceAll(endpoints: [Self.endpoints(["10.0.0.9"])])
        var slice = Self.slice("x", [Self.endpoint("10.0.0.1")])
        slice.problems = [Problem(.addressUnusable, "address \"y\" is left out")]
        slice.isMirrored = true
        _ = assembler.replaceAll(slices: [slice])
        let explanation = assembler.explanation(of: Self.key)
        #expect(explanation.standing == .published)
        #expect(explanation.contributions.map(\.kind) == ["Service", "EndpointSlice", "Endpoints"])
        #expect(explanation.contributions[1].endpoints == 1)
        #expect(explanation.contributions[1].note == "mirrors the v1 Endpoints")
        #expect(explanation.contributions[1].problems == slice.problems)
        #expect(explanation.contributions[2].note.contains("not counted"))
        let nothing = assembler.explanation(of: ServiceKey(namespace: "shop", name: "nothere"))
        #expect(nothing.standing == .missing)
        #expect(nothing.contributions.isEmpty)
    }
}
