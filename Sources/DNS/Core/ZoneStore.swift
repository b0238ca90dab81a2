import Synchronization

/// The zones that are served, exchanged as a whole when the configuration changes.
package final class ZoneStore: Sendable {
    /// How many different zones the counters tell apart over the life of the process, less one; later ones are counted
    /// under label 0.
    package static let labelCapacity = 256

    package let epochs = ReadEpochs()
    /// Unsafe only by the pointer's type: it is exchanged atomically and leads to constant memory.
    nonisolated(unsafe) private let current: Atomic<UnsafeMutableRawPointer>
    private let state: Mutex<State>

    private struct State {
        var zones: [Zone] = []
        var index: ZoneIndex
        /// Label 0 stands for no zone.
        var labels: [DomainName?] = [nil]

        mutating func label(of apex: DomainName) -> UInt16 {
            if let label = labels.firstIndex(of: apex) { return UInt16(label) }
            guard labels.count < labelCapacity else { return 0 }
            labels.append(apex)
            return UInt16(labels.count - 1)
        }
    }

    /// Serves nothing at first: everything is REFUSED.
    package init() {
        let index = ZoneIndex([])
        current = Atomic(index.base)
        state = Mutex(State(index: index))
    }

    /// Nobody reads any more: a reader holds the store.
    deinit { state.withLock { $0.index.free() } }

    package var zones: [Zone] { state.withLock { $0.zones } }

    /// The apexes behind the zone labels in ``Outcome/zone``, below ``labelCapacity``; `nil`, at 0, stands for questions
    /// outside every zone.
    package var labels: [DomainName?] { state.withLock { $0.labels } }

    /// Serves exactly these zones from now on.
    ///
    /// - Parameters:
    ///   - zones: made with this store's ``epochs``, no two with one apex.
    ///   - access: who may ask zones, by apex; everyone may ask the others.
    package func serve(_ zones: [Zone], to access: [DomainName: AccessList] = [:]) {
        precondition(Set(zones.map(\.apex)).count == zones.count, "a zone is given twice")
        state.withLock { state in
            let index = ZoneIndex(zones.map { ($0, state.label(of: $0.apex), access[$0.apex]) })
            current.store(index.base, ordering: .releasing)
            let (oldZones, oldIndex) = (state.zones, state.index)
            epochs.retire {
                withExtendedLifetime(oldZones) { oldIndex.free() }
            }
            state.zones = zones
            state.index = index
        }
    }

    /// Runs `body` with the zones of this moment. Keep it short: what changes meanwhile stays in memory.
    ///
    /// - Parameter reader: made by this store's ``epochs`` and used by no other thread now.
    package func read<Result>(
        as reader: ReadEpochs.Reader,
        _ body: (borrowing ServedZones) -> Result
    ) -> Result {
        reader.begin()
        defer { reader.end() }
        return body(ServedZones(index: ZoneIndex(base: current.load(ordering: .acquiring))))
    }
}
