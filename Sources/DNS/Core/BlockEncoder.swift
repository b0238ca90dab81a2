/// Why a record set cannot be served.
package enum RecordSetError: Error, Hashable, Sendable {
    /// The owner is not in the zone.
    case outsideZone
    case noRecords(RecordType)
    /// More than 65,535 records of one owner and type.
    case tooManyRecords(RecordType)
    /// More than 65,535 octets in one record.
    case dataTooLong(RecordType)
    /// The data is of another type than the set says.
    case wrongData(RecordType)
    /// A TXT record without strings, or a string above 255 octets.
    case badText
    case repeatedType(RecordType)
    /// A type that only questions or messages carry.
    case metaType(RecordType)
    /// CNAME beside other sets, or more than one of it (RFC 2181 section 10.1).
    case aliasNotAlone
    /// SOA is the zone's own to make.
    case authorityIsZones
}

extension RecordSetError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .outsideZone: "the name is not in the zone"
        case .noRecords(let type): "the set of type \(type.rawValue) has no records"
        case .tooManyRecords(let type): "the set of type \(type.rawValue) has more than 65535 records"
        case .dataTooLong(let type): "a record of type \(type.rawValue) has more than 65535 octets"
        case .wrongData(let type): "the set of type \(type.rawValue) has data of another type"
        case .badText: "a TXT record needs at least one string, each of at most 255 octets"
        case .repeatedType(let type): "type \(type.rawValue) is given twice"
        case .metaType(let type): "type \(type.rawValue) cannot be stored in a zone"
        case .aliasNotAlone: "a CNAME must be the only record of its name"
        case .authorityIsZones: "the zone makes its own SOA record"
        }
    }
}

/// Turns record sets into a `NameBlock`, through one buffer kept between calls.
struct BlockEncoder: ~Copyable {
    private let apex: [UInt8]
    /// The apex as `NameBytes` wants it.
    private let paddedApex: UnsafeMutableRawPointer
    private let hashKey: UInt64
    private var targetHashes: [UInt64] = []
    private var lastSet: LastSet?
    private var buffer: UnsafeMutableRawPointer
    private var capacity: Int
    private var end = 0

    init(apex: DomainName, hashKey: UInt64) {
        self.apex = apex.wire
        paddedApex = .allocate(byteCount: apex.wire.count + NameBytes.padding, alignment: 8)
        paddedApex.initializeMemory(as: UInt8.self, repeating: 0, count: apex.wire.count + NameBytes.padding)
        paddedApex.copyMemory(from: apex.wire, byteCount: apex.wire.count)
        self.hashKey = hashKey
        capacity = 4096
        buffer = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit {
        buffer.deallocate()
        paddedApex.deallocate()
    }

    /// Encodes a name and its sets into a new allocation, which is the caller's.
    ///
    /// - Parameter name: relative to the apex, padded as `NameBytes` wants it.
    mutating func encode(
        name: UnsafeRawPointer,
        count nameLength: Int,
        hash: UInt64,
        sets: [RecordSet]
    ) throws(RecordSetError) -> NameBlock {
        guard sets.count <= UInt8.max else { throw .tooManyRecords(sets[Int(UInt8.max)].type) }
        begin(name: name, count: nameLength, hash: hash, setCount: sets.count)
        for index in sets.indices {
            let entry = try append(sets[index], among: sets, at: index)
            let offset = NameBlock.headerSize + index * MemoryLayout<NameBlock.SetEntry>.size
            buffer.storeBytes(of: entry, toByteOffset: offset, as: NameBlock.SetEntry.self)
        }
        return finish()
    }

    /// Encodes a name without sets.
    mutating func encode(emptyName name: UnsafeRawPointer, count nameLength: Int, hash: UInt64) -> NameBlock {
        begin(name: name, count: nameLength, hash: hash, setCount: 0)
        return finish()
    }

    private mutating func begin(name: UnsafeRawPointer, count nameLength: Int, hash: UInt64, setCount: Int) {
        end = 0
        targetHashes.removeAll(keepingCapacity: true)
        let header = NameBlock.headerSize + setCount * MemoryLayout<NameBlock.SetEntry>.size
        reserve(header + nameLength)
        buffer.storeBytes(of: hash, toByteOffset: 0, as: UInt64.self)
        buffer.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        buffer.storeBytes(of: UInt8(nameLength), toByteOffset: 12, as: UInt8.self)
        buffer.storeBytes(of: UInt8(setCount), toByteOffset: 13, as: UInt8.self)
        (buffer + header).copyMemory(from: name, byteCount: nameLength)
        end = header + nameLength
    }

    private func finish() -> NameBlock {
        let base = UnsafeMutableRawPointer.allocate(byteCount: end + NameBytes.padding, alignment: 8)
        base.copyMemory(from: buffer, byteCount: end)
        return NameBlock(base: base)
    }

    private mutating func append(
        _ set: RecordSet,
        among sets: [RecordSet],
        at index: Int
    ) throws(RecordSetError) -> NameBlock.SetEntry {
        guard !set.data.isEmpty else { throw .noRecords(set.type) }
        guard set.data.count <= UInt16.max else { throw .tooManyRecords(set.type) }
        guard !set.type.isMeta else { throw .metaType(set.type) }
        if set.type == .cname, sets.count > 1 || set.data.count > 1 { throw .aliasNotAlone }
        for earlier in 0..<index where sets[earlier].type == set.type { throw .repeatedType(set.type) }

        let start = end
        // RFC 2181 section 8: the top bit of a TTL is not used.
        let ttl = min(set.ttl, UInt32(Int32.max))
        if let lastSet, set.type == .srv, lastSet.holds(set) {
            append(lastSet.bytes)
            return lastSet.entry(at: start)
        }
        var apexPointers = false
        let header = RecordHeader(type: set.type, ttl: ttl)
        for data in set.data {
            let length = end + EncodedSet.recordHeader - 2
            append(header)
            try append(data, of: set.type, apexPointers: &apexPointers)
            guard let dataLength = UInt16(exactly: end - length - 2) else { throw .dataTooLong(set.type) }
            buffer.storeBytes(of: dataLength.bigEndian, toByteOffset: length, as: UInt16.self)
            guard end < Int(Int32.max) else { throw .tooManyRecords(set.type) }
        }
        let count = set.data.count
        let length = end - start
        if set.type == .srv { appendTargetHashes() }
        let entry = NameBlock.SetEntry(
            type: set.type.rawValue,
            count: UInt16(count),
            stride: set.type == .a || set.type == .aaaa ? UInt16(length / count) : 0,
            apexPointers: apexPointers ? 1 : 0,
            start: UInt32(start),
            length: UInt32(length)
        )
        if set.type == .srv, count > 1 {
            lastSet = LastSet(set, entry, Array(UnsafeRawBufferPointer(start: buffer + start, count: end - start)))
        }
        return entry
    }

    /// What is remembered between sets is only of use in one batch of changes.
    mutating func forget() { lastSet = nil }

    private mutating func append(
        _ data: RecordData,
        of type: RecordType,
        apexPointers: inout Bool
    ) throws(RecordSetError) {
        switch (data, type) {
        case (.a(let address), .a):
            append(address)
        case (.aaaa(let high, let low), .aaaa):
            append(high)
            append(low)
        case (.srv(let priority, let weight, let port, let target), .srv):
            append(UInt64(priority) << 48 | UInt64(weight) << 32 | UInt64(port) << 16)
            end -= 2
            let start = end
            append(target.wire)
            targetHashes.append(hashOfTarget(at: start))
        case (.ns(let name), .ns), (.cname(let name), .cname), (.ptr(let name), .ptr):
            appendCompressible(name, &apexPointers)
        case (.soa(let authority), .soa):
            appendCompressible(authority.primary, &apexPointers)
            appendCompressible(authority.mailbox, &apexPointers)
            append(authority.serial)
            append(authority.refresh)
            append(authority.retry)
            append(authority.expire)
            append(authority.minimum)
        case (.txt(let strings), .txt):
            guard !strings.isEmpty else { throw .badText }
            for string in strings {
                guard let length = UInt8(exactly: string.count) else { throw .badText }
                append(length)
                append(string)
            }
        case (.opaque(let bytes), _) where !type.hasCase:
            append(bytes)
        default:
            throw .wrongData(type)
        }
    }

    /// The hash, relative to the apex, of the name that ends the buffer, zero for a name elsewhere.
    private func hashOfTarget(at start: Int) -> UInt64 {
        let labels = end - start - apex.count
        guard labels > 0, NameBytes.equal(buffer + start + labels, paddedApex, count: apex.count) else { return 0 }
        // The same octets may begin within a label.
        var offset = 0
        while offset < labels { offset += 1 + Int((buffer + start).load(fromByteOffset: offset, as: UInt8.self)) }
        return offset == labels ? NameBytes.hash(buffer + start, count: labels, key: hashKey) : 0
    }

    private mutating func appendTargetHashes() {
        for hash in targetHashes {
            reserve(8)
            buffer.storeBytes(of: hash, toByteOffset: end, as: UInt64.self)
            end += 8
        }
        targetHashes.removeAll(keepingCapacity: true)
    }

    /// Writes a name in full, or, when it ends in the zone, its own labels and a pointer to be filled in per answer.
    private mutating func appendCompressible(_ name: DomainName, _ apexPointers: inout Bool) {
        guard apex.count > 1, let labels = name.lengthBelow(apex) else {
            append(name.wire)
            return
        }
        append(name.wire, count: labels)
        append(0xC000 as UInt16)
        apexPointers = true
    }

    // MARK: - Bytes

    /// What all records of a set begin with, in wire order; their length is filled in later.
    private struct RecordHeader {
        let start: UInt64
        let end: UInt32

        init(type: RecordType, ttl: UInt32) {
            let names = UInt64(0xC00C) << 48 | UInt64(type.rawValue) << 32 | UInt64(RecordClass.in.rawValue) << 16
            start = names | UInt64(ttl >> 16)
            end = ttl << 16
        }
    }

    private mutating func append(_ header: RecordHeader) {
        append(header.start)
        append(header.end)
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        let size = MemoryLayout.size(ofValue: value)
        reserve(size)
        buffer.storeBytes(of: value.bigEndian, toByteOffset: end, as: type(of: value))
        end += size
    }

    private mutating func append(_ bytes: [UInt8], count: Int? = nil) {
        let count = count ?? bytes.count
        reserve(count)
        bytes.withUnsafeBytes {
            (buffer + end).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(buffer), byteCount: count)
        }
        end += count
    }

    /// Makes room for `count` more bytes and the padding after them.
    @inline(__always)
    private mutating func reserve(_ count: Int) {
        if end + count + NameBytes.padding > capacity { grow(by: count) }
    }

    private mutating func grow(by count: Int) {
        capacity = max(2 * capacity, end + count + NameBytes.padding)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: buffer, byteCount: end)
        buffer.deallocate()
        buffer = larger
    }
}

/// The SRV set encoded last: the name of a service and that of its only port hold the very same records.
private struct LastSet {
    private let set: RecordSet
    private let entry: NameBlock.SetEntry
    /// Records and target hashes.
    let bytes: [UInt8]

    init(_ set: RecordSet, _ entry: NameBlock.SetEntry, _ bytes: [UInt8]) {
        self.set = set
        self.entry = entry
        self.bytes = bytes
    }

    /// Whether `other` is the same array, which is cheaper to find out than whether it is equal.
    func holds(_ other: RecordSet) -> Bool {
        set.ttl == other.ttl && set.data.count == other.data.count
            && set.data.withUnsafeBufferPointer { mine in
                other.data.withUnsafeBufferPointer { $0.baseAddress == mine.baseAddress }
            }
    }

    func entry(at start: Int) -> NameBlock.SetEntry {
        var entry = entry
        entry.start = UInt32(start)
        return entry
    }
}

extension RecordType {
    /// True for types whose data must come in its own case of `RecordData`.
    fileprivate var hasCase: Bool {
        switch self {
        case .a, .aaaa, .ns, .cname, .ptr, .srv, .txt, .soa: true
        default: false
        }
    }
}

extension DomainName {
    /// How many octets of this name come before `ancestor` in it: zero when they are the same, `nil` when it is elsewhere.
    func lengthBelow(_ ancestor: [UInt8]) -> Int? {
        let cut = wire.count - ancestor.count
        guard cut >= 0 else { return nil }
        return wire.withUnsafeBufferPointer { name in
            ancestor.withUnsafeBufferPointer { ancestor in
                // The end differs first among unrelated names, so compare backwards.
                var index = ancestor.count - 1
                while index >= 0 {
                    if name[cut + index] != ancestor[index] { return nil }
                    index -= 1
                }
                var offset = 0
                while offset < cut { offset += Int(name[offset]) + 1 }
                return offset == cut ? cut : nil
            }
        }
    }
}
