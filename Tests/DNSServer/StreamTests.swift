import DNSCore
import DNSServer
import DNSSigning
import Glibc
import ServiceCatalog
import Testing

@Suite struct StreamTests {
    @Test(
        "many queries on one connection are answered in turn, however they are cut into pieces",
        arguments: [1, 3, 50, 4096]
    )
    func pipelining(piece: Int) async throws {
        try await ServerTests.withServer("127.0.0.1:0") { server in
            let client = try SocketClient(server.addresses[0], .tcp)
            let bytes = (0..<40 as Range<UInt16>).flatMap { Message.query("host.example.test", .a, id: $0).framed }
            for start in stride(from: 0, to: bytes.count, by: piece) {
                try client.send(Array(bytes[start..<min(bytes.count, start + piece)]))
            }
            for id in 0..<40 as Range<UInt16> {
                #expect(try client.receiveFramed()?.id == id)
            }
        }
    }

    @Test("a peer that has said all gets its answers before the connection is closed")
    func halfClose() async throws {
        try await ServerTests.withServer("127.0.0.1:0") { server in
            let client = try SocketClient(server.addresses[0], .tcp)
            for id in 0..<20 as Range<UInt16> { try client.sendFramed(.query("many.example.test", .a, id: id)) }
            client.endOutput()
            for id in 0..<20 as Range<UInt16> { #expect(try client.receiveFramed()?.id == id) }
            #expect(try client.receiveFramed() == nil)
        }
    }

    @Test("a message too short for a header ends the connection", arguments: [[0, 0], [0, 11, 1, 2, 3]] as [[UInt8]])
    func noise(bytes: [UInt8]) async throws {
        try await ServerTests.withServer("127.0.0.1:0") { server in
            let client = try SocketClient(server.addresses[0], .tcp)
            try client.send(bytes)
            #expect(try client.receiveFramed() == nil)
        }
    }

    @Test("a message that is no query gets no answer, and the connection goes on")
    func unanswered() async throws {
        try await ServerTests.withServer("127.0.0.1:0") { server in
            let client = try SocketClient(server.addresses[0], .tcp)
            var response = Message.query("host.example.test", .a, id: 1)
            response.flags = .response
            try client.sendFramed(response)
            try client.sendFramed(.query("host.example.test", .a, id: 2))
            #expect(try client.receiveFramed()?.id == 2)
        }
    }

    @Test("beyond the limit the connection idle for longest makes room")
    func eviction() async throws {
        try await ServerTests.withServer("127.0.0.1:0", configure: { $0.streams.connections = 2 }) { server in
            let address = server.addresses[0]
            let first = try SocketClient(address, .tcp)
            try first.sendFramed(.query("host.example.test", .a))
            #expect(try first.receiveFramed() != nil)
            let second = try SocketClient(address, .tcp)
            try second.sendFramed(.query("host.example.test", .a))
            #expect(try second.receiveFramed() != nil)
            // Used again, so the second one is idle for longer now.
            try first.sendFramed(.query("host.example.test", .a))
            #expect(try first.receiveFramed() != nil)
            let third = try SocketClient(address, .tcp)
            try third.sendFramed(.query("host.example.test", .a))
            #expect(try third.receiveFramed() != nil)
            #expect(try second.receiveFramed() == nil)
            try first.sendFramed(.query("host.example.test", .a))
            #expect(try first.receiveFramed() != nil)
            #expect(server.counters.connections[.tcp] == 2)
        }
    }

    @Test(
        "a connection without a complete query for too long is closed: nothing, half a length, half a message",
        arguments: [[], [0], [0, 40, 1, 2, 3]] as [[UInt8]]
    )
    func idle(bytes: [UInt8]) async throws {
        try await ServerTests.withServer("127.0.0.1:0", configure: { $0.streams.idle = .milliseconds(10) }) { server in
            let client = try SocketClient(server.addresses[0], .tcp)
            try client.send(bytes)
            #expect(try client.receive() == [])
        }
    }

    @Test("a peer that does not read is made to wait, without loss, while others are answered")
    func slowReader() async throws {
        try await ServerTests.withServer("127.0.0.1:0") { server in
            let address = server.addresses[0]
            let count = 5000 as UInt16
            let slow = try SocketClient(address, .tcp)
            let bytes = (0..<count).flatMap { Message.query("many.example.test", .a, id: $0).framed }
            // About 16 MB of answers, which neither the sockets' buffers nor the server take up, for some 190 kB of queries.
            var sent = 0
            while sent < bytes.count {
                let next = min(bytes.count, sent + 16_384)
                try slow.send(Array(bytes[sent..<next]))
                sent = next
                let other = try SocketClient(address, .tcp)
                try other.sendFramed(.query("host.example.test", .a))
                #expect(try other.receiveFramed()?.answers.count == 1)
            }
            let answered = server.counters.requests.filter { $0.transport == .tcp }.reduce(0) { $0 + $1.count }
            #expect(answered < UInt64(count), "queries wait until their peer has taken the answers before")
            for id in 0..<count {
                // Two octets of id come first; decoding all of this would take longer than the rest of the test.
                #expect(try slow.receiveFramedOctets()?.prefix(2) == [UInt8(id >> 8), UInt8(id & 0xff)])
            }
        }
    }

    @Test("connections that ask for more denials than are signed get one each in turn, and each its answers in order")
    func heldDenials() async throws {
        let store = ServerTests.store()
        let zone = store.zones[0]
        let signer = ZoneSigner(apex: zone.apex, cache: SignatureCache())
        let keys = ZoneKeys(zone: zone.apex, keys: [.generate(for: zone.apex, isKeySigning: true)])
        signer.use(keys, at: Int64(time(nil)))
        let signers = ZoneSigners()
        signers.use([signer])
        zone.isSigned = true
        func query(_ name: String, _ id: UInt16) -> Message {
            var query = Message.query("\(name).\(zone.apex)", .a, id: id)
            query.edns = .init(udpPayloadSize: 1232, dnssecOK: true)
            return query
        }
        var configuration = ServerConfiguration(listen: [ListenAddress("127.0.0.1:0")!])
        configuration.workers = 1
        configuration.answers.denialsPerSecond = 100
        let server = DNSServer(configuration: configuration, zones: store, signers: signers, logger: .quiet)
        try await server.start()
        let address = try #require(server.addresses.first)
        let greedy = try SocketClient(address, .tcp)
        // Two seconds' worth, and what is known between.
        for index in 0..<200 as Range<UInt16> {
            try greedy.sendFramed(query("greedy-\(index)", 2 * index))
            try greedy.sendFramed(query("host", 2 * index + 1))
        }
        let modest = try SocketClient(address, .tcp)
        for index in 0..<5 as Range<UInt16> {
            try modest.sendFramed(query("modest-\(index)", index))
            let answer = try #require(try modest.receiveFramed())
            #expect(answer.id == index && answer.authorities.contains { $0.type == .nsec })
        }
        let signed = server.counters.requests.reduce(0) { $0 + Int($1.count) }
        #expect(signed < 300, "the modest one has not waited for the greedy one")
        for index in 0..<400 as Range<UInt16> {
            let answer = try #require(try greedy.receiveFramed())
            #expect(answer.id == index && answer.code == .noError && !answer.flags.contains(.truncated))
            #expect(answer.authorities.contains { $0.type == .nsec } == (index % 2 == 0))
        }
        await server.stop()
    }
}
