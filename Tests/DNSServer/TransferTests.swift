import DNSCore
import DNSSigning
import DNSTransfer
import Foundation
import Glibc
import Logging
import ServiceCatalog
import Synchronization
import Testing

@testable import DNSServer

@Suite struct TransferTests {
    private static let apex = DomainName("example.test")!
    private static let key = TSIGKey(name: DomainName("k.test")!, algorithm: .hmacSHA256, secret: Array("secret".utf8))
    private static let longNamedKey = TSIGKey(
        name: DomainName(Array(repeating: String(repeating: "k", count: 60), count: 4).joined(separator: "."))!,
        algorithm: .hmacSHA512,
        secret: Array("secret".utf8)
    )

    /// Runs `body` with a server that lets whoever has one of the keys transfer `example.test`.
    private func withPrimary(
        names: UInt32 = 2000,
        signers: ZoneSigners? = nil,
        _ body: (ListenAddress, Zone, TransferService) async throws -> Void
    ) async throws {
        let store = ZoneStore()
        let authority = StartOfAuthority(primary: Self.apex, mailbox: Self.apex, serial: 1)
        let zone = Zone(apex: Self.apex, authority: authority, ttl: 5, epochs: store.epochs)
        zone.keepsChanges = true
        zone.apply((0..<names).map { Self.change("host-\($0)", $0) })
        zone.freshness = .current
        store.serve([zone])
        zone.isSigned = signers != nil
        let transfers = TransferService(signers: signers, logger: .quiet)
        var policy = TransferService.Policy()
        policy.keys = TSIGKeyring([Self.key, Self.longNamedKey])
        policy.zones = [Self.apex]
        let access = TransferAccess([.init(key: Self.key.name), .init(key: Self.longNamedKey.name)])
        policy.offers = [Self.apex: .init(zone: zone, access: access)]
        transfers.policy = policy
        var configuration = ServerConfiguration(listen: [ListenAddress("127.0.0.1:0")!])
        configuration.workers = 1
        let server = DNSServer(configuration: configuration, zones: store, transfers: transfers, logger: .quiet)
        try await server.start()
        do {
            try await body(try #require(server.addresses.first), zone, transfers)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private static func change(_ label: String, _ address: UInt32) -> OwnerChange {
        OwnerChange(owner: apex.prefixed(by: label)!, sets: [RecordSet(type: .a, ttl: 5, data: [.a(address)])])
    }

    private func query(_ type: RecordType, since serial: UInt32? = nil, size: UInt16? = 1232) -> Message {
        var query = Message(id: 9, questions: [.init(name: Self.apex, type: type)])
        if let serial {
            let authority = StartOfAuthority(primary: .root, mailbox: .root, serial: serial)
            query.authorities = [ResourceRecord(owner: Self.apex, type: .soa, ttl: 0, data: .soa(authority))]
        }
        query.edns = size.map { .init(udpPayloadSize: $0) }
        return query
    }

    private func signed(_ query: Message, _ key: TSIGKey = key) -> [UInt8] {
        var bytes = query.encoded()
        var signer = TSIGSigner(key: key)
        signer.sign(&bytes, now: UInt64(time(nil)))
        return bytes
    }

    private func framed(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes }

    private func next(_ client: borrowing SocketClient) throws -> Message {
        guard let message = try client.receiveFramed() else { throw SocketClient.Failure(call: "end of the stream") }
        return message
    }

    private func ask(_ bytes: [UInt8], _ client: borrowing SocketClient) throws -> Message {
        try client.send(framed(bytes))
        return try next(client)
    }

    /// All answers up to the SOA record that ends a transfer of more than one record.
    private func transfer(_ client: borrowing SocketClient, _ query: Message) throws -> [ResourceRecord] {
        try client.send(framed(signed(query)))
        var answers: [ResourceRecord] = []
        repeat { answers += try next(client).answers } while answers.count < 2 || answers.last != answers.first
        return answers
    }

    @Test("a transfer of many messages is whole, and the connection goes on")
    func full() async throws {
        try await withPrimary { address, zone, transfers in
            let client = try SocketClient(address, .tcp)
            let answers = try transfer(client, query(.axfr))
            #expect(Set(answers).count == 2001)
            let last = try ask(signed(query(.soa)), client)
            #expect(last.answers == [answers[0]] && last.additionals.map(\.type) == [.tsig])
            let label = TransferService.Label(zone: Self.apex, kind: "axfr", result: .completed)
            #expect(transfers.counts[label] == 1)
        }
    }

    @Test("differences go to whom the serial was given by a transfer, everything to others")
    func incremental() async throws {
        try await withPrimary { address, zone, _ in
            let client = try SocketClient(address, .tcp)
            let first = zone.serial
            zone.apply([Self.change("host-1", 77)])
            #expect(try transfer(client, query(.ixfr, since: first)).count == 2002)
            let second = zone.serial
            zone.apply([Self.change("host-2", 78)])
            #expect(try transfer(client, query(.ixfr, since: second)).count == 6)
            // Small enough for a datagram.
            let datagram = try SocketClient(address, .udp)
            try datagram.send(signed(query(.ixfr, since: second)))
            #expect(try Message(decoding: datagram.receive()).answers.count == 6)
            try datagram.send(signed(query(.ixfr, since: first)))
            #expect(try Message(decoding: datagram.receive()).answers.map(\.type) == [.soa])
        }
    }

    @Test("what cannot be transferred says why")
    func refusals() async throws {
        try await withPrimary(names: 3) { address, zone, _ in
            let client = try SocketClient(address, .tcp)
            let unsigned = try ask(query(.axfr).encoded(), client)
            #expect(unsigned.code == .refused && unsigned.edns?.options.map(\.code) == [ExtendedError.option])
            #expect(try ask(signed(query(.ixfr)), client).code == .formErr)
            var elsewhere = query(.axfr)
            elsewhere.questions[0].name = DomainName("other.test")!
            #expect(try ask(signed(elsewhere), client).code == .notAuth)
            let datagram = try SocketClient(address, .udp)
            try datagram.send(signed(query(.axfr)))
            #expect(try Message(decoding: datagram.receive()).code == .formErr)
            zone.freshness = .unready
            let unready = try ask(signed(query(.axfr)), client)
            #expect(unready.code == .servFail && unready.additionals.map(\.type) == [.tsig])
        }
    }

    @Test("an answer that its signature makes too long is cut to nothing, and signed")
    func truncation() async throws {
        try await withPrimary(names: 3) { address, zone, _ in
            let data = (0..<28).map { RecordData.a($0) }
            zone.apply([
                OwnerChange(owner: Self.apex.prefixed(by: "many")!, sets: [RecordSet(type: .a, ttl: 5, data: data)])
            ])
            var query = query(.a, size: nil)
            query.questions[0].name = Self.apex.prefixed(by: "many")!
            let datagram = try SocketClient(address, .udp)
            try datagram.send(signed(query))
            let bytes = try datagram.receive()
            let answer = try Message(decoding: bytes)
            #expect(bytes.count <= 512 && answer.flags.contains(.truncated) && answer.answers.isEmpty)
            #expect(answer.additionals.map(\.type) == [.tsig] && answer.code == .noError)
        }
    }

    @Test("what is asked after a transfer overtakes it, and transfers on one connection share it")
    func overtaking() async throws {
        try await withPrimary(names: 20_000) { address, _, _ in
            let client = try SocketClient(address, .tcp)
            let ids: [UInt16] = [1, 2, 3, 4, 5]
            func transfer(_ id: UInt16) -> [UInt8] {
                var query = query(.axfr)
                query.id = id
                return framed(signed(query))
            }
            var question = query(.soa)
            question.id = 99
            // One more than are sent at once.
            try client.send(ids.flatMap(transfer) + framed(question.encoded()))
            var order: [UInt16] = []
            var records: [UInt16: Int] = [:]
            var open = Set(ids + [99])
            while !open.isEmpty {
                let message = try next(client)
                order.append(message.id)
                records[message.id, default: 0] += message.answers.count
                let isFirst = records[message.id] == message.answers.count
                if message.id == 99 || (message.answers.last?.type == .soa && !isFirst) { open.remove(message.id) }
            }
            #expect(ids.allSatisfy { records[$0] == records[1] } && records[1, default: 0] > 20_000)
            #expect(order.prefix(4) == [1, 2, 3, 4])
            let fourth = order.lastIndex(of: 4) ?? 0
            #expect((order.firstIndex(of: 5) ?? 0) > (ids.prefix(4).compactMap { order.lastIndex(of: $0) }.min() ?? 0))
            #expect((order.firstIndex(of: 99) ?? .max) < max(fourth, order.lastIndex(of: 5) ?? 0))
        }
    }

    @Test("a secondary that stops reading holds up no reclamation, and the zone changes on")
    func slowSecondary() async throws {
        try await withPrimary(names: 60_000) { address, zone, transfers in
            let client = try SocketClient(address, .tcp)
            try client.send(framed(signed(query(.axfr))))
            _ = try next(client)
            for round in 0..<100 { zone.apply([Self.change("host-\(round)", 1_000_000)]) }
            // What comes after the pause is the zone as it was.
            var answers = 0
            while true {
                let message = try next(client)
                answers += message.answers.count
                #expect(!message.answers.contains { $0.data == .a(1_000_000) })
                if message.answers.last?.type == .soa { break }
            }
            #expect(answers > 55_000)
        }
    }

    private func makeSigners() -> ZoneSigners {
        let keys = ZoneKeys(
            zone: Self.apex,
            keys: [SigningKey.generate(for: Self.apex, isKeySigning: true)]
        )
        let signer = ZoneSigner(apex: Self.apex, cache: SignatureCache())
        signer.use(keys, at: Int64(time(nil)))
        let signers = ZoneSigners()
        signers.use([signer])
        return signers
    }

    @Test("a signed zone is sent signed and whole, also to those who ask for differences")
    func signedZone() async throws {
        try await withPrimary(names: 500, signers: makeSigners()) { address, zone, transfers in
            let client = try SocketClient(address, .tcp)
            let whole = try transfer(client, query(.axfr))
            let names = Set(whole.map(\.owner))
            #expect(names.count == 501)
            #expect(whole.filter { $0.type == .nsec }.count == names.count)
            #expect(whole.filter { $0.type == .rrsig }.count == 2 * names.count)
            let serial = zone.serial
            zone.apply([Self.change("host-1", 77)])
            let differences = try transfer(client, query(.ixfr, since: serial))
            #expect(differences.count == whole.count && differences.contains { $0.data == .a(77) })
            let label = TransferService.Label(zone: Self.apex, kind: "ixfr-full", result: .completed)
            #expect(transfers.counts[label] == 1)
            let datagram = try SocketClient(address, .udp)
            try datagram.send(signed(query(.ixfr, since: serial)))
            #expect(try Message(decoding: datagram.receive()).answers.map(\.type) == [.soa])
        }
    }

    @Test("a key whose name leaves no room in a small datagram gets an answer, and the server goes on")
    func longKeyName() async throws {
        try await withPrimary(names: 3) { address, zone, _ in
            let datagram = try SocketClient(address, .udp)
            let serial = zone.serial
            zone.apply([Self.change("host-9", 9)])
            for size in [nil, 512, 1232] as [UInt16?] {
                try datagram.send(signed(query(.ixfr, since: serial, size: size), Self.longNamedKey))
                #expect(try Message(decoding: datagram.receive()).id == 9)
            }
            try datagram.send(signed(query(.soa)))
            #expect(try Message(decoding: datagram.receive()).answers.map(\.type) == [.soa])
        }
    }

    @Test("a signed zone without signer is not handed out")
    func unsigned() async throws {
        try await withPrimary(names: 3, signers: ZoneSigners()) { address, _, transfers in
            let client = try SocketClient(address, .tcp)
            #expect(try ask(signed(query(.axfr)), client).code == .servFail)
            let label = TransferService.Label(zone: Self.apex, kind: "axfr", result: .unavailable)
            #expect(transfers.counts[label] == 1)
        }
    }

    @Test("while a transfer is under way that its secondary takes as fast as it is made, others are answered")
    func turns() async throws {
        try await withPrimary(names: 3000, signers: makeSigners()) { address, _, transfers in
            let client = try SocketClient(address, .tcp)
            _ = try ask(signed(query(.soa)), client)
            // On a thread of its own: the loop below holds one of the few that tasks share.
            let (copies, copied) = AsyncThrowingStream<Int, any Error>.makeStream()
            Thread.detachNewThread {
                do {
                    copied.yield(try transfer(SocketClient(address, .tcp), query(.axfr)).count)
                    copied.finish()
                } catch {
                    copied.finish(throwing: error)
                }
            }
            let label = TransferService.Label(zone: Self.apex, kind: "axfr", result: .completed)
            // Each answer waits for a message in the making at most, of which there are some sixty.
            let start = ContinuousClock.now
            var longest = Duration.zero
            while transfers.counts[label] == nil {
                let asked = ContinuousClock.now
                _ = try ask(signed(query(.soa)), client)
                longest = max(longest, asked.duration(to: .now))
            }
            let whole = start.duration(to: .now)
            for try await records in copies { #expect(records > 12_000) }
            #expect(longest * 2 < whole, "\(longest) of \(whole)")
        }
    }
}
