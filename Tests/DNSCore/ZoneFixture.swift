import DNSCore

/// The zones in `Fixtures/zones.txt`.
struct ZoneFixture {
    struct Contents {
        var apex: DomainName
        var serial: UInt32
        var changes: [OwnerChange] = []
    }

    static let zones: [Contents] = read()

    /// Who asks in the tables, and when: as in the test vectors of RFC 9018, whose secret is used too.
    static let client = ClientAddress(ipv4: 0xc633_6464)
    static let time = QueryTime(seconds: 1_559_731_985, ticks: 0)

    /// What the tables expect of a server.
    static var options: AnswerOptions {
        var options = AnswerOptions()
        options.rotatesAddresses = false
        options.cookies = CookieSecrets.Secret("e5e973e5a6b2a43f48e7dc849e37bfcf").map { CookieSecrets(current: $0) }
        options.identifier = ServerIdentifier("tables")
        options.keepalive = 300
        return options
    }

    /// A store that serves them all; `unready.test` is loaded, but not declared complete; `stale.test` has lost its source, and
    /// `expired.test` has for too long.
    /// Only 192.0.2.0/24 and fd00::/8 may ask `private.test`.
    static func store() -> ZoneStore {
        let store = ZoneStore()
        store.serve(
            zones.map { contents in
                let zone = Zone(contents.apex, serial: contents.serial, in: store)
                let batch = zone.apply(contents.changes)
                precondition(batch.rejected.isEmpty, "\(batch.rejected)")
                zone.freshness =
                    switch contents.apex {
                    case DomainName("unready.test"): .unready
                    case DomainName("stale.test"): .stale
                    case DomainName("expired.test"): .expired
                    default: .current
                    }
                return zone
            },
            to: [
                DomainName("private.test")!: AccessList([
                    .init(first: ClientAddress(ipv4: 0xc000_0200), length: 24),
                    .init(first: ClientAddress(high: 0xfd00 << 48, low: 0), length: 8),
                ])
            ]
        )
        return store
    }

    private static func read() -> [Contents] {
        var zones: [Contents] = []
        var order: [DomainName] = []
        var sets: [DomainName: [RecordSet]] = [:]
        func close() {
            guard !zones.isEmpty else { return }
            zones[zones.count - 1].changes = order.map { OwnerChange(owner: $0, sets: sets[$0] ?? []) }
            (order, sets) = ([], [:])
        }
        for raw in Fixtures.text("zones.txt").split(separator: "\n") where !raw.hasPrefix("#") {
            for line in repeated(String(raw)) {
                let words = line.split(separator: " ").map(String.init)
                if words[0] == "$zone" {
                    close()
                    zones.append(Contents(apex: DomainName(words[1])!, serial: UInt32(words[2])!))
                    continue
                }
                let apex = zones[zones.count - 1].apex
                func name(_ text: String) -> DomainName {
                    text == "@" ? apex : DomainName(text.hasSuffix(".") ? text : "\(text).\(apex)")!
                }
                let owner = name(words[0])
                let type = RecordType(text: words[2])!
                let data = RecordData(type, Array(words.dropFirst(3)), name: name)
                if sets[owner] == nil { order.append(owner) }
                if let index = sets[owner]?.firstIndex(where: { $0.type == type }) {
                    sets[owner]?[index].data.append(data)
                } else {
                    sets[owner, default: []].append(RecordSet(type: type, ttl: UInt32(words[1])!, data: [data]))
                }
            }
        }
        close()
        return zones
    }

    /// The line once for every number in the range that its braces hold, `@next` being the number after.
    private static func repeated(_ line: String) -> [String] {
        guard let open = line.firstIndex(of: "{"), let close = line.firstIndex(of: "}") else { return [line] }
        let braces = String(line[open...close])
        let bounds = braces.dropFirst().dropLast().split(separator: "-").map { Int($0)! }
        return (bounds[0]...bounds[1]).map { number in
            line.replacing(braces, with: "\(number)").replacing("@next", with: "\(number + 1)")
        }
    }
}

extension Zone {
    /// With an SOA as the tests expect it: the primary is `ns.dns`, the mailbox `hostmaster`, both below the apex.
    convenience init(_ apex: DomainName, serial: UInt32 = 0, ttl: UInt32 = 3600, in store: ZoneStore) {
        self.init(
            apex: apex,
            authority: StartOfAuthority(
                primary: apex.prefixed(by: "dns")!.prefixed(by: "ns")!,
                mailbox: apex.prefixed(by: "hostmaster")!,
                serial: serial
            ),
            ttl: ttl,
            epochs: store.epochs
        )
    }
}

/// Asks a store as the server does.
struct Asker: ~Copyable {
    let store: ZoneStore
    let reader: ReadEpochs.Reader
    var scratch = AnswerScratch()
    var options = ZoneFixture.options
    var time = ZoneFixture.time
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_535, alignment: 8)

    init(_ store: ZoneStore, rotating: Bool = false) {
        self.store = store
        reader = store.epochs.makeReader()
        options.rotatesAddresses = rotating
    }

    deinit {
        store.epochs.remove(reader)
        buffer.deallocate()
    }

    /// The answer's octets; empty when there is none.
    mutating func ask(
        _ request: [UInt8],
        from client: ClientAddress = ZoneFixture.client,
        over transport: Transport = .datagram
    ) -> [UInt8] {
        Array(buffer.prefix(outcome(of: request.span, from: client, over: transport).length))
    }

    mutating func outcome(
        of request: Span<UInt8>,
        from client: ClientAddress = ZoneFixture.client,
        over transport: Transport = .datagram
    ) -> Outcome {
        store.read(as: reader) { zones in
            answer(
                request,
                from: client,
                over: transport,
                at: time,
                zones: zones,
                options: options,
                scratch: &scratch,
                into: buffer
            )
        }
    }

    mutating func ask(
        _ name: String,
        _ type: RecordType,
        payload: UInt16? = nil,
        over transport: Transport = .datagram
    ) throws -> Message {
        let query = Message(
            id: 7,
            questions: [.init(name: DomainName(name)!, type: type)],
            edns: payload.map { Message.Extension(udpPayloadSize: $0) }
        )
        return try Message(decoding: ask(query.encoded(), over: transport))
    }
}
