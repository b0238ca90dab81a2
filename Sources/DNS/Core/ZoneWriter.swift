import Synchronization

/// Builds and exchanges what a zone's image points to.
struct ZoneWriter: ~Copyable {
    /// How many blocks a large batch replaces before it has earlier ones freed.
    private static let retirementSlice = 4096

    let image: ZoneImage
    private(set) var authority: StartOfAuthority
    private let ttl: UInt32
    private let apex: DomainName
    private let epochs: ReadEpochs
    private var encoder: BlockEncoder
    private var table: NameTable
    private var names = 0
    /// Names and tombstones.
    private var usedSlots = 0
    private var blockBytes = 0
    /// What the apex holds beside SOA.
    private var apexSets: [RecordSet] = []
    /// The relative name at hand, padded.
    private let scratch: UnsafeMutableRawPointer
    private var replaced: [NameBlock] = []
    /// What serials keep above, see `ZoneSerial`.
    private let clock: (@Sendable () -> UInt32)?
    /// Whether changes are kept for incremental transfers.
    var keepsChanges = false {
        didSet { if !keepsChanges { journal.clear() } }
    }
    private var journal = ZoneJournal()
    /// Of the batch at hand, when changes are kept.
    private var exchanges: [BlockExchange] = []
    private var isRecording = false
    private var kept: [ReplacedBlocks] = []
    /// Transfers under way.
    private var pins: [WeakPin] = []

    private struct WeakPin {
        weak var pin: ZonePin?
    }

    init(
        apex: DomainName,
        authority: StartOfAuthority,
        ttl: UInt32,
        epochs: ReadEpochs,
        clock: (@Sendable () -> UInt32)?
    ) {
        self.apex = apex
        self.clock = clock
        self.authority = authority
        self.ttl = ttl
        self.epochs = epochs
        scratch = .allocate(byteCount: 256 + NameBytes.padding, alignment: 8)
        let hashKey = UInt64.random(in: .min ... .max)
        encoder = BlockEncoder(apex: apex, hashKey: hashKey)
        table = NameTable(capacity: 16)
        let apexBlock = Self.encodeApex(&encoder, [], authority, ttl: ttl, scratch: scratch)
        let fields = UnsafeMutablePointer<ZoneImage.Fields>.allocate(capacity: 1)
        fields.initialize(
            to: ZoneImage.Fields(
                table: Atomic(table.base),
                apex: Atomic(apexBlock.base),
                hashKey: hashKey,
                negativeTTL: min(ttl, authority.minimum, UInt32(Int32.max)).bigEndian
            )
        )
        image = ZoneImage(fields: fields)
    }

    /// Only when no reader can reach the zone any more: `ZoneStore` keeps served zones until then.
    deinit {
        table.forEachBlock { $0.free() }
        table.free()
        image.apex.free()
        image.fields.deinitialize(count: 1)
        image.fields.deallocate()
        scratch.deallocate()
    }

    var statistics: ZoneStatistics {
        ZoneStatistics(names: names, bytes: blockBytes + image.apex.size + 8 * table.capacity)
    }

    /// - Parameter isRenewal: raises the serial in any case.
    mutating func apply(_ changes: [OwnerChange], isRenewal: Bool = false) -> AppliedBatch {
        var changed = 0
        var rejected: [RejectedChange] = []
        let serial = authority.serial
        // Nobody transfers a zone that is being loaded.
        isRecording = keepsChanges && image.isReady
        if !isRecording { journal.clear() }
        reserve(names: changes.count { !$0.sets.isEmpty })
        for change in changes {
            do throws(RecordSetError) {
                if try apply(change) { changed += 1 }
            } catch {
                rejected.append(RejectedChange(owner: change.owner, reason: error))
            }
            if replaced.count >= Self.retirementSlice { retire() }
        }
        encoder.forget()
        let isNew = changed > 0 || isRenewal
        if isNew { publishApex() }
        retire()
        if isRecording, isNew {
            journal.append(
                .init(from: serial, exchanges: exchanges, replaced: kept),
                limit: ZoneJournal.limit(zoneBytes: statistics.bytes)
            )
            (exchanges, kept) = ([], [])
        }
        return AppliedBatch(serial: authority.serial, changed: changed, rejected: rejected)
    }

    /// True when the owner is now another than before.
    private mutating func apply(_ change: OwnerChange) throws(RecordSetError) -> Bool {
        guard let count = change.owner.lengthBelow(apex.wire) else { throw .outsideZone }
        guard count > 0 else { return try applyApex(change.sets) }
        change.owner.wire.withUnsafeBytes { wire in
            // A name has at most 255 octets and a label below the apex, so there is a first one.
            scratch.copyMemory(from: wire.baseAddress.unsafelyUnwrapped, byteCount: count)
        }
        if change.sets.contains(where: { $0.type == .soa }) { throw .authorityIsZones }
        let hash = hash(scratch, count)
        let found = table.find(scratch, count: count, hash: hash)
        if change.sets.isEmpty {
            guard let found, found.block.setCount > 0 else { return false }
            if found.block.children > 0 {
                replace(found, with: encoder.encode(emptyName: scratch, count: count, hash: hash))
            } else {
                remove(found)
            }
            return true
        }
        let block = try encoder.encode(name: scratch, count: count, hash: hash, sets: change.sets)
        if let found {
            guard !block.hasEqualContent(to: found.block) else {
                block.free()
                return false
            }
            replace(found, with: block)
        } else {
            addParent(of: UnsafeRawPointer(scratch), count)
            insert(block)
        }
        return true
    }

    // MARK: - Names

    private func hash(_ name: UnsafeRawPointer, _ count: Int) -> UInt64 {
        NameBytes.hash(name, count: count, key: image.fields.pointee.hashKey)
    }

    private mutating func replace(_ found: (block: NameBlock, index: Int), with block: NameBlock) {
        block.children = found.block.children
        table.replace(at: found.index, with: block)
        blockBytes += block.size - found.block.size
        note(found.block, block)
    }

    private mutating func insert(_ block: NameBlock) {
        reserve(names: names + 1)
        if table.insert(block) { usedSlots += 1 }
        names += 1
        blockBytes += block.size
        note(nil, block)
    }

    /// Notes what a name's block was and is.
    private mutating func note(_ old: NameBlock?, _ new: NameBlock?) {
        if let old { replaced.append(old) }
        if isRecording { exchanges.append(BlockExchange(old: old, new: new)) }
    }

    /// Takes out a name without children, and the empty non-terminals that only led to it.
    private mutating func remove(_ found: (block: NameBlock, index: Int)) {
        var found = found
        while true {
            usedSlots -= table.remove(at: found.index)
            names -= 1
            blockBytes -= found.block.size
            note(found.block, nil)
            let (parent, count) = Self.parent(of: found.block.name, found.block.nameLength)
            guard count > 0, let above = table.find(parent, count: count, hash: hash(parent, count)) else { return }
            above.block.children -= 1
            guard above.block.children == 0, above.block.setCount == 0 else { return }
            found = above
        }
    }

    /// Counts a child to the parent of a name, adding ancestors that are not there: the ones nearer the apex first, so
    /// that a name never stands below one that does not exist.
    private mutating func addParent(of name: UnsafeRawPointer, _ count: Int) {
        let (parent, count) = Self.parent(of: name, count)
        guard count > 0 else { return }
        let hash = hash(parent, count)
        if let found = table.find(parent, count: count, hash: hash) {
            found.block.children += 1
            return
        }
        addParent(of: parent, count)
        let block = encoder.encode(emptyName: parent, count: count, hash: hash)
        block.children = 1
        insert(block)
    }

    /// The relative name without its first label; empty at the apex.
    private static func parent(of name: UnsafeRawPointer, _ count: Int) -> (UnsafeRawPointer, Int) {
        let label = 1 + Int(name.load(as: UInt8.self))
        return (name + label, count - label)
    }

    // MARK: - Apex

    private mutating func applyApex(_ sets: [RecordSet]) throws(RecordSetError) -> Bool {
        guard sets != apexSets else { return false }
        if sets.contains(where: { $0.type == .soa }) { throw .authorityIsZones }
        if sets.contains(where: { $0.type == .cname }) { throw .aliasNotAlone }
        try encoder.encode(name: UnsafeRawPointer(scratch), count: 0, hash: 0, sets: sets).free()
        apexSets = sets
        return true
    }

    /// Raises the serial and publishes the apex with it.
    private mutating func publishApex() {
        authority.serial = ZoneSerial.next(after: authority.serial, clock: clock?() ?? authority.serial)
        let block = Self.encodeApex(&encoder, apexSets, authority, ttl: ttl, scratch: scratch)
        note(image.apex, block)
        image.fields.pointee.apex.store(block.base, ordering: .releasing)
    }

    private static func encodeApex(
        _ encoder: inout BlockEncoder,
        _ sets: [RecordSet],
        _ authority: StartOfAuthority,
        ttl: UInt32,
        scratch: UnsafeMutableRawPointer
    ) -> NameBlock {
        let soa = RecordSet(type: .soa, ttl: ttl, data: [.soa(authority)])
        do throws(RecordSetError) {
            return try encoder.encode(name: UnsafeRawPointer(scratch), count: 0, hash: 0, sets: [soa] + sets)
        } catch {
            preconditionFailure("SOA data always fits, and the other sets have been encoded before: \(error)")
        }
    }

    // MARK: - Memory

    /// Grows the table, or clears it of tombstones, when it could not hold `count` names at two thirds full.
    private mutating func reserve(names count: Int) {
        let dead = usedSlots - names
        guard 3 * (max(count, names) + dead) > 2 * table.capacity else { return }
        var capacity = 16
        while 2 * capacity < 3 * (max(count, names) + 1) { capacity *= 2 }
        // Where tombstones were the reason, leave room for as many changes again as there are names to move.
        if capacity == table.capacity, 2 * names > capacity { capacity *= 2 }
        let larger = NameTable(capacity: capacity)
        table.forEachBlock { _ = larger.insert($0) }
        image.fields.pointee.table.store(larger.base, ordering: .releasing)
        let smaller = table
        epochs.retire { smaller.free() }
        table = larger
        usedSlots = names
    }

    /// Hands what was replaced to the epochs, or to whoever still needs it.
    private mutating func retire() {
        guard !replaced.isEmpty else { return }
        let blocks = replaced
        replaced = []
        if !pins.isEmpty { pins.removeAll { $0.pin == nil } }
        guard isRecording || !pins.isEmpty else {
            return epochs.retire {
                for block in blocks { block.free() }
            }
        }
        let replaced = ReplacedBlocks(blocks, epochs)
        for pin in pins { pin.pin?.keep(replaced) }
        if isRecording { kept.append(replaced) }
    }

    // MARK: - Transfers

    private mutating func pin() -> ZonePin {
        let pin = ZonePin()
        pins.removeAll { $0.pin == nil }
        pins.append(WeakPin(pin: pin))
        return pin
    }

    /// Everything the zone shows now, in no order, or the apex alone.
    mutating func contents(apexOnly: Bool) -> ZoneContents {
        var names: [NameBlock] = []
        if !apexOnly {
            names.reserveCapacity(self.names)
            table.forEachBlock { if $0.setCount > 0 { names.append($0) } }
        }
        return ZoneContents(pin: pin(), serial: authority.serial, apex: image.apex, names: names)
    }

    /// What has changed since the zone was at `serial`; `nil` when that is not known.
    mutating func changes(since serial: UInt32) -> ZoneChanges? {
        guard let steps = journal.steps(since: serial) else { return nil }
        return ZoneChanges(
            pin: pin(),
            serial: authority.serial,
            apex: image.apex,
            exchanges: steps.flatMap(\.exchanges),
            replaced: steps.flatMap(\.replaced),
            zoneBytes: statistics.bytes
        )
    }
}
