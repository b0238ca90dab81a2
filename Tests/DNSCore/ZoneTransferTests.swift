import DNSCore
import Testing

/// What a secondary holds, made of transfers alone.
private struct Secondary {
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    private(set) var records: Set<ResourceRecord> = []
    private(set) var serial: UInt32?

    /// Takes in the answers of a whole transfer, as RFC 5936 and RFC 1995 read them.
    mutating func take(_ answers: [ResourceRecord]) throws {
        guard let first = answers.first, let final = first.serial else { throw Broken(description: "no SOA first") }
        guard answers.count > 1 else {
            guard final == serial else { throw Broken(description: "\(final) alone, and not \(serial ?? 0)") }
            return
        }
        guard answers.last == first else { throw Broken(description: "another SOA last") }
        if answers[1].serial == nil || answers.count == 2 {
            let all = answers.dropLast()
            records = Set(all)
            guard records.count == all.count else { throw Broken(description: "a record comes twice") }
        } else {
            var isRemoval = false
            for record in answers.dropFirst().dropLast() {
                if record.type == .soa { isRemoval.toggle() }
                if isRemoval {
                    guard records.remove(record) != nil else { throw Broken(description: "\(record) is not there") }
                } else {
                    guard records.insert(record).inserted else { throw Broken(description: "\(record) is there") }
                }
            }
        }
        serial = final
    }
}

extension ResourceRecord {
    /// `nil` unless it is an SOA record.
    fileprivate var serial: UInt32? {
        if case .soa(let authority) = data { authority.serial } else { nil }
    }
}

@Suite struct ZoneTransferTests {
    private let apex = DomainName("example.test")!
    private let store = ZoneStore()
    private let reader: ReadEpochs.Reader
    private let buffer = Buffer()

    private final class Buffer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_535, alignment: 8)
        deinit { bytes.deallocate() }
    }

    init() { reader = store.epochs.makeReader() }

    private func makeZone(serial: UInt32 = 10) -> Zone {
        let authority = StartOfAuthority(primary: apex, mailbox: apex, serial: serial)
        let zone = Zone(apex: apex, authority: authority, ttl: 5, epochs: store.epochs)
        zone.freshness = .current
        zone.keepsChanges = true
        return zone
    }

    private var heading: ZoneTransfer.Heading {
        .init(replyingTo: Message(id: 3, questions: [.init(name: apex, type: .axfr)]).encoded())
    }

    /// All answers, message by message.
    private func read(_ transfer: ZoneTransfer, size: Int = ZoneTransfer.messageSize) throws -> [ResourceRecord] {
        var answers: [ResourceRecord] = []
        while true {
            guard
                case .message(let length, let isLast) = transfer.nextMessage(
                    into: buffer.bytes,
                    size: size,
                    reader: reader
                )
            else { throw Secondary.Broken(description: "the transfer breaks off") }
            let message = try Message(decoding: Array(buffer.bytes[..<length]))
            #expect(length <= size || message.answers.count == 1)
            #expect(message.id == 3 && message.flags == [.response, .authoritative] && message.code == .noError)
            #expect(!message.answers.isEmpty)
            answers += message.answers
            if isLast { break }
        }
        #expect(transfer.records == answers.count)
        return answers
    }

    private func full(_ zone: Zone) throws -> Set<ResourceRecord> {
        var secondary = Secondary()
        try secondary.take(read(.full(of: zone, heading)))
        return secondary.records
    }

    private func set(_ address: UInt32...) -> RecordSet {
        RecordSet(type: .a, ttl: 5, data: address.map { .a($0) })
    }

    private func change(_ label: String, _ sets: RecordSet...) -> OwnerChange {
        OwnerChange(owner: label == "@" ? apex : apex.prefixed(by: label)!, sets: sets)
    }

    @Test("random changes: whoever follows by transfers, now and then, has what the zone has", arguments: 0..<20)
    func random(seed: Int) throws {
        var random = SystemRandomNumberGenerator()
        let zone = makeZone(serial: seed < 10 ? 10 : .max - 20)
        var secondaries = [Secondary(), Secondary(), Secondary()]
        let labels = (0..<24).map { "host-\($0)" } + ["a.b", "b", "c.a.b"]
        func randomSets() -> [RecordSet] {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: return []
            case 1: return [RecordSet(type: .cname, ttl: 5, data: [.cname(apex.prefixed(by: "host-1")!)])]
            case 2:
                let port = UInt16.random(in: 1...3, using: &random)
                let target = apex.prefixed(by: "host-\(Int.random(in: 0..<9, using: &random))")!
                return [
                    RecordSet(type: .srv, ttl: 5, data: [.srv(priority: 0, weight: 1, port: port, target: target)]),
                    RecordSet(type: .txt, ttl: 7, data: [.txt([[UInt8](repeating: 7, count: 40)])]),
                ]
            default:
                let addresses = Set((0..<4).map { _ in UInt32.random(in: 0..<6, using: &random) })
                return [RecordSet(type: .a, ttl: .random(in: 5...6, using: &random), data: addresses.map { .a($0) })]
            }
        }
        var incremental = 0
        for _ in 0..<120 {
            let changes = (0..<Int.random(in: 0...3, using: &random)).map { _ -> OwnerChange in
                let label = labels.randomElement(using: &random)!
                guard Int.random(in: 0..<12, using: &random) > 0 else {
                    let target = apex.prefixed(by: label.split(separator: ".").first.map(String.init) ?? label)!
                    return OwnerChange(owner: apex, sets: [RecordSet(type: .ns, ttl: 5, data: [.ns(target)])])
                }
                return OwnerChange(owner: DomainName("\(label).\(apex)")!, sets: randomSets())
            }
            zone.apply(changes)
            for index in secondaries.indices where Int.random(in: 0...(index * 6), using: &random) == 0 {
                let transfer: ZoneTransfer
                if let serial = secondaries[index].serial {
                    transfer = .since(serial, of: zone, heading, reader: reader)
                } else {
                    transfer = .full(of: zone, heading)
                }
                if transfer.kind == .incremental { incremental += 1 }
                let size = [200, 600, ZoneTransfer.messageSize].randomElement(using: &random)!
                try secondaries[index].take(read(transfer, size: size))
                #expect(secondaries[index].serial == zone.serial)
                #expect(try secondaries[index].records == full(zone))
            }
        }
        #expect(incremental > 20)
    }

    @Test("a transfer shows the zone as it was when it began, however it changes")
    func consistency() throws {
        let zone = makeZone()
        zone.apply((0..<2000).map { change("host-\($0)", set(1)) })
        let before = try full(zone)
        let transfer = ZoneTransfer.full(of: zone, heading)
        var answers: [ResourceRecord] = []
        var round: UInt32 = 2
        while case .message(let length, let isLast) = transfer.nextMessage(
            into: buffer.bytes,
            size: 4000,
            reader: reader
        ) {
            answers += try Message(decoding: Array(buffer.bytes[..<length])).answers
            zone.apply((0..<2000).map { change("host-\($0)", set(round)) })
            zone.apply([change("host-\(round)")])
            round += 1
            if isLast { break }
        }
        #expect(round > 10)
        var secondary = Secondary()
        try secondary.take(answers)
        #expect(secondary.records == before)
    }

    @Test("a transfer that a zone outruns breaks off, and what it kept is given back")
    func overrun() throws {
        let zone = makeZone()
        let text = RecordSet(
            type: .txt,
            ttl: 5,
            data: (0..<200).map { index in
                .txt([[UInt8](repeating: UInt8(index), count: 250)])
            }
        )
        zone.apply([change("large", text)])
        do {
            let transfer = ZoneTransfer.full(of: zone, heading)
            for round in 0..<900 {
                zone.apply([change("large", text, set(UInt32(round)))])
            }
            #expect(transfer.nextMessage(into: buffer.bytes, reader: reader) == .overrun)
        }
        zone.keepsChanges = false
        zone.apply([change("large", set(1))])
        #expect(store.epochs.waiting == 0)
    }

    @Test("what the journal does not reach back to is sent in full, and what is up to date as one SOA record")
    func truncation() throws {
        let zone = makeZone()
        zone.apply([change("host", set(1))])
        let old = zone.serial
        for round in 0..<2000 { zone.apply([change("host", set(UInt32(round + 2)))]) }
        #expect(ZoneTransfer.since(old, of: zone, heading, reader: reader).kind == .full)
        #expect(ZoneTransfer.since(zone.serial &- 3, of: zone, heading, reader: reader).kind == .incremental)
        for serial in [zone.serial, zone.serial &+ 5] {
            let transfer = ZoneTransfer.since(serial, of: zone, heading, reader: reader)
            #expect(transfer.kind == .upToDate)
            #expect(try read(transfer).map(\.serial) == [zone.serial])
        }
    }

    @Test("many steps on one name are sent as one difference")
    func condensation() throws {
        let zone = makeZone()
        zone.apply((0..<100).map { change("host-\($0)", set(1)) })
        let old = zone.serial
        for round in 2..<20 { zone.apply([change("host-1", set(UInt32(round)))]) }
        zone.apply([change("new", set(1))])
        zone.apply([change("new")])
        let transfer = ZoneTransfer.since(old, of: zone, heading, reader: reader)
        #expect(transfer.kind == .incremental)
        // Three SOA records and the one before, one address away and one there.
        #expect(try read(transfer).count == 6)
    }

    @Test("differences larger than the zone are not sent")
    func largeDifference() throws {
        let zone = makeZone()
        zone.apply((0..<40).map { change("host-\($0)", set(1)) })
        let old = zone.serial
        zone.apply((0..<40).map { change("host-\($0)", set(2)) })
        #expect(ZoneTransfer.since(old, of: zone, heading, reader: reader).kind == .full)
    }

    @Test("a zone without changes kept has no journal")
    func noJournal() throws {
        let zone = makeZone()
        zone.keepsChanges = false
        zone.apply([change("host", set(1))])
        let old = zone.serial
        zone.apply([change("host", set(2))])
        #expect(ZoneTransfer.since(old, of: zone, heading, reader: reader).kind == .full)
    }

    @Test("an empty zone is its SOA record, twice")
    func empty() throws {
        let zone = makeZone()
        #expect(try read(.full(of: zone, heading)).map(\.serial) == [10, 10])
    }

    @Test("serials keep above the clock, and rise when it does not")
    func serials() {
        #expect(ZoneSerial.next(after: 5, clock: 9) == 9)
        #expect(ZoneSerial.next(after: 9, clock: 9) == 10)
        #expect(ZoneSerial.next(after: 9, clock: 5) == 10)
        #expect(ZoneSerial.next(after: .max, clock: 2) == 2)
        #expect(ZoneSerial.next(after: .max, clock: .max) == 0)
        #expect(ZoneSerial.at(milliseconds: 1000) == 64)
        let later = ZoneSerial.at(milliseconds: 1_800_000_000_000 + 365 * 86_400_000)
        #expect(ZoneSerial.isLater(later, than: ZoneSerial.at(milliseconds: 1_800_000_000_000)))
    }
}
