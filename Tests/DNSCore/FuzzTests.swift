import DNSCore
import Testing

/// Every packet of the tables, bent in every way: an answer never traps, never exceeds its limit, and can be read by a decoder
/// that shares no code with the writer.
@Suite struct FuzzTests {
    @Test("mutated packets are answered within the limit, decodably, or not at all", arguments: 0..<4)
    func mutations(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let corpus = PacketCase.all.map(\.request)
        var asker = Asker(ZoneFixture.store(), rotating: true)
        for _ in 0..<30_000 {
            let request = Self.mutate(corpus.randomElement(using: &random)!, corpus, &random)
            let transport = Bool.random(using: &random) ? Transport.datagram : .stream
            try Self.check(request, transport, &asker)
        }
    }

    @Test("noise is answered within the limit, decodably, or not at all")
    func noise() throws {
        var random = SplitMix64(state: 99)
        var asker = Asker(ZoneFixture.store())
        for _ in 0..<10_000 {
            var request = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // Mostly past the first checks.
            if request.count >= 12, Int.random(in: 0..<4, using: &random) > 0 {
                request.replaceSubrange(
                    2..<12,
                    with: [0, 0, 0, 1, 0, 0, 0, 0, 0, UInt8.random(in: 0...1, using: &random)]
                )
            }
            try Self.check(request, .datagram, &asker)
        }
    }

    @Test("what decodes, encodes to something that decodes to the same")
    func roundTrip() throws {
        var random = SplitMix64(state: 7)
        let corpus = PacketCase.all.map(\.request)
        var asker = Asker(ZoneFixture.store())
        let answers = corpus.map { asker.ask($0, over: .stream) }.filter { !$0.isEmpty }
        var decoded = 0
        for _ in 0..<20_000 {
            let bytes = Self.mutate((corpus + answers).randomElement(using: &random)!, answers, &random)
            guard let message = try? Message(decoding: bytes) else { continue }
            decoded += 1
            #expect(try Message(decoding: message.encoded()) == message)
        }
        #expect(decoded > 1000, "mutations must leave enough to decode")
    }

    private static func check(_ request: [UInt8], _ transport: Transport, _ asker: inout Asker) throws {
        let bytes = asker.ask(request, over: transport)
        guard !bytes.isEmpty else {
            #expect(
                request.count < 12 || request[2] & 0x80 != 0,
                "only answers and fragments get no answer: \(request)"
            )
            return
        }
        let response = try Message(decoding: bytes)
        let limit =
            switch (transport, response.edns) {
            case (.stream, _): 65_535
            case (.datagram, nil): 512
            case (.datagram, _): statedLimit(request)
            }
        #expect(bytes.count <= limit, "\(request)")
        #expect(response.flags.contains(.response))
        #expect(bytes[0..<2] == request[0..<2])
        if response.code == .nxDomain, !response.flags.contains(.truncated) {
            #expect(response.authorities.map(\.type) == [.soa])
        }
    }

    /// What the request's OPT allows, read by the general decoder where that can read all of it.
    private static func statedLimit(_ request: [UInt8]) -> Int {
        guard let stated = (try? Message(decoding: request))?.edns?.udpPayloadSize else { return 1232 }
        return max(512, min(1232, Int(stated)))
    }

    static func mutate(_ packet: [UInt8], _ corpus: [[UInt8]], _ random: inout SplitMix64) -> [UInt8] {
        var packet = packet
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard !packet.isEmpty else { break }
            let position = Int.random(in: 0..<packet.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: packet[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: packet[position] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff].randomElement(using: &random)!
            case 2: packet[position] = UInt8.random(in: 0...255, using: &random)
            case 3: packet.removeSubrange(position...)
            case 4: packet.remove(at: position)
            case 5: packet.insert(UInt8.random(in: 0...255, using: &random), at: position)
            case 6:
                let other = corpus.randomElement(using: &random)!
                packet.replaceSubrange(position..., with: other.dropFirst(position))
            default:
                // A pointer to anywhere near.
                let target = Int.random(in: 0..<packet.count + 4, using: &random)
                packet.replaceSubrange(
                    position..<min(packet.count, position + 2),
                    with: [0xc0 | UInt8(target >> 8 & 0x3f), UInt8(target & 0xff)]
                )
            }
        }
        return packet
    }
}

/// A small generator with a seed, so that a failure can be seen again.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
