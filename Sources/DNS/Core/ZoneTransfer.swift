/// The messages of one transfer out of a zone (RFC 5936, RFC 1995), made one at a time as they can be sent. All of them show
/// the zone at one serial, however it changes meanwhile.
///
/// Used by one thread at a time.
package final class ZoneTransfer {
    package enum Kind: Sendable {
        /// The SOA record alone: there is nothing newer.
        case upToDate
        /// Everything.
        case full
        /// What has changed.
        case incremental
    }

    package enum Step: Hashable, Sendable {
        /// Octets of the next message, and whether it is the last.
        case message(length: Int, isLast: Bool)
        /// The zone has changed by more than is kept for one transfer. What was sent must be thrown away.
        case overrun
        /// The next record fits into no message of this size.
        case tooLong
        /// There is nothing to sign with.
        case unsigned
    }

    /// What a signed zone has beside the records of an owner: signatures, and the owner's place in the chain of denials
    /// (RFC 4035 section 2). All is the owner's and has ``RecordData/opaque(_:)`` data; `nil` when nothing can be signed.
    package typealias Supplement = (_ owner: DomainName, _ sets: [RecordSet], _ next: DomainName) -> [ResourceRecord]?

    /// The question and header bits that every message repeats.
    package struct Heading: Sendable {
        fileprivate let id: UInt16
        fileprivate let flags: HeaderFlags
        fileprivate let question: [UInt8]
        fileprivate let opt: [UInt8]

        /// - Parameters:
        ///   - request: the query, well-formed and with one question.
        ///   - opt: an OPT record for the first message; empty for none.
        package init(replyingTo request: [UInt8], opt: [UInt8] = []) {
            let header = Header(request.span)
            id = header.id
            flags = HeaderFlags(rawValue: header.flags.rawValue & 0x0100).union([.response, .authoritative])
            var end = Header.size
            while request[end] != 0 { end += 1 + Int(request[end]) }
            question = Array(request[Header.size..<(end + 5)])
            self.opt = opt
        }
    }

    /// What a message holds before it is closed. Every name in it can still be pointed to (RFC 1035 section 4.1.4), and it is one
    /// TLS record.
    package static let messageSize = 16_000
    /// The least room for a message: a header and the longest question.
    package static let minimumMessage = 300

    private enum Part {
        case authority(NameBlock)
        case names([NameBlock])
        /// All names, in canonical order.
        case chain(Supplement)
        case removals([BlockExchange])
        case additions([BlockExchange])
    }

    package let kind: Kind
    package let serial: UInt32
    /// Records in the messages so far.
    package private(set) var records = 0
    /// Keeps blocks that the zone shows still.
    private let zone: Zone
    private let pin: ZonePin
    /// Keeps blocks that it had replaced before.
    private let replaced: [ReplacedBlocks]
    private let heading: Heading
    private let parts: [Part]
    private var part = 0
    private var position = 0
    /// The records of the owner at hand.
    private var owner: NameBlock?
    private var queue: [TransferRecord] = []
    private var next = 0
    private var isFirst = true
    /// The names of a chain that are to come: the next one, and those after it.
    private var chain: (next: NameBlock, rest: CanonicalNames)?
    private var isUnsigned = false

    private init(
        _ kind: Kind,
        _ zone: Zone,
        pin: ZonePin,
        serial: UInt32,
        replaced: [ReplacedBlocks] = [],
        _ heading: Heading,
        _ parts: [Part]
    ) {
        self.kind = kind
        self.zone = zone
        self.pin = pin
        self.serial = serial
        self.replaced = replaced
        self.heading = heading
        self.parts = parts
    }

    /// Everything the zone shows now.
    ///
    /// - Parameter supplement: of a signed zone; called name by name in canonical order, the apex first.
    package static func full(
        of zone: Zone,
        _ heading: Heading,
        supplement: Supplement? = nil
    ) -> ZoneTransfer {
        let contents = zone.contents()
        if let supplement {
            let transfer = ZoneTransfer(
                .full,
                zone,
                pin: contents.pin,
                serial: contents.serial,
                heading,
                [.authority(contents.apex), .chain(supplement), .authority(contents.apex)]
            )
            transfer.chain = (contents.apex, CanonicalNames(contents.names))
            return transfer
        }
        return ZoneTransfer(
            .full,
            zone,
            pin: contents.pin,
            serial: contents.serial,
            heading,
            [.authority(contents.apex), .names([contents.apex] + contents.names), .authority(contents.apex)]
        )
    }

    /// Only the SOA record.
    package static func upToDate(_ zone: Zone, _ heading: Heading) -> ZoneTransfer {
        let contents = zone.contents(apexOnly: true)
        return ZoneTransfer(
            .upToDate,
            zone,
            pin: contents.pin,
            serial: contents.serial,
            heading,
            [.authority(contents.apex)]
        )
    }

    /// What brings a secondary from `serial` to now: the changes where they are known and less than the zone, else everything.
    ///
    /// - Parameter reader: of the store's epochs.
    package static func since(
        _ serial: UInt32,
        of zone: Zone,
        _ heading: Heading,
        reader: ReadEpochs.Reader
    ) -> ZoneTransfer {
        // A secondary that is ahead has followed somebody else; RFC 1995 section 2 has it told what there is.
        if !ZoneSerial.isLater(zone.serial, than: serial) { return upToDate(zone, heading) }
        guard let changes = zone.changes(since: serial) else { return full(of: zone, heading) }
        reader.begin()
        defer { reader.end() }
        guard !changes.pin.isOverrun else { return full(of: zone, heading) }
        let exchanges = changes.condensed()
        let bytes = exchanges.reduce(0) { $0 + ($1.old?.size ?? 0) + ($1.new?.size ?? 0) }
        guard bytes <= changes.zoneBytes, let before = exchanges.first?.old else { return full(of: zone, heading) }
        return ZoneTransfer(
            .incremental,
            zone,
            pin: changes.pin,
            serial: changes.serial,
            replaced: changes.replaced,
            heading,
            [
                .authority(changes.apex), .authority(before), .removals(exchanges), .authority(changes.apex),
                .additions(exchanges), .authority(changes.apex),
            ]
        )
    }

    // MARK: - Messages

    /// Writes the next message. Not to be called after the last.
    ///
    /// - Parameters:
    ///   - buffer: at least ``minimumMessage`` octets, in which a header, any question and the OPT record fit; no message is longer.
    ///   - size: octets after which a message is closed, however long its first record.
    ///   - reader: of the store's epochs, and away.
    package func nextMessage(
        into buffer: UnsafeMutableRawBufferPointer,
        size: Int = messageSize,
        reader: ReadEpochs.Reader
    ) -> Step {
        reader.begin()
        defer { reader.end() }
        guard !pin.isOverrun else { return .overrun }
        var message = TransferMessage(buffer, heading.question)
        let opt = isFirst ? heading.opt : []
        while let record = upcoming(), let owner {
            let limit = message.records == 0 ? buffer.count : min(size, buffer.count)
            guard message.append(record, of: owner, limit: limit - opt.count) else {
                guard message.records > 0 else { return .tooLong }
                break
            }
            next += 1
        }
        records += Int(message.records)
        isFirst = false
        let length = message.finish(id: heading.id, flags: heading.flags, opt: opt)
        let isLast = upcoming() == nil
        return isUnsigned ? .unsigned : .message(length: length, isLast: isLast)
    }

    /// The record to be written next.
    private func upcoming() -> TransferRecord? {
        while next == queue.count {
            guard part < parts.count, !isUnsigned else { return nil }
            queue.removeAll(keepingCapacity: true)
            next = 0
            switch parts[part] {
            case .authority(let apex):
                owner = apex
                apex.set(RecordType.soa.rawValue)?.forEachRecord { queue.append(.stored($0)) }
                part += 1
            case .names(let names):
                advance(names) { name in
                    owner = name
                    name.forEachRecord(excluding: .soa) { queue.append(.stored($0)) }
                }
            case .chain(let supplement):
                if chain == nil { part += 1 } else { advanceChain(supplement) }
            case .removals(let exchanges):
                advance(exchanges) { exchange in
                    owner = exchange.old
                    queue += (exchange.old?.records(notIn: exchange.new) ?? []).map { .stored($0) }
                }
            case .additions(let exchanges):
                advance(exchanges) { exchange in
                    owner = exchange.new
                    queue += (exchange.new?.records(notIn: exchange.old) ?? []).map { .stored($0) }
                }
            }
        }
        return queue[next]
    }

    /// Takes up the next name of the chain, with what its zone's signatures make of it.
    private func advanceChain(_ supplement: Supplement) {
        guard let name = chain?.next else { return }
        let following = chain?.rest.next()
        if let following { chain?.next = following } else { chain = nil }
        owner = name
        name.forEachRecord(excluding: .soa) { queue.append(.stored($0)) }
        let next = following?.owner(in: zone.apex) ?? zone.apex
        guard let records = supplement(name.owner(in: zone.apex), name.recordSets(in: zone.apex), next) else {
            isUnsigned = true
            return
        }
        queue += records.map { .made($0.octetsAfterOwner) }
    }

    private func advance<Element>(_ elements: [Element], _ take: (Element) -> Void) {
        guard position < elements.count else {
            (part, position) = (part + 1, 0)
            return
        }
        take(elements[position])
        position += 1
    }
}

/// A record of a transfer but for its owner.
private enum TransferRecord {
    case stored(StoredRecord)
    /// From its type to its end.
    case made([UInt8])

    var length: Int {
        switch self {
        case .stored(let record): record.length - 2
        case .made(let octets): octets.count
        }
    }

    func write(to destination: UnsafeMutableRawPointer, apex: UInt16) {
        switch self {
        case .made(let octets): destination.copyMemory(from: octets, byteCount: octets.count)
        case .stored(let record):
            destination.copyMemory(from: record.start + 2, byteCount: length)
            if record.set.hasApexPointers {
                record.set.fillApexPointers(in: destination + EncodedSet.recordHeader - 2, with: apex)
            }
        }
    }
}

/// One message in the making: header, the question, answers.
private struct TransferMessage {
    private let base: UnsafeMutableRawPointer
    private var end: Int
    private(set) var records: UInt16 = 0
    /// Where the owner of the last record stands in full, if it can be pointed to.
    private var known: (owner: UnsafeMutableRawPointer, pointer: UInt16)?

    /// The question's name is the apex, at offset 12.
    private static let apex: UInt16 = 0xC00C

    init(_ buffer: UnsafeMutableRawBufferPointer, _ question: [UInt8]) {
        precondition(buffer.count >= ZoneTransfer.minimumMessage, "there must be room for a question")
        base = buffer.baseAddress.unsafelyUnwrapped
        (base + Header.size).copyMemory(from: question, byteCount: question.count)
        end = Header.size + question.count
    }

    /// False when the message would be longer than `limit`, or have too many records.
    mutating func append(_ record: TransferRecord, of owner: NameBlock, limit: Int) -> Bool {
        let pointer = owner.nameLength == 0 ? Self.apex : known?.owner == owner.base ? known?.pointer : nil
        let rest = record.length
        let needed = 2 + rest + (pointer == nil ? owner.nameLength : 0)
        guard end + needed <= limit, records < .max else { return false }
        if let pointer {
            append(pointer)
        } else {
            known = end < 0x4000 ? (owner.base, 0xC000 | UInt16(end)) : nil
            (base + end).copyMemory(from: owner.name, byteCount: owner.nameLength)
            end += owner.nameLength
            append(Self.apex)
        }
        record.write(to: base + end, apex: Self.apex)
        end += rest
        records += 1
        return true
    }

    private mutating func append(_ value: UInt16) {
        base.storeBytes(of: value.bigEndian, toByteOffset: end, as: UInt16.self)
        end += 2
    }

    /// - Returns: the length of the message.
    mutating func finish(id: UInt16, flags: HeaderFlags, opt: [UInt8]) -> Int {
        (base + end).copyMemory(from: opt, byteCount: opt.count)
        let length = end + opt.count
        end = 0
        for field in [id, flags.rawValue, 1, records, 0, opt.isEmpty ? 0 : 1] { append(field) }
        return length
    }
}
