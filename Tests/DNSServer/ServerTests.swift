import DNSCore
import DNSServer
import Logging
import ServiceCatalog
import Testing

@Suite struct ServerTests {
    private static let apex = DomainName("example.test")!

    /// A store with `host` (one address), `many` (200 addresses) and nothing else.
    static func store() -> ZoneStore {
        let store = ZoneStore()
        let authority = StartOfAuthority(primary: apex, mailbox: apex, serial: 1)
        let zone = Zone(apex: apex, authority: authority, ttl: 5, epochs: store.epochs)
        func change(_ label: String, _ count: UInt32) -> OwnerChange {
            let data = (1...count).map { RecordData.a(0x0a00_0000 + $0) }
            return OwnerChange(owner: apex.prefixed(by: label)!, sets: [RecordSet(type: .a, ttl: 5, data: data)])
        }
        zone.apply([change("host", 1), change("many", 200)])
        zone.freshness = .current
        store.serve([zone])
        return store
    }

    /// Runs `body` with a server that listens on the addresses given, and stops it.
    static func withServer(
        _ listen: String...,
        store: ZoneStore = store(),
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (DNSServer) async throws -> Void
    ) async throws {
        try await withServer(listen, store: store, configure: configure, body)
    }

    static func withServer(
        _ listen: [String],
        store: ZoneStore,
        configure: (inout ServerConfiguration) -> Void,
        _ body: (DNSServer) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration(listen: listen.map { ListenAddress($0)! })
        configuration.workers = 2
        configure(&configuration)
        let server = DNSServer(configuration: configuration, zones: store, logger: .quiet)
        try await server.start()
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    @Test("UDP and TCP answer on the same port, in both families", arguments: ["127.0.0.1:0", "[::1]:0"])
    func transports(listen: String) async throws {
        try await Self.withServer(listen) { server in
            let address = try #require(server.addresses.first)
            #expect(address.port != 0)
            let query = Message.query("host.example.test", .a, id: 77)
            let datagram = try SocketClient(address, .udp).ask(query)
            #expect(datagram.id == 77 && datagram.answers.map(\.data) == [.a(0x0a00_0001)])
            let client = try SocketClient(address, .tcp)
            try client.sendFramed(query)
            #expect(try client.receiveFramed() == datagram)
        }
    }

    @Test(
        "a wildcard address answers from the address that was asked",
        arguments: [("0.0.0.0:0", "127.0.0.2"), ("[::]:0", "::1")]
    )
    func wildcard(listen: String, asked: String) async throws {
        try await Self.withServer(listen) { server in
            var address = try #require(server.addresses.first)
            address.address = IPAddress(asked)!
            // The client's socket is connected: an answer from elsewhere would not arrive.
            let answer = try SocketClient(address, .udp).ask(.query("host.example.test", .a))
            #expect(answer.answers.count == 1)
        }
    }

    @Test("all workers answer, and what is no query gets no answer")
    func manyClients() async throws {
        try await Self.withServer("127.0.0.1:0") { server in
            let address = try #require(server.addresses.first)
            for id in 0..<64 as Range<UInt16> {
                let client = try SocketClient(address, .udp)
                try client.send([])
                try client.send([1, 2, 3])
                let answer = try client.ask(.query("nobody.example.test", .aaaa, id: id))
                #expect(answer.id == id && answer.code == .nxDomain)
            }
            let counters = server.counters
            #expect(
                counters.requests == [
                    .init(zone: Self.apex, transport: .udp, type: "AAAA", code: "NXDOMAIN", count: 64)
                ]
            )
            #expect(counters.unanswered == 128)
            await server.stop()
            #expect(server.counters.requests == counters.requests, "what was counted outlives the server")
        }
    }

    @Test("an answer too large for a datagram is cut, and whole over TCP")
    func fallback() async throws {
        try await Self.withServer("127.0.0.1:0") { server in
            let address = try #require(server.addresses.first)
            let query = Message.query("many.example.test", .a)
            #expect(try SocketClient(address, .udp).ask(query).flags.contains(.truncated))
            let client = try SocketClient(address, .tcp)
            try client.sendFramed(query)
            #expect(try client.receiveFramed()?.answers.count == 200)
        }
    }

    @Test("a zone that changes is answered as it is now, and zones can be exchanged")
    func changes() async throws {
        let store = Self.store()
        try await Self.withServer("127.0.0.1:0", store: store) { server in
            let client = try SocketClient(try #require(server.addresses.first), .udp)
            let owner = Self.apex.prefixed(by: "new")!
            #expect(try client.ask(.query("new.example.test", .a)).code == .nxDomain)
            store.zones[0].apply([OwnerChange(owner: owner, sets: [RecordSet(type: .a, ttl: 5, data: [.a(9)])])])
            #expect(try client.ask(.query("new.example.test", .a)).answers.map(\.data) == [.a(9)])
            store.serve([])
            #expect(try client.ask(.query("new.example.test", .a)).code == .refused)
        }
    }

    @Test("counters tell zone, transport, type and code apart")
    func counters() async throws {
        try await Self.withServer("127.0.0.1:0") { server in
            let address = try #require(server.addresses.first)
            let datagrams = try SocketClient(address, .udp)
            for _ in 0..<3 { _ = try datagrams.ask(.query("host.example.test", .a)) }
            _ = try datagrams.ask(.query("example.net", .init(rawValue: 999)))
            let stream = try SocketClient(address, .tcp)
            try stream.sendFramed(.query("example.test", .axfr))
            _ = try stream.receiveFramed()
            let counters = server.counters
            #expect(
                Set(counters.requests) == [
                    .init(zone: Self.apex, transport: .udp, type: "A", code: "NOERROR", count: 3),
                    .init(zone: nil, transport: .udp, type: "other", code: "REFUSED", count: 1),
                    .init(zone: nil, transport: .tcp, type: "transfer", code: "REFUSED", count: 1),
                ]
            )
            #expect(counters.connections == [.tcp: 1, .tls: 0] && counters.unsent == 0)
            #expect(counters.durations.allSatisfy { $0.counts.count == CounterSnapshot.durationBounds.count + 1 })
        }
    }

    @Test("durations are counted for one batch in sixteen")
    func durations() async throws {
        try await Self.withServer("127.0.0.1:0", configure: { $0.workers = 1 }) { server in
            let client = try SocketClient(try #require(server.addresses.first), .udp)
            for _ in 0..<64 { _ = try client.ask(.query("host.example.test", .a)) }
            let durations = try #require(server.counters.durations.first { $0.transport == .udp })
            #expect(durations.counts.reduce(0, +) >= 3)
            #expect(durations.sum > 0)
        }
    }

    @Test("stopping closes every socket, so that the port is free at once")
    func stopping() async throws {
        var port: UInt16 = 0
        try await Self.withServer("127.0.0.1:0") { server in port = server.addresses[0].port }
        try await Self.withServer("127.0.0.1:\(port)") { server in
            #expect(server.addresses.map(\.port) == [port])
            let client = try SocketClient(server.addresses[0], .tcp)
            try client.sendFramed(.query("host.example.test", .a))
            #expect(try client.receiveFramed() != nil)
            await server.stop()
            #expect(try client.receiveFramed() == nil, "open connections are closed")
            #expect(server.addresses.isEmpty)
        }
    }

    // MARK: - Addresses that cannot be

    @Test("a port in use is refused, naming address, cause and way out, and nothing stays open")
    func inUse() async throws {
        try await Self.withServer("127.0.0.1:0") { server in
            let taken = server.addresses[0]
            var configuration = ServerConfiguration(listen: [ListenAddress("127.0.0.1:0")!, taken])
            configuration.workers = 1
            let second = DNSServer(configuration: configuration, zones: Self.store(), logger: .quiet)
            let error = await #expect(throws: ListenError.self) { try await second.start() }
            #expect(error?.address == taken && error?.transport == .udp && error?.reason == .inUse)
            #expect(error?.description.hasPrefix("cannot listen on \(taken) (UDP): the port is in use") == true)
            #expect(second.addresses.isEmpty)
        }
    }

    @Test("an address of another machine is refused", arguments: ["192.0.2.1:0", "[2001:db8::1]:0"])
    func notAvailable(listen: String) async throws {
        let address = ListenAddress(listen)!
        let server = DNSServer(
            configuration: ServerConfiguration(listen: [address]),
            zones: Self.store(),
            logger: .quiet
        )
        let error = await #expect(throws: ListenError.self) { try await server.start() }
        #expect(error?.reason == .notAvailable && error?.address == address)
    }
}

extension Logger {
    static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
