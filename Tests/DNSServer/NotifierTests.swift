import DNSCore
import DNSTransfer
import Logging
import ServiceCatalog
import Testing

@testable import DNSServer

/// Against a server that knows nothing of NOTIFY and says so (NOTIMP): an answer like any other for who sent one.
@Suite(.timeLimit(.minutes(1))) struct NotifierTests {
    private static let zone = DomainName("example.test")!
    private static let key = TSIGKey(name: DomainName("k.test")!, algorithm: .hmacSHA256, secret: Array("secret".utf8))

    /// Tells a secondary at `address` of the zone, and returns when `event` has been counted.
    private func notify(
        _ address: String,
        key: DomainName?,
        until event: Notifier.Event
    ) async throws -> [Notifier.Event: UInt64] {
        let listen = try #require(ListenAddress(address))
        let server = DNSServer(configuration: .init(listen: [listen]), zones: ZoneStore(), logger: .quiet)
        try await server.start()
        let notifier = Notifier(logger: .quiet)
        notifier.follow(
            [Self.zone: [.init(address: server.addresses[0], key: key)]],
            keys: TSIGKeyring([Self.key])
        )
        let label = Notifier.Label(zone: Self.zone, event: event)
        while notifier.counts[label] == nil { await Task.yield() }
        let counts = notifier.counts
        notifier.stop()
        await server.stop()
        return Dictionary(uniqueKeysWithValues: counts.map { ($0.key.event, $0.value) })
    }

    @Test(
        "the answer of a secondary is taken from its address, in both families",
        arguments: ["127.0.0.1:0", "[::1]:0"]
    )
    func answered(address: String) async throws {
        let counts = try await notify(address, key: nil, until: .refused)
        #expect(counts[.sent] == 1)
        #expect(counts[.rejected] == nil && counts[.failed] == nil)
    }

    @Test("an answer without a signature does not count where the message was signed")
    func unsigned() async throws {
        let counts = try await notify("127.0.0.1:0", key: Self.key.name, until: .rejected)
        #expect(counts[.acknowledged] == nil && counts[.refused] == nil)
    }
}
