import DNSCore
import NIOSSL
import ServiceCatalog
import TestCertificates
import Testing

@testable import DNSServer

/// DNS over TLS (RFC 7858), over sockets.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    private static func withServer(
        _ certificate: PEMText = Certificates.server,
        _ key: PEMText = Certificates.serverKey,
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (DNSServer, ListenAddress, CertificateFolder) async throws -> Void
    ) async throws {
        let folder = try CertificateFolder(certificate, key)
        var configuration = ServerConfiguration(listen: [ListenAddress("127.0.0.1:0")!])
        configuration.workers = 1
        // No test goes by the machine's time.
        configuration.streams.idle = .seconds(3600)
        configuration.tls = TLSListening(listen: [ListenAddress("127.0.0.1:0")!], files: folder.files)
        configure(&configuration)
        let server = DNSServer(
            configuration: configuration,
            certificate: try ServerCertificate(folder.files),
            zones: ServerTests.store(),
            logger: .quiet
        )
        try await server.start()
        do {
            try await body(server, try #require(server.tlsAddresses.first), folder)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private static let query = Message.query("host.example.test", .a, id: 5)

    @Test("what TCP answers is answered over TLS, with ALPN or without", arguments: [["dot"], [], ["h2"]])
    func answers(protocols: [String]) async throws {
        try await Self.withServer { server, address, _ in
            let client = try await TLSClient(address, protocols: protocols)
            #expect(try await client.negotiated == (protocols == ["dot"] ? "dot" : nil))
            let plain = try SocketClient(server.addresses[0], .tcp)
            try plain.sendFramed(Self.query)
            #expect(try await client.ask(Self.query) == plain.receiveFramed())
            #expect(server.counters.requests.filter { $0.transport == .tls }.map(\.count) == [1])
            #expect(server.counters.connections == [.tcp: 1, .tls: 1])
        }
    }

    @Test("many queries in one piece are answered in turn, and the end of input ends the connection after them")
    func pipelining() async throws {
        try await Self.withServer { _, address, _ in
            let client = try await TLSClient(address)
            let ids = 0..<300 as Range<UInt16>
            try await client.send(ids.flatMap { Message.query("many.example.test", .a, id: $0).framed })
            try await client.endOutput()
            for id in ids { #expect(try await client.receive()?.prefix(2) == [UInt8(id >> 8), UInt8(id & 0xff)]) }
            #expect(try await client.receive() == nil)
        }
    }

    @Test("a certificate that is exchanged shows on new connections, and old ones go on")
    func rotation() async throws {
        try await Self.withServer { server, address, folder in
            let old = try await TLSClient(address)
            #expect(try await old.ask(Self.query) != nil)
            let first = try NIOSSLCertificate(bytes: Certificates.server.bytes, format: .pem)
            #expect(try await old.certificate == first)
            try folder.write(Certificates.namedServer, Certificates.serverKey)
            // Twice the same is what it takes, whoever looks.
            for _ in 0..<2 { _ = server.certificate?.look() }
            let new = try await TLSClient(address)
            let second = try NIOSSLCertificate(bytes: Certificates.namedServer.bytes, format: .pem)
            #expect(try await new.certificate == second)
            #expect(try await new.ask(Self.query) != nil)
            #expect(try await old.ask(Self.query) != nil)
        }
    }

    @Test("a peer that does not read is made to wait, without loss, while others are answered")
    func slowReader() async throws {
        try await Self.withServer { server, address, _ in
            let count = 6000 as UInt16
            let slow = try await TLSClient(address, reads: false)
            let queries = (0..<count).flatMap { Message.query("many.example.test", .a, id: $0).framed }
            // Some 20 MB of answers.
            async let sent: Void = slow.send(queries)
            for _ in 0..<50 {
                let other = try await TLSClient(address)
                #expect(try await other.ask(Self.query)?.answers.count == 1)
            }
            let answered = server.counters.requests.filter { $0.transport == .tls && $0.type == "A" }
            #expect(answered.reduce(0) { $0 + $1.count } < UInt64(count), "queries wait for their peer")
            try await slow.startReading()
            for id in 0..<count {
                #expect(try await slow.receive()?.prefix(2) == [UInt8(id >> 8), UInt8(id & 0xff)])
            }
            try await sent
        }
    }

    @Test("who does not shake hands is cut off: silence, half a greeting", arguments: [[], [0x16, 3, 1, 2, 0]])
    func noHandshake(bytes: [UInt8]) async throws {
        try await Self.withServer(configure: { $0.streams.handshake = .milliseconds(10) }) { server, address, _ in
            let client = try SocketClient(address, .tcp)
            try client.send(bytes)
            #expect(try client.receive() == [])
            #expect(server.counters.connectionEnds == [.init(transport: .tls, reason: .handshake, count: 1)])
        }
    }

    @Test("DNS in clear on the TLS port, and a TLS greeting on the TCP port, end the connection")
    func confusion() async throws {
        try await Self.withServer { server, address, _ in
            let plain = try SocketClient(address, .tcp)
            try plain.sendFramed(Self.query)
            // Perhaps an alert, then the end.
            while try !plain.receive().isEmpty {}
            let greeting = try SocketClient(server.addresses[0], .tcp)
            try greeting.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])
            #expect(try greeting.receive() == [])
            #expect(
                Set(server.counters.connectionEnds) == [
                    .init(transport: .tls, reason: .handshake, count: 1),
                    .init(transport: .tcp, reason: .malformed, count: 1),
                ]
            )
        }
    }

    @Test("an idle connection is closed in order, and a stopping server tells its peers")
    func ends() async throws {
        try await Self.withServer(configure: { $0.streams.idle = .milliseconds(10) }) { server, address, _ in
            let client = try await TLSClient(address)
            #expect(try await client.receive() == nil, "an end without close_notify would be an error")
            #expect(server.counters.connectionEnds.map(\.reason) == [.idle])
        }
        try await Self.withServer { server, address, _ in
            let client = try await TLSClient(address)
            #expect(try await client.ask(Self.query) != nil)
            async let end = client.receive()
            await server.stop()
            #expect(try await end == nil)
        }
    }

    @Test("an address in use is said to be so, and nothing stays open")
    func addressInUse() async throws {
        try await Self.withServer { _, address, folder in
            var configuration = ServerConfiguration(listen: [ListenAddress("127.0.0.1:0")!])
            configuration.tls = TLSListening(listen: [address], files: folder.files)
            let second = DNSServer(
                configuration: configuration,
                certificate: try ServerCertificate(folder.files),
                zones: ServerTests.store(),
                logger: .quiet
            )
            await #expect(throws: ListenError(address: address, transport: .tls, reason: .inUse)) {
                try await second.start()
            }
            #expect(second.addresses.isEmpty && second.tlsAddresses.isEmpty)
        }
    }
}
