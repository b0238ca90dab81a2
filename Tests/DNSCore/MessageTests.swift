import DNSCore
import Testing

@Suite struct MessageTests {
    private static let name = DomainName("host.example.com")!

    static let messages: [Message] = [
        Message(id: 0),
        Message(id: 0xffff, flags: [.recursionDesired, .checkingDisabled], questions: [.init(name: .root, type: .ns)]),
        Message(
            id: 1,
            flags: [.response, .authoritative, .truncated],
            code: .badVers,
            questions: [.init(name: name, type: .any, recordClass: .chaos)],
            answers: [
                ResourceRecord(owner: name, type: .a, ttl: 0, data: .a(0xffff_ffff)),
                ResourceRecord(owner: name, type: .aaaa, ttl: .max, data: .aaaa(high: 1, low: 2)),
                ResourceRecord(owner: name, type: .ns, ttl: 1, data: .ns(DomainName("ns.example.com")!)),
                ResourceRecord(owner: name, type: .cname, ttl: 1, data: .cname(name)),
                ResourceRecord(owner: name, type: .ptr, ttl: 1, data: .ptr(.root)),
                ResourceRecord(
                    owner: name,
                    type: .srv,
                    ttl: 1,
                    data: .srv(priority: 1, weight: 2, port: 3, target: name)
                ),
                ResourceRecord(owner: name, type: .txt, ttl: 1, data: .txt([[], Array("text".utf8)])),
                ResourceRecord(owner: name, type: .svcb, ttl: 1, data: .opaque([1, 2, 3])),
            ],
            authorities: [
                ResourceRecord(
                    owner: DomainName("example.com")!,
                    type: .soa,
                    ttl: 1,
                    data: .soa(StartOfAuthority(primary: name, mailbox: name, serial: 9))
                )
            ],
            additionals: [ResourceRecord(owner: name, type: .tsig, recordClass: .any, ttl: 0, data: .opaque([]))],
            edns: .init(
                udpPayloadSize: 1232,
                dnssecOK: true,
                options: [.init(code: 3, data: []), .init(code: 10, data: [1])]
            )
        ),
    ]

    @Test("a message decodes to what was encoded", arguments: messages)
    func roundTrip(message: Message) throws {
        #expect(try Message(decoding: message.encoded()) == message)
    }

    @Test("repeated names are written once (RFC 1035 section 4.1.4), targets of SRV in full (RFC 3597)")
    func compression() {
        var message = Message(id: 1, questions: [.init(name: Self.name, type: .a)])
        let alone = message.encoded().count
        message.answers = [ResourceRecord(owner: Self.name, type: .a, ttl: 1, data: .a(1))]
        #expect(message.encoded().count == alone + 2 + 10 + 4)
        message.answers = [
            ResourceRecord(
                owner: Self.name,
                type: .srv,
                ttl: 1,
                data: .srv(priority: 0, weight: 0, port: 0, target: Self.name)
            )
        ]
        #expect(message.encoded().count == alone + 2 + 10 + 6 + Self.name.wire.count)
    }

    static let broken: [(String, MessageError)] = [
        ("0001", MessageError(reason: .truncated, offset: 2)),
        ("000100000001000000000000", MessageError(reason: .truncated, offset: 12)),
        ("000100000001000000000000 0361", MessageError(reason: .truncated, offset: 12)),
        ("000100000001000000000000 c00c00010001", MessageError(reason: .pointerNotBackwards, offset: 12)),
        ("000100000001000000000000 c00d00010001", MessageError(reason: .pointerNotBackwards, offset: 12)),
        ("000100000001000000000000 0161c00c00010001", MessageError(reason: .pointerNotBackwards, offset: 14)),
        ("000100000001000000000000 4000010001", MessageError(reason: .badLabel, offset: 12)),
        ("000100000000000000000000 00", MessageError(reason: .trailingBytes, offset: 12)),
        ("000100000000000100000000 00 0001 0001 00000000 0005 0102030405", MessageError(reason: .badData, offset: 23)),
        ("000100000000000100000000 00 0001 0001 00000000 0003 010203", MessageError(reason: .truncated, offset: 26)),
        ("000100000000000100000000 00 0001 0001 00000000 ffff", MessageError(reason: .truncated, offset: 23)),
        ("000100000000000100000000 00 0010 0001 00000000 0000", MessageError(reason: .badData, offset: 23)),
        ("000100000000000100000000 00 0010 0001 00000000 0002 0561", MessageError(reason: .truncated, offset: 25)),
        ("000100000000000100000000 00 0029 1000 00000000 0000", MessageError(reason: .misplacedOPT, offset: 12)),
        ("000100000000000000000001 0161 00 0029 1000 00000000 0000", MessageError(reason: .misplacedOPT, offset: 12)),
        ("000100000000000000000001 00 0029 1000 00000000 0003 000a 00", MessageError(reason: .badData, offset: 12)),
        (
            "000100000000000000000002 00 0029 1000 00000000 0000 00 0029 1000 00000000 0000",
            MessageError(reason: .misplacedOPT, offset: 23)
        ),
    ]

    @Test("what is no message is refused with reason and place", arguments: broken)
    func errors(hex: String, expected: MessageError) {
        #expect(throws: expected) {
            try Message(decoding: Fixtures.octets(hex.filter { $0 != " " }))
        }
    }

    @Test("a name of 255 octets is read, a longer one is not, also when pointers make it long")
    func longNames() throws {
        let label = [63] + [UInt8](repeating: 0x61, count: 63)
        let head = Fixtures.octets("000100000001000000000000")
        let longest = label + label + label + [61] + [UInt8](repeating: 0x61, count: 61) + [0]
        #expect(try Message(decoding: head + longest + [0, 1, 0, 1]).questions[0].name.wire == longest)
        let tooLong = label + label + label + [62] + [UInt8](repeating: 0x61, count: 62) + [0]
        #expect(throws: MessageError(reason: .nameTooLong, offset: 12 + 192)) {
            try Message(decoding: head + tooLong + [0, 1, 0, 1])
        }
        // The second question is one label and a pointer to the first.
        var two = head + longest + [0, 1, 0, 1] + [1, 0x62, 0xc0, 12, 0, 1, 0, 1]
        two[5] = 2
        #expect(throws: MessageError.self) { try Message(decoding: two) }
    }
}
