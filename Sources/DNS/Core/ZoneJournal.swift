import Synchronization

/// One name's block before and after a change; `nil` where the name was or is not there.
struct BlockExchange: Sendable {
    var old: NameBlock?
    var new: NameBlock?
}

/// Blocks that a zone shows no more, kept for whoever holds this: a journal, or a transfer that began before. When nobody does
/// any more they go the way of all replaced blocks.
final class ReplacedBlocks: Sendable {
    private let blocks: [NameBlock]
    private let epochs: ReadEpochs
    /// Memory that is kept.
    let bytes: Int

    init(_ blocks: [NameBlock], _ epochs: ReadEpochs) {
        self.blocks = blocks
        self.epochs = epochs
        bytes = blocks.reduce(0) { $0 + $1.size + 24 }
    }

    deinit {
        epochs.retire { [blocks] in
            for block in blocks { block.free() }
        }
    }
}

/// Keeps everything that a zone showed at one moment readable while a transfer reads it, up to a limit: a secondary that takes
/// long must not keep a zone's history in memory.
///
/// Read in an epoch of `ReadEpochs`, after ``isOverrun`` was found false in that epoch.
final class ZonePin: Sendable {
    /// Of replaced blocks.
    static let limit = 32 << 20

    private let kept = Mutex<(blocks: [ReplacedBlocks], bytes: Int)>(([], 0))
    private let overrun = Atomic(false)

    /// True once the zone has changed by more than the limit since the pin was set: what it kept may be gone.
    var isOverrun: Bool { overrun.load(ordering: .acquiring) }

    func keep(_ blocks: ReplacedBlocks) {
        let dropped = kept.withLock { kept -> [ReplacedBlocks] in
            guard !overrun.load(ordering: .relaxed) else { return [] }
            kept.blocks.append(blocks)
            kept.bytes += blocks.bytes
            guard kept.bytes > Self.limit else { return [] }
            // Before anything is retired, as a pointer is unpublished before.
            overrun.store(true, ordering: .releasing)
            defer { kept = ([], 0) }
            return kept.blocks
        }
        withExtendedLifetime(dropped) {}
    }
}

/// The recent changes of a zone, from which incremental transfers are made (RFC 1995): the newest that fit into a limit.
struct ZoneJournal {
    struct Step {
        var from: UInt32
        var exchanges: [BlockExchange]
        var replaced: [ReplacedBlocks]

        /// Memory it keeps, roughly: blocks, pointers, and what a step takes by itself.
        var bytes: Int { 192 + 16 * exchanges.count + replaced.reduce(0) { $0 + $1.bytes } }
    }

    private var steps: [Step?] = []
    private var first = 0
    private(set) var bytes = 0

    /// What a journal may keep: half of what the zone itself takes, since a longer history is sent as the zone anyway.
    static func limit(zoneBytes: Int) -> Int { max(16 << 10, min(8 << 20, zoneBytes / 2)) }

    mutating func append(_ step: Step, limit: Int) {
        steps.append(step)
        bytes += step.bytes
        while bytes > limit, first < steps.count, let oldest = steps[first] {
            bytes -= oldest.bytes
            steps[first] = nil
            first += 1
        }
        if first > 64, 2 * first > steps.count {
            steps.removeFirst(first)
            first = 0
        }
    }

    mutating func clear() { self = ZoneJournal() }

    /// The steps that lead from `serial` to now, or `nil` when it does not reach back so far.
    func steps(since serial: UInt32) -> [Step]? {
        guard let start = steps[first...].firstIndex(where: { $0?.from == serial }) else { return nil }
        return steps[start...].compactMap(\.self)
    }
}
