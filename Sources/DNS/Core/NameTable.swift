import CPrefetch
import Synchronization

/// An open-addressed table from relative names to their blocks, read by any thread while one writer changes it.
///
/// A slot is one word: the block's address in the low 48 bits (all that Linux hands out to user space) and 15 bits of the
/// hash above, with bit 48 set in every slot that holds a block. So a probe compares words, not blocks.
///
/// Sendable although it points: readers only load slots, and `ReadEpochs` keeps the table alive while they do.
struct NameTable: @unchecked Sendable {
    private static let empty: UInt64 = 0
    /// Where a block was: a search goes on past it.
    private static let tombstone: UInt64 = 1
    private static let slotsOffset = 64
    private static let addressMask: UInt64 = (1 << 48) - 1

    /// The index mask, then from byte 64 the slots.
    let base: UnsafeMutableRawPointer

    /// - Parameter capacity: a power of two.
    init(capacity: Int) {
        let size = Self.slotsOffset + capacity * MemoryLayout<Atomic<UInt64>>.stride
        base = .allocate(byteCount: size, alignment: 64)
        base.storeBytes(of: capacity - 1, as: Int.self)
        let slots = (base + Self.slotsOffset).bindMemory(to: Atomic<UInt64>.self, capacity: capacity)
        for index in 0..<capacity { (slots + index).initialize(to: Atomic(Self.empty)) }
    }

    init(base: UnsafeMutableRawPointer) { self.base = base }

    var capacity: Int { mask + 1 }

    @inline(__always)
    private var mask: Int { base.load(as: Int.self) }

    @inline(__always)
    private var slots: UnsafeMutablePointer<Atomic<UInt64>> {
        (base + Self.slotsOffset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    private static func tag(_ hash: UInt64) -> UInt64 { hash | 1 << 48 }

    @inline(__always)
    private static func block(_ slot: UInt64) -> NameBlock {
        // Only slots whose tag matched come here; they were made by `word(_:)` from a block.
        NameBlock(base: UnsafeMutableRawPointer(bitPattern: UInt(slot & addressMask)).unsafelyUnwrapped)
    }

    private static func word(_ block: NameBlock) -> UInt64 {
        let address = UInt64(UInt(bitPattern: block.base))
        precondition(address & ~addressMask == 0, "user space addresses have 48 bits")
        return tag(block.hash) & ~addressMask | address
    }

    /// The block of a name, given with its hash, and the slot it stands in.
    ///
    /// Ends because the table is never full. The slot is loaded once: it may hold something else by the next load.
    @inline(__always)
    func find(_ name: UnsafeRawPointer, count: Int, hash: UInt64) -> (block: NameBlock, index: Int)? {
        let mask = mask
        let slots = slots
        var index = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[index].load(ordering: .acquiring)
            if slot == Self.empty { return nil }
            if (slot ^ Self.tag(hash)) & ~Self.addressMask == 0 {
                let block = Self.block(slot)
                if block.nameLength == count, NameBytes.equal(block.name, name, count: count) { return (block, index) }
            }
            index = (index + 1) & mask
        }
    }

    /// Begins to load the block that the search for a hash will most likely end with.
    @inline(__always)
    func prefetch(hash: UInt64) {
        let mask = mask
        let slots = slots
        var index = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[index].load(ordering: .relaxed)
            if slot == Self.empty { return }
            if (slot ^ Self.tag(hash)) & ~Self.addressMask == 0 {
                let address = Self.block(slot).base
                CPrefetch.prefetch(address)
                CPrefetch.prefetch(address + 64)
                return
            }
            index = (index + 1) & mask
        }
    }

    // MARK: - Writer

    /// Puts another block of the same name into its slot.
    func replace(at index: Int, with block: NameBlock) {
        slots[index].store(Self.word(block), ordering: .releasing)
    }

    /// Adds a name that is not there. True when this took a slot that was never used.
    func insert(_ block: NameBlock) -> Bool {
        var index = Int(truncatingIfNeeded: block.hash) & mask
        while true {
            let slot = slots[index].load(ordering: .relaxed)
            if slot == Self.empty || slot == Self.tombstone {
                slots[index].store(Self.word(block), ordering: .releasing)
                return slot == Self.empty
            }
            index = (index + 1) & mask
        }
    }

    /// Takes a name out and returns how many slots became empty by it: a tombstone before an empty slot stops no search,
    /// so it need not stay.
    func remove(at removed: Int) -> Int {
        slots[removed].store(Self.tombstone, ordering: .releasing)
        guard slots[(removed + 1) & mask].load(ordering: .relaxed) == Self.empty else { return 0 }
        var emptied = 0
        var index = removed
        while slots[index].load(ordering: .relaxed) == Self.tombstone {
            slots[index].store(Self.empty, ordering: .releasing)
            emptied += 1
            index = (index - 1) & mask
        }
        return emptied
    }

    func forEachBlock(_ body: (NameBlock) -> Void) {
        for index in 0..<capacity {
            let slot = slots[index].load(ordering: .relaxed)
            if slot > Self.tombstone { body(Self.block(slot)) }
        }
    }

    func free() { base.deallocate() }
}
