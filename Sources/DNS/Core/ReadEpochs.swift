import Synchronization

/// Tells a writer when memory that it has unpublished can be freed, without readers taking a lock or counting references
/// (quiescent-state reclamation).
///
/// A reader announces the epoch it begins in and, when it is done, that it is away. Memory retired at epoch *e* is free to
/// go once every reader that is not away has begun at *e* or later.
package final class ReadEpochs: Sendable {
    private static let away = UInt64.max

    private let epoch = Atomic<UInt64>(1)
    private let readers = Mutex<[Reader]>([])
    /// In the order of their epochs.
    private let garbage = Mutex<[Garbage]>([])

    private struct Garbage: Sendable {
        var epoch: UInt64
        var free: @Sendable () -> Void
    }

    package init() {}

    /// One thread's announcements. A reader is used by one thread at a time.
    package final class Reader: Sendable {
        private let epochs: ReadEpochs
        /// Between fillers, so that no two threads write to one cache line.
        private let before: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
        private let announced = Atomic<UInt64>(ReadEpochs.away)
        private let after: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)

        fileprivate init(_ epochs: ReadEpochs) { self.epochs = epochs }

        /// From here to ``end()`` nothing reachable through published pointers is freed.
        package func begin() {
            announced.store(epochs.epoch.load(ordering: .acquiring), ordering: .relaxed)
            // Either the writer's scan sees the announcement, or the loads that follow see what the writer published.
            atomicMemoryFence(ordering: .sequentiallyConsistent)
        }

        package func end() {
            announced.store(ReadEpochs.away, ordering: .releasing)
        }

        fileprivate var oldest: UInt64 { announced.load(ordering: .acquiring) }
    }

    package func makeReader() -> Reader {
        let reader = Reader(self)
        readers.withLock { $0.append(reader) }
        return reader
    }

    /// Forgets a reader that will not begin again.
    package func remove(_ reader: Reader) {
        readers.withLock { readers in readers.removeAll { $0 === reader } }
    }

    /// Runs `free` once no reader can see any more what the caller has just unpublished; until then it is kept.
    func retire(_ free: @escaping @Sendable () -> Void) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        garbage.withLock { garbage in
            let epoch = epoch.add(1, ordering: .acquiringAndReleasing).newValue
            garbage.append(Garbage(epoch: epoch, free: free))
        }
        collect()
    }

    /// Frees what has been retired, by any writer, and is out of every reader's reach.
    private func collect() {
        // What other writers retire from now on may be in use by readers that this scan finds away.
        let newest = epoch.load(ordering: .acquiring)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let reclaimable = readers.withLock { $0.reduce(newest) { min($0, $1.oldest) } }
        let free = garbage.withLock { garbage in
            let kept = garbage.firstIndex { $0.epoch > reclaimable } ?? garbage.count
            defer { garbage.removeFirst(kept) }
            return Array(garbage[..<kept])
        }
        for garbage in free { garbage.free() }
    }

    /// How many retirements wait for readers.
    package var waiting: Int { garbage.withLock { $0.count } }
}
