import DNSState
import ServiceCatalog
import Testing

private let grpc = EndpointPort(name: "grpc", number: 9000, appProtocol: "kubernetes.io/h2c")
private let metrics = EndpointPort(name: "", number: 65_535, transport: .udp)
private let origin = Origin(cluster: "one", system: "east")

/// Everything that a zone can tell apart, once each.
private let services = [
    Service(
        key: ServiceKey(namespace: "shop", name: "cart"),
        origin: origin,
        kind: .headless,
        settings: ServiceSettings(weight: 7, grpcConfig: #"{"ä":1}"#),
        endpoints: [
            Endpoint(
                host: .address(.v4(0x0a01_0001)),
                hostname: "cart-0",
                targetName: "pod-a",
                ports: [grpc, metrics]
            ),
            Endpoint(host: .address(.v4(0x0a01_0002)), readiness: .draining, zone: "eu-1a", ports: [grpc, metrics]),
            Endpoint(host: .address(.v6(high: .max, low: 1)), readiness: .notReady, ports: [grpc]),
            Endpoint(
                host: .name("db.example.com"),
                attributes: EndpointAttributes(origin: Origin(cluster: "two", system: "dc1"), weight: 0)
            ),
        ]
    ),
    Service(
        key: ServiceKey(namespace: "shop", name: "web"),
        origin: origin,
        kind: .clusterAddress,
        clusterAddresses: [.v4(0x0a60_0001), .v6(high: 1, low: 2)],
        ports: [ServicePort(name: "http", number: 80), ServicePort(number: 81, transport: .sctp, appProtocol: "http")]
    ),
    Service(key: ServiceKey(namespace: "", name: "ext"), origin: origin, kind: .alias("www.example.com")),
]

@Suite struct SystemStateTests {
    private let file = SystemState.encode(services, lastCurrent: 1_700_000_000, identity: "east").file

    private func decode(_ file: [UInt8], identity: String = "east") throws(StateFileError) -> RememberedSystem {
        try SystemState.decode(file, identity: identity).system
    }

    @Test("What is read is what was written, and shares its lists of ports as the catalog does")
    func roundTrip() throws {
        let system = try decode(file)
        #expect(system == RememberedSystem(services: services, lastCurrent: 1_700_000_000))
        let ports = system.services[0].endpoints.prefix(2).map { $0.ports.withUnsafeBufferPointer(\.baseAddress) }
        #expect(ports[0] == ports[1])
        #expect(try decode(SystemState.encode([], lastCurrent: -1, identity: "east").file).services.isEmpty)
    }

    @Test("What no zone shows is not written")
    func slim() throws {
        var service = services[1]
        service.externalHosts = [Host("192.0.2.1")]
        service.settings = ServiceSettings(targets: ["dc1"], name: "other", tags: ["a"], metadata: ["b": "c"])
        service.endpoints = [
            Endpoint(host: Host("10.0.0.1"), nodeName: "n", attributes: EndpointAttributes(tags: ["a"]))
        ]
        let read = try decode(SystemState.encode([service], lastCurrent: 0, identity: "east").file).services[0]
        #expect(read.externalHosts.isEmpty)
        #expect(read.settings == .none)
        #expect(read.endpoints == [Endpoint(host: Host("10.0.0.1"))])
    }

    @Test("A system that is configured otherwise now is not taken for the one that was written")
    func otherConfiguration() {
        #expect(throws: StateFileError.otherConfiguration) { try decode(file, identity: "west") }
    }

    @Test("Every beginning of a file is refused as cut off")
    func truncated() {
        for count in 8..<file.count {
            #expect(throws: StateFileError.truncated) { try decode(Array(file.prefix(count))) }
        }
        for count in 0..<8 { #expect(throws: StateFileError.foreign) { try decode(Array(file.prefix(count))) } }
    }

    @Test("A file with one bit changed is refused, wherever it is")
    func corrupt() {
        for index in file.indices {
            for bit in 0..<8 {
                var changed = file
                changed[index] ^= 1 << UInt8(bit)
                #expect(throws: StateFileError.self, "octet \(index), bit \(bit)") { try decode(changed) }
            }
        }
        #expect(throws: StateFileError.corrupt) { try decode(file + [0]) }
    }

    @Test("A file of a later release, and one of another kind, are told apart from damaged ones")
    func versions() {
        var later = file
        later[8] = 2
        #expect(throws: StateFileError.newer(version: 2)) { try decode(later) }
        #expect(throws: StateFileError.foreign) { try decode(Checkpoint().encode()) }
        #expect(throws: StateFileError.foreign) { try decode(Array("#!/bin/sh\necho no state at all".utf8)) }
    }

    @Test("100,000 endpoints are some 4 MB and are read back")
    func size() throws {
        let services = (0..<1000).map { service in
            Service(
                key: ServiceKey(namespace: "namespace-\(service % 40)", name: "service-\(service)"),
                origin: origin,
                kind: .headless,
                endpoints: (0..<100).map { index in
                    Endpoint(
                        host: .address(.v4(0x0a00_0000 + UInt32(service * 100 + index))),
                        targetName: "service-\(service)-7d4b9c6f5-\(index)xkcd",
                        zone: "eu-central-1a",
                        ports: [grpc]
                    )
                }
            )
        }
        let file = SystemState.encode(services, lastCurrent: 1, identity: "east").file
        #expect(file.count < 6_000_000)
        #expect(try decode(file).services == services)
    }
}

@Suite struct CheckpointTests {
    private let checkpoint: Checkpoint = {
        var checkpoint = Checkpoint()
        checkpoint.systems = [
            "east": .init(checksum: .max, lastCurrent: 1_700_000_000), "west": .init(checksum: 0, lastCurrent: 0),
        ]
        checkpoint.serials = ["cluster.local.": .max, "10.in-addr.arpa.": 0]
        return checkpoint
    }()

    @Test("What is read is what was written; anything else is refused")
    func roundTrip() throws {
        let file = checkpoint.encode()
        #expect(try Checkpoint(decoding: file) == checkpoint)
        for index in file.indices {
            var changed = file
            changed[index] ^= 0x10
            #expect(throws: StateFileError.self) { try Checkpoint(decoding: changed) }
        }
    }
}
