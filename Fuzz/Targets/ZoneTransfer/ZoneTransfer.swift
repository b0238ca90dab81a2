import DNSCore
import FuzzSupport

/// Changes drawn from the input, and a secondary that follows now and then with messages of any size: it always has what a full
/// transfer gives.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var draws = InputDraws(from: [UInt8](input: start, count))
    let primary = Primary()
    defer { primary.end() }
    var held = Set(primary.read(.full(of: primary.zone, primary.heading), size: 512))
    var serial = primary.zone.serial
    for _ in 0..<min(64, count / 4) {
        primary.change(&draws)
        guard Int.random(in: 0..<3, using: &draws) == 0 else { continue }
        let transfer = ZoneTransfer.since(serial, of: primary.zone, primary.heading, reader: primary.reader)
        let answers = primary.read(transfer, size: .random(in: 100...2000, using: &draws))
        if transfer.kind == .full { held = Set(answers) }
        if transfer.kind == .incremental { follow(answers, &held) }
        serial = transfer.serial
        let whole = Set(primary.read(.full(of: primary.zone, primary.heading), size: 16_000))
        require(held == whole, "whoever follows has what the zone has")
        require(serial == primary.zone.serial, "and its serial")
    }
    return 0
}

/// Applies differences (RFC 1995 section 4).
private func follow(_ answers: [ResourceRecord], _ held: inout Set<ResourceRecord>) {
    var isRemoval = false
    for record in answers.dropFirst().dropLast() {
        if record.type == .soa { isRemoval.toggle() }
        if isRemoval {
            require(held.remove(record) != nil, "only what is there is taken away")
        } else {
            require(held.insert(record).inserted, "only what is not there is added")
        }
    }
}

private struct Primary {
    private let store = ZoneStore()
    private let apex = DomainName("z.test") ?? .root
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_535, alignment: 8)
    let zone: Zone
    let reader: ReadEpochs.Reader
    let heading: ZoneTransfer.Heading

    init() {
        reader = store.epochs.makeReader()
        let authority = StartOfAuthority(primary: apex, mailbox: apex, serial: .max - 3)
        zone = Zone(apex: apex, authority: authority, ttl: 5, epochs: store.epochs)
        zone.freshness = .current
        zone.keepsChanges = true
        heading = .init(replyingTo: Message(id: 1, questions: [.init(name: apex, type: .ixfr)]).encoded())
    }

    func end() { buffer.deallocate() }

    func change(_ draws: inout InputDraws) {
        let changes = (0..<Int.random(in: 0..<4, using: &draws)).map { _ -> OwnerChange in
            let labels = ["a", "b", "c.a", "d.c.a", "e"]
            let owner = DomainName("\(labels[.random(in: 0..<labels.count, using: &draws)]).\(apex)") ?? apex
            let target = DomainName("\(labels[.random(in: 0..<labels.count, using: &draws)]).\(apex)") ?? apex
            let port = UInt16.random(in: 0..<3, using: &draws)
            let sets: [RecordSet] =
                switch Int.random(in: 0..<5, using: &draws) {
                case 0: []
                case 1: [RecordSet(type: .cname, ttl: 5, data: [.cname(target)])]
                case 2:
                    [RecordSet(type: .srv, ttl: 5, data: [.srv(priority: 0, weight: 0, port: port, target: target)])]
                case 3: [RecordSet(type: .txt, ttl: UInt32(port), data: [.txt([[1], [2, 3]])])]
                default: [RecordSet(type: .a, ttl: 5, data: (0...UInt32(port)).map { .a($0) })]
                }
            return OwnerChange(owner: owner, sets: sets)
        }
        zone.apply(changes)
    }

    func read(_ transfer: ZoneTransfer, size: Int) -> [ResourceRecord] {
        var answers: [ResourceRecord] = []
        while true {
            guard case .message(let length, let isLast) = transfer.nextMessage(into: buffer, size: size, reader: reader)
            else {
                require(false, "a transfer so small is never overrun")
                return []
            }
            let message = requireSuccess("a message can be decoded") {
                try Message(decoding: Array(buffer[..<length]))
            }
            require(length <= size || message.answers.count == 1, "only one record makes a message too long")
            answers += message.answers
            if isLast { return answers }
        }
    }
}
