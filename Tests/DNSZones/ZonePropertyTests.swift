import DNSCore
import DNSZones
import ServiceCatalog
import Testing

/// Random services and random changes to them: what a zone becomes step by step must be what it is from scratch.
@Suite struct ZonePropertyTests {
    static let zones: [ZoneDefinition] = [
        .kubernetes(reverse: ReverseZone.all), .registry, .merged(), .merged(prefer: "west"),
        ZoneDefinition(
            name: "example",
            schema: .kubernetes,
            systems: ["east"],
            ttl: 5,
            reverse: (try? ReverseZone.covering("10.0.0.0/31")) ?? []
        ),
    ]

    @Test("Changes applied one by one make the zone that is made at once", arguments: zones, 0..<6 as Range<UInt64>)
    func incremental(zone: ZoneDefinition, seed: UInt64) {
        var random = RandomServices(seed: seed, schema: zone.schema)
        var bed = TestBed(zone)
        for system in zone.systems { bed.send(.snapshot(random.services(in: system)), from: system) }
        for step in 0..<60 {
            let system = zone.systems.randomElement(using: &random.generator)!
            bed.send(random.event(in: system, given: bed.catalog), from: system)
            let scratch = bed.fromScratch
            #expect(bed.published.lines == scratch.published.lines, "step \(step)")
            #expect(bed.published == scratch.published, "step \(step)")
            #expect(bed.state.problems == scratch.state.problems, "step \(step)")
            if bed.published != scratch.published { return }
        }
    }

    @Test("What was remembered is replaced without a trace", arguments: zones, 0..<20 as Range<UInt64>)
    func remembered(zone: ZoneDefinition, seed: UInt64) {
        var random = RandomServices(seed: 2_000 + seed, schema: zone.schema)
        let past = random.services(in: zone.systems[0])
        var bed = TestBed(zone, remembering: [zone.systems[0]: past])
        for system in zone.systems.reversed() { bed.send(.snapshot(random.services(in: system)), from: system) }
        #expect(bed.published == bed.fromScratch.published)
        #expect(bed.state.problems == bed.fromScratch.state.problems)
    }

    @Test("At no moment does a record lead to a name that is not there", arguments: zones, 0..<6 as Range<UInt64>)
    func order(zone: ZoneDefinition, seed: UInt64) {
        var random = RandomServices(seed: 1_000 + seed, schema: zone.schema)
        var bed = TestBed(zone)
        var published = PublishedZone()
        for system in zone.systems { bed.send(.snapshot(random.services(in: system)), from: system) }
        published.apply(bed.batches)
        for _ in 0..<60 {
            let system = zone.systems.randomElement(using: &random.generator)!
            bed.send(random.event(in: system, given: bed.catalog), from: system)
            for change in bed.batches.flatMap(\.changes) {
                published.apply(change)
                let dangling = published.dangling(in: zone.name)
                #expect(dangling.isEmpty, "after \(change.owner)")
                if !dangling.isEmpty { return }
            }
        }
    }

    @Test("Every record set is one a zone takes: not empty, no two records equal, CNAME alone", arguments: zones)
    func wellFormed(zone: ZoneDefinition) {
        var random = RandomServices(seed: 99, schema: zone.schema)
        var bed = TestBed(zone)
        for _ in 0..<100 {
            for system in zone.systems { bed.send(.snapshot(random.services(in: system)), from: system) }
            for change in bed.batches.flatMap(\.changes) {
                #expect(Set(change.sets.map(\.type)).count == change.sets.count)
                #expect(!change.sets.contains { $0.type == .cname } || change.sets.count == 1)
                for set in change.sets {
                    #expect(!set.data.isEmpty)
                    #expect(Set(set.data).count == set.data.count, "\(set.lines(owner: change.owner))")
                }
            }
        }
    }
}

extension PublishedZone {
    /// Targets in `zone` without a name of their own.
    fileprivate func dangling(in zone: DomainName) -> [DomainName] {
        names.values.joined().flatMap(\.data).compactMap { data in
            switch data {
            case .srv(_, _, _, let target) where target.isSubdomain(of: zone) && names[target] == nil: target
            case .ptr(let target) where names[target] == nil: target
            case .opaque(let wire):
                ServiceBinding(wire: wire).flatMap {
                    $0.target.isSubdomain(of: zone) && names[$0.target] == nil ? $0.target : nil
                }
            default: nil
            }
        }
    }
}

/// A small universe, so that names, addresses and ports meet.
private struct RandomServices {
    var generator: SplitMix64
    private let schema: ZoneDefinition.Schema

    init(seed: UInt64, schema: ZoneDefinition.Schema) {
        generator = SplitMix64(seed: seed)
        self.schema = schema
    }

    private var names: [String] {
        schema == .kubernetes
            ? ["web", "db", "cart", "Bad_Name"]
            : [
                "web", "Web", "cart", "cart.shop", "10-0-0-1.cart", "grpclb", "a_b", "a:b",
                ":" + String(repeating: "n", count: 60),
            ]
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &generator)! }
    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &generator) == 0 }

    mutating func services(in system: SystemName) -> [Service] {
        (0..<Int.random(in: 0...5, using: &generator)).map { _ in service(key(), in: system) }
    }

    mutating func event(in system: SystemName, given catalog: Catalog) -> SourceEvent {
        if chance(12) { return .snapshot(services(in: system)) }
        return .changes(
            (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                let key = key()
                if chance(4) { return .remove(key) }
                if !chance(4), let known = catalog.service(key, in: system) { return .set(changed(known)) }
                return .set(service(key, in: system))
            }
        )
    }

    private mutating func key() -> ServiceKey { ServiceKey(namespace: pick(["a", "b"]), name: pick(names)) }

    private mutating func service(_ key: ServiceKey, in system: SystemName) -> Service {
        let kinds: [Service.Kind] =
            schema == .registry
            ? [.headless]
            : [.headless, .headless, .clusterAddress, .alias(pick(["www.example.com", "192.0.2.1", "not a name"]))]
        return Service(
            key: key,
            origin: Origin(cluster: "one", system: system),
            kind: pick(kinds),
            clusterAddresses: pick([[], ["10.0.0.1"], ["10.0.0.2", "fd00::1"], ["10.0.0.3", "10.0.0.3"]]).map {
                IPAddress($0)!
            },
            ports: pick([
                [], [.http], [.http, .unnamed], [ServicePort(name: "http", number: 80, appProtocol: "http"), .unnamed],
            ]),
            settings: pick([
                .none, .none, ServiceSettings(weight: pick([0, 5])),
                ServiceSettings(grpcConfig: pick(["{}", "nonsense"])),
            ]),
            endpoints: (0..<Int.random(in: 0...5, using: &generator)).map { _ in endpoint() }.sorted(by: isBefore)
        )
    }

    private mutating func changed(_ service: Service) -> Service {
        var service = service
        let fresh = self.service(service.key, in: service.origin.system)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: service.kind = fresh.kind
        case 1: service.settings = fresh.settings
        case 2: (service.ports, service.clusterAddresses) = (fresh.ports, fresh.clusterAddresses)
        default:
            if !service.endpoints.isEmpty, chance(2) {
                service.endpoints.remove(at: Int.random(in: service.endpoints.indices, using: &generator))
            } else {
                service.endpoints.append(endpoint())
                service.endpoints.sort(by: isBefore)
            }
        }
        return service
    }

    /// The order in which systems list endpoints: addresses first.
    private func isBefore(_ left: Endpoint, _ right: Endpoint) -> Bool {
        switch (left.host, right.host) {
        case (.address(let left), .address(let right)): left < right
        case (.address, .name): true
        default: false
        }
    }

    private mutating func endpoint() -> Endpoint {
        Endpoint(
            pick([
                "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "fd00::1", "fd00::2", "a.example.com", "b.example.com",
                "?",
            ]),
            pick([.ready, .ready, .ready, .draining, .notReady]),
            hostname: pick([nil, nil, "a", "B", "10-0-0-1", "bad.name"]),
            pod: pick([nil, "p", "q"]),
            ports: pick([
                [], [.http], [.http, .unnamed], [.unnamed], [.http, EndpointPort(name: "HTTP", number: 8080)],
                [EndpointPort(name: "http", number: 8080, appProtocol: pick(["grpc", "kubernetes.io/h2c"]))],
            ]),
            weight: schema == .kubernetes ? nil : pick([nil, nil, 0, 3]),
            origin: schema == .kubernetes ? nil : pick([nil, nil, Origin(cluster: "one", system: "east")])
        )
    }
}
