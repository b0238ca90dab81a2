/// One name of a zone and all its record sets: a single allocation, immutable once published.
///
///     0   hash of the name              8 bytes
///     8   children                      4 bytes, the writer's own; readers never look at it
///     12  length of the name            1 byte
///     13  number of record sets         1 byte
///     16  a `SetEntry` per record set   16 bytes each
///         the name, relative to the apex, in lower case and without root label
///         the records of every set in wire form; after those of an SRV set 8 bytes per record, the hash of the target
///             relative to the apex, zero for a target elsewhere
///         padding, see `NameBytes`
///
/// Offsets inside are the encoder's own work, hence unchecked.
///
/// Sendable although it points: what readers see never changes, and `ReadEpochs` keeps it alive while they look.
struct NameBlock: @unchecked Sendable {
    static let headerSize = 16

    let base: UnsafeMutableRawPointer

    /// Where the records of one set lie in their block.
    struct SetEntry {
        var type: UInt16
        var count: UInt16
        /// The length of each record when all are equally long and may be rotated, else zero.
        var stride: UInt16
        /// 1 when names in the data end in a pointer to the apex that is still to be filled in.
        var apexPointers: UInt16
        var start: UInt32
        var length: UInt32
    }

    @inline(__always)
    var hash: UInt64 { base.load(fromByteOffset: 0, as: UInt64.self) }

    var children: UInt32 {
        get { base.load(fromByteOffset: 8, as: UInt32.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 8, as: UInt32.self) }
    }

    @inline(__always)
    var nameLength: Int { Int(base.load(fromByteOffset: 12, as: UInt8.self)) }

    @inline(__always)
    var setCount: Int { Int(base.load(fromByteOffset: 13, as: UInt8.self)) }

    @inline(__always)
    var name: UnsafeRawPointer {
        UnsafeRawPointer(base + Self.headerSize + setCount * MemoryLayout<SetEntry>.size)
    }

    @inline(__always)
    func set(at index: Int) -> EncodedSet {
        let offset = Self.headerSize + index * MemoryLayout<SetEntry>.size
        return EncodedSet(entry: base.load(fromByteOffset: offset, as: SetEntry.self), block: UnsafeRawPointer(base))
    }

    @inline(__always)
    func set(_ type: UInt16) -> EncodedSet? {
        for index in 0..<setCount {
            let offset = Self.headerSize + index * MemoryLayout<SetEntry>.size
            if base.load(fromByteOffset: offset, as: UInt16.self) == type { return set(at: index) }
        }
        return nil
    }

    /// Without padding.
    var size: Int {
        guard setCount > 0 else { return Self.headerSize + nameLength }
        let last = set(at: setCount - 1)
        return last.records - UnsafeRawPointer(base) + last.length + last.hashesLength
    }

    /// True when a reader could not tell the two apart.
    func hasEqualContent(to other: NameBlock) -> Bool {
        let content = 12
        guard size == other.size else { return false }
        return NameBytes.equal(base + content, other.base + content, count: size - content)
    }

    func free() { base.deallocate() }
}

/// The records of one owner and type, encoded one after the other: owner as a pointer to the question (0xC00C), type, class,
/// TTL, length, data.
struct EncodedSet {
    /// Owner pointer, type, class, TTL and length.
    static let recordHeader = 12

    let records: UnsafeRawPointer
    let length: Int
    let count: Int
    let stride: Int
    let type: UInt16
    let hasApexPointers: Bool

    @inline(__always)
    init(entry: NameBlock.SetEntry, block: UnsafeRawPointer) {
        records = block + Int(entry.start)
        length = Int(entry.length)
        count = Int(entry.count)
        stride = Int(entry.stride)
        type = entry.type
        hasApexPointers = entry.apexPointers != 0
    }

    /// The length of the target hashes that follow the records.
    @inline(__always)
    var hashesLength: Int { type == RecordType.srv.rawValue ? 8 * count : 0 }

    /// The hash of the target of an SRV record, zero for a target outside the zone.
    @inline(__always)
    func targetHash(at index: Int) -> UInt64 {
        records.loadUnaligned(fromByteOffset: length + 8 * index, as: UInt64.self)
    }

    /// The length of the record that begins `offset` bytes into the set.
    @inline(__always)
    func recordLength(at offset: Int) -> Int {
        let data = UInt16(bigEndian: records.loadUnaligned(fromByteOffset: offset + 10, as: UInt16.self))
        return Self.recordHeader + Int(data)
    }

    /// Fills the pointers that end the names in one record's copied data: two names in SOA, one in NS, CNAME and PTR.
    func fillApexPointers(in data: UnsafeMutableRawPointer, with apex: UInt16) {
        var offset = 0
        for _ in 0..<(type == RecordType.soa.rawValue ? 2 : 1) {
            while true {
                let length = data.load(fromByteOffset: offset, as: UInt8.self)
                if length >= 0xC0 {
                    data.storeBytes(of: apex.bigEndian, toByteOffset: offset, as: UInt16.self)
                    offset += 2
                    break
                }
                offset += 1 + Int(length)
                if length == 0 { break }
            }
        }
    }
}
