/// A zone at one serial: readable in an epoch while ``pin`` is not overrun.
struct ZoneContents: Sendable {
    let pin: ZonePin
    let serial: UInt32
    let apex: NameBlock
    /// Names below the apex that hold records.
    let names: [NameBlock]
}

/// What has changed in a zone between two serials, under the same conditions.
struct ZoneChanges: Sendable {
    let pin: ZonePin
    /// The later serial.
    let serial: UInt32
    let apex: NameBlock
    /// In their order; a name may change more than once.
    let exchanges: [BlockExchange]
    /// Keeps the old blocks.
    let replaced: [ReplacedBlocks]
    /// Memory that the zone takes as a whole.
    let zoneBytes: Int

    /// Every name once, as it was first and as it is last, the apex first. That is never more than the steps on their own
    /// (RFC 1995 section 4).
    ///
    /// Reads blocks.
    func condensed() -> [BlockExchange] {
        var places: [Name: Int] = [:]
        var condensed: [BlockExchange] = []
        // The apex changes with every step, so the last of these is the last exchange.
        for exchange in exchanges {
            guard let block = exchange.old ?? exchange.new else { continue }
            if let place = places[Name(block: block)] {
                condensed[place].new = exchange.new
            } else {
                places[Name(block: block)] = condensed.count
                condensed.append(exchange)
            }
        }
        if let place = condensed.firstIndex(where: { ($0.old ?? $0.new)?.nameLength == 0 }) {
            condensed.swapAt(0, place)
        }
        return condensed
    }

    private struct Name: Hashable {
        let block: NameBlock

        static func == (left: Name, right: Name) -> Bool {
            left.block.nameLength == right.block.nameLength
                && NameBytes.equal(left.block.name, right.block.name, count: left.block.nameLength)
        }

        func hash(into hasher: inout Hasher) { hasher.combine(block.hash) }
    }
}

/// One record of a block, as it is stored: its owner still to be written, pointers to the apex still to be filled in.
struct StoredRecord {
    let set: EncodedSet
    let start: UnsafeRawPointer
    let length: Int
}

extension NameBlock {
    /// Calls `body` with every record but those of the types that `excluded` names.
    func forEachRecord(excluding excluded: RecordType? = nil, _ body: (StoredRecord) -> Void) {
        for index in 0..<setCount {
            let set = set(at: index)
            if set.type != excluded?.rawValue { set.forEachRecord(body) }
        }
    }

    /// The records that are in this block and not in `other`, SOA left out.
    func records(notIn other: NameBlock?) -> [StoredRecord] {
        var records: [StoredRecord] = []
        for index in 0..<setCount {
            let set = set(at: index)
            guard set.type != RecordType.soa.rawValue else { continue }
            guard let present = other?.set(set.type) else {
                set.forEachRecord { records.append($0) }
                continue
            }
            var known: Set<RecordBytes> = []
            present.forEachRecord { known.insert(RecordBytes($0)) }
            set.forEachRecord { if !known.contains(RecordBytes($0)) { records.append($0) } }
        }
        return records
    }
}

extension EncodedSet {
    func forEachRecord(_ body: (StoredRecord) -> Void) {
        var offset = 0
        while offset < length {
            let size = recordLength(at: offset)
            body(StoredRecord(set: self, start: records + offset, length: size))
            offset += size
        }
    }
}

extension NameBlock {
    /// The owner's name in full.
    func owner(in apex: DomainName) -> DomainName {
        DomainName(uncheckedWire: Array(UnsafeRawBufferPointer(start: name, count: nameLength)) + apex.wire)
    }

    /// The record sets as values.
    func recordSets(in apex: DomainName) -> [RecordSet] {
        (0..<setCount).compactMap { index in
            let set = set(at: index)
            // As in a message whose question is the apex, to which the owners point.
            var octets = [UInt8](repeating: 0, count: Header.size) + apex.wire
            let start = octets.count
            octets += UnsafeRawBufferPointer(start: set.records, count: set.length)
            if set.hasApexPointers {
                octets.withUnsafeMutableBytes { bytes in
                    guard let base = bytes.baseAddress else { return }
                    var offset = 0
                    while offset < set.length {
                        set.fillApexPointers(in: base + start + offset + EncodedSet.recordHeader, with: 0xC00C)
                        offset += set.recordLength(at: offset)
                    }
                }
            }
            return try? RecordSet(decoding: octets, from: start)
        }
    }
}

/// A record compared by its octets.
private struct RecordBytes: Hashable {
    private let bytes: UnsafeRawBufferPointer

    init(_ record: StoredRecord) { bytes = UnsafeRawBufferPointer(start: record.start, count: record.length) }

    static func == (left: RecordBytes, right: RecordBytes) -> Bool { left.bytes.elementsEqual(right.bytes) }

    func hash(into hasher: inout Hasher) { hasher.combine(bytes: bytes) }
}
