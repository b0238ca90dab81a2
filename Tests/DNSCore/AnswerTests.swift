import DNSCore
import Testing

@Suite struct AnswerTests {
    @Test("the packet tables are answered as they say", arguments: PacketCase.all)
    func packet(_ packet: PacketCase) throws {
        var asker = Asker(ZoneFixture.store())
        let bytes = asker.ask(packet.request, from: packet.client, over: packet.transport)
        guard let code = packet.expectation.code else {
            #expect(bytes.isEmpty)
            return
        }
        let response = try Message(decoding: bytes)
        #expect(response.code == code)
        #expect(response.testFlags == packet.expectation.flags)
        #expect(response.testRecords == packet.expectation.records)
        #expect(bytes[0..<2] == packet.request[0..<2], "the id comes back")
        #expect(response.flags.opcode.rawValue == packet.request[2] >> 3 & 0xf, "the opcode comes back")
        if !response.questions.isEmpty {
            let end = 12 + response.questions[0].name.wire.count + 4
            #expect(bytes[12..<end] == packet.request[12..<end], "the question comes back as it was asked")
        }
    }

    @Test(
        "a set too large for a datagram is cut to its first whole records, with TC",
        arguments: [512, 600, 1232] as [UInt16]
    )
    func truncation(payload: UInt16) throws {
        var asker = Asker(ZoneFixture.store(), rotating: true)
        var shown: [RecordType: Int] = [:]
        for (name, type) in [
            ("many.default.svc.cluster.local", RecordType.a), ("many.default.svc.cluster.local", .aaaa),
            ("_big._tcp.many.default.svc.cluster.local", .srv),
        ] {
            let whole = try asker.ask(name, type, over: .stream)
            let first = try asker.ask(name, type, payload: payload)
            let second = try asker.ask(name, type, payload: payload)
            #expect(first.answers == second.answers, "the same records every time")
            #expect(first.flags.contains(.truncated) && first.additionals.isEmpty && !first.answers.isEmpty)
            #expect(first.edns != nil)
            #expect(Set(first.answers).isSubset(of: whole.answers))
            #expect(!whole.flags.contains(.truncated))
            #expect(first.encoded().count <= payload)
            shown[type] = first.answers.count
        }
        #expect(shown[.a] == shown[.aaaa], "both families show the same hosts")
    }

    @Test("over a stream everything fits, with the addresses of all targets")
    func stream() throws {
        var asker = Asker(ZoneFixture.store())
        let response = try asker.ask("_big._tcp.many.default.svc.cluster.local", .srv, over: .stream)
        #expect(response.answers.count == 60)
        #expect(response.additionals.map(\.data) == (1...60).map { .a(0x0a02_0000 + $0) })
    }

    @Test("the asker's size counts up to the server's own, which EDNS states")
    func payloadSizes() throws {
        var asker = Asker(ZoneFixture.store())
        asker.options.udpPayloadSize = 700
        var lengths: [Int] = []
        for payload in [nil, 100, 512, 600, 700, 4096] as [UInt16?] {
            let response = try asker.ask("many.default.svc.cluster.local", .aaaa, payload: payload)
            #expect(response.edns?.udpPayloadSize == (payload == nil ? nil : 700))
            lengths.append(response.encoded().count)
        }
        #expect(lengths[0] <= 512 && lengths[1] <= 512 && lengths[2] <= 512)
        #expect(lengths[3] > 512 && lengths[3] <= 600)
        #expect(lengths[4] > 600 && lengths[4] <= 700)
        #expect(lengths[5] == lengths[4])
    }

    @Test("the order of addresses moves on with every query, each address coming first about equally often")
    func rotation() throws {
        var asker = Asker(ZoneFixture.store(), rotating: true)
        var first: [RecordData: Int] = [:]
        for _ in 0..<300 {
            let answers = try asker.ask("web.default.svc.cluster.local", .a).answers.map(\.data)
            #expect(Set(answers) == [.a(0x0a00_0001), .a(0x0a00_0002), .a(0x0a00_0003)])
            let start = answers[0]
            first[start, default: 0] += 1
            guard case .a(let address) = start else { continue }
            let following = (0..<3).map { RecordData.a(0x0a00_0001 + (address - 0x0a00_0001 + $0) % 3) }
            #expect(answers == following, "rotated, not shuffled")
        }
        #expect(first.count == 3)
        #expect(first.values.allSatisfy { (95...105).contains($0) }, "\(first)")
    }

    @Test("SRV targets are not compressed (RFC 3597 section 4)")
    func uncompressedTargets() throws {
        var asker = Asker(ZoneFixture.store())
        let query = Message(
            id: 1,
            questions: [.init(name: DomainName("_http._tcp.web.default.svc.cluster.local")!, type: .srv)]
        )
        let bytes = asker.ask(query.encoded())
        let target = DomainName("10-0-0-1.web.default.svc.cluster.local")!.wire
        let firstData = 12 + query.questions[0].name.wire.count + 4 + 12
        #expect(Array(bytes[(firstData + 6)..<(firstData + 6 + target.count)]) == target)
    }

    @Test("a stale zone goes on answering")
    func stale() throws {
        let store = ZoneFixture.store()
        for zone in store.zones { zone.freshness = .stale }
        var asker = Asker(store)
        #expect(try asker.ask("web.default.svc.cluster.local", .a).answers.count == 3)
        #expect(try asker.ask("x.unready.test", .a).answers.count == 1)
    }

    @Test("the outcome names zone, type and code for the counters")
    func outcome() {
        let store = ZoneFixture.store()
        var asker = Asker(store)
        func query(_ name: String, _ type: RecordType) -> [UInt8] {
            Message(id: 1, questions: [.init(name: DomainName(name)!, type: type)]).encoded()
        }
        let inside = asker.outcome(of: query("x.inner.cluster.local", .aaaa).span)
        #expect(store.labels[Int(inside.zone)] == DomainName("inner.cluster.local"))
        #expect(inside.type == .aaaa && inside.code == .nxDomain)
        let outside = asker.outcome(of: query("example.net", .a).span)
        #expect(outside.zone == 0 && store.labels[0] == nil && outside.code == .refused)
    }
}

extension Message {
    var testFlags: Set<String> {
        var names: Set<String> = []
        if flags.contains(.authoritative) { names.insert("aa") }
        if flags.contains(.truncated) { names.insert("tc") }
        if flags.contains(.recursionDesired) { names.insert("rd") }
        if flags.contains(.recursionAvailable) { names.insert("ra") }
        if flags.contains(.authenticData) { names.insert("ad") }
        if flags.contains(.checkingDisabled) { names.insert("cd") }
        if !flags.contains(.response) { names.insert("query") }
        if let edns {
            names.insert("edns")
            if edns.dnssecOK { names.insert("do") }
            if edns.version != 0 { names.insert("version=\(edns.version)") }
            for option in edns.options {
                let isError = option.code == 15 && option.data.count == 2
                names.insert(
                    isError
                        ? "ede=\(UInt16(option.data[0]) << 8 | UInt16(option.data[1]))"
                        : "option=\(option.code):\(RecordData.opaque(option.data).text)"
                )
            }
        }
        return names
    }

    var testRecords: [String] {
        answers.map { "answer \($0.text)" } + authorities.map { "authority \($0.text)" }
            + additionals.map { "additional \($0.text)" }
    }
}
