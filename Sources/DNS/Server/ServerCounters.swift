package import DNSCore
import Synchronization

/// What has been counted since the start, summed over all threads.
package struct CounterSnapshot: Hashable, Sendable {
    package struct Requests: Hashable, Sendable {
        /// `nil` for questions outside every zone.
        package var zone: DomainName?
        package var transport: ServerTransport
        /// A type by name, or `other`.
        package var type: String
        /// A code by name, or `other`.
        package var code: String
        package var count: UInt64

        package init(zone: DomainName?, transport: ServerTransport, type: String, code: String, count: UInt64) {
            self.zone = zone
            self.transport = transport
            self.type = type
            self.code = code
            self.count = count
        }
    }

    package struct Durations: Hashable, Sendable {
        package var transport: ServerTransport
        /// Per bucket of ``CounterSnapshot/durationBounds``, and one above.
        package var counts: [UInt64]
        /// Seconds.
        package var sum: Double
    }

    package struct ConnectionEnds: Hashable, Sendable {
        package var transport: ServerTransport
        package var reason: ConnectionEnd
        package var count: UInt64

        package init(transport: ServerTransport, reason: ConnectionEnd, count: UInt64) {
            self.transport = transport
            self.reason = reason
            self.count = count
        }
    }

    /// Seconds. From the moment a datagram or a piece of a stream has been received until its answers are handed to the
    /// system. One batch in sixteen is timed, and stands for every query in it.
    package static let durationBounds: [Double] = [
        0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.1,
    ]

    /// Only those that have occurred.
    package var requests: [Requests] = []
    package var durations: [Durations] = []
    /// Datagrams and messages that were given no answer.
    package var unanswered: UInt64 = 0
    /// Answers the system would not send.
    package var unsent: UInt64 = 0
    /// Answers over UDP that the rate limit has shortened or dropped.
    package var limited: [LimitAction: UInt64] = [:]
    /// Connections open now.
    package var connections: [ServerTransport: UInt64] = [:]
    /// How often there was no file or memory for another connection.
    package var acceptFailures: UInt64 = 0
    /// New TLS certificates that have come into use.
    package var certificateExchanges: UInt64 = 0
    /// New TLS certificates that could not be used.
    package var certificateRefusals: UInt64 = 0
    /// Only those that have occurred.
    package var connectionEnds: [ConnectionEnds] = []
}

/// The counters of one thread: only that thread writes, so a plain load and store are enough, and no line of memory is
/// written to by two.
final class ThreadCounters: Sendable {
    static let sampling: UInt64 = 16

    private static let typeCount = 12
    private static let codeCount = 10
    private static let typeNames: InlineArray<12, String> = [
        "A", "AAAA", "SRV", "PTR", "CNAME", "TXT", "NS", "SOA", "SVCB", "ANY", "transfer", "other",
    ]
    private static let codeNames: InlineArray<10, String> = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "NOTAUTH", "BADVERS", "BADCOOKIE", "other",
    ]

    let transport: ServerTransport
    let unanswered = Atomic<UInt64>(0)
    let unsent = Atomic<UInt64>(0)
    private let connections = Atomic<UInt64>(0)
    private let dropped = Atomic<UInt64>(0)
    private let truncated = Atomic<UInt64>(0)
    private let badCookies = Atomic<UInt64>(0)
    private let durationSum = Atomic<UInt64>(0)
    /// Requests by zone, type and code, then durations by bucket, then ends of connections by reason. Unsafe only by the
    /// pointer's type: its elements are atomics, and it lives as long as this object.
    nonisolated(unsafe) private let cells: UnsafeMutablePointer<Atomic<UInt64>>

    private static let requestCells = ZoneStore.labelCapacity * typeCount * codeCount
    private static let endCells = requestCells + CounterSnapshot.durationBounds.count + 1
    private static let cellCount = endCells + ConnectionEnd.allCases.count

    init(_ transport: ServerTransport) {
        self.transport = transport
        cells = .allocate(capacity: Self.cellCount)
        for index in 0..<Self.cellCount { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: Self.cellCount)
        cells.deallocate()
    }

    /// Connections open now on this thread.
    var connectionCount: UInt64 {
        get { connections.load(ordering: .relaxed) }
        set { connections.store(newValue, ordering: .relaxed) }
    }

    // MARK: - The counting thread

    @inline(__always)
    func count(_ outcome: Outcome) {
        if outcome.limit != .none { countLimited(outcome.limit) }
        guard outcome.length > 0 else { return add(1, to: unanswered) }
        let type = Self.bucket(outcome.type)
        let code = Self.bucket(outcome.code)
        let index = (Int(outcome.zone) * Self.typeCount + type) * Self.codeCount + code
        // The store gives labels below its capacity.
        add(1, to: cells[index])
    }

    private func countLimited(_ action: LimitAction) {
        switch action {
        case .none: break
        case .drop: add(1, to: dropped)
        case .truncate: add(1, to: truncated)
        case .badCookie: add(1, to: badCookies)
        }
    }

    func count(_ end: ConnectionEnd) { add(1, to: cells[Self.endCells + end.rawValue]) }

    func add(_ amount: UInt64, to counter: borrowing Atomic<UInt64>) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// - Parameter duration: how long it took, for each of `count` queries.
    func observe(_ duration: Duration, count: Int) {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = UInt64(clamping: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        let bounds = CounterSnapshot.durationBounds
        let bucket = bounds.firstIndex { Double(nanoseconds) * 1e-9 <= $0 } ?? bounds.count
        add(UInt64(count), to: cells[Self.requestCells + bucket])
        add(nanoseconds &* UInt64(count), to: durationSum)
    }

    @inline(__always)
    private static func bucket(_ type: RecordType) -> Int {
        switch type {
        case .a: 0
        case .aaaa: 1
        case .srv: 2
        case .ptr: 3
        case .cname: 4
        case .txt: 5
        case .ns: 6
        case .soa: 7
        case .svcb: 8
        case .any: 9
        case .axfr, .ixfr: 10
        default: 11
        }
    }

    @inline(__always)
    private static func bucket(_ code: ResponseCode) -> Int {
        switch code.rawValue {
        case 0...5: Int(code.rawValue)
        case 9: 6
        case 16: 7
        case 23: 8
        default: 9
        }
    }

    // MARK: - Scraping

    static func snapshot(of threads: [ThreadCounters], labels: [DomainName?]) -> CounterSnapshot {
        var snapshot = CounterSnapshot()
        for transport in ServerTransport.allCases {
            let threads = threads.filter { $0.transport == transport }
            func sum(_ value: (ThreadCounters) -> UInt64) -> UInt64 { threads.reduce(0) { $0 &+ value($1) } }
            for (label, zone) in labels.enumerated() {
                for type in typeNames.indices {
                    for code in codeNames.indices {
                        let index = (label * typeCount + type) * codeCount + code
                        let count = sum { $0.cells[index].load(ordering: .relaxed) }
                        guard count > 0 else { continue }
                        snapshot.requests.append(
                            .init(
                                zone: zone,
                                transport: transport,
                                type: typeNames[type],
                                code: codeNames[code],
                                count: count
                            )
                        )
                    }
                }
            }
            snapshot.durations.append(
                .init(
                    transport: transport,
                    counts: (0...CounterSnapshot.durationBounds.count).map { bucket in
                        sum { $0.cells[requestCells + bucket].load(ordering: .relaxed) }
                    },
                    sum: Double(sum { $0.durationSum.load(ordering: .relaxed) }) * 1e-9
                )
            )
            snapshot.unanswered += sum { $0.unanswered.load(ordering: .relaxed) }
            snapshot.unsent += sum { $0.unsent.load(ordering: .relaxed) }
            for (action, count) in [
                (LimitAction.drop, sum { $0.dropped.load(ordering: .relaxed) }),
                (.truncate, sum { $0.truncated.load(ordering: .relaxed) }),
                (.badCookie, sum { $0.badCookies.load(ordering: .relaxed) }),
            ] {
                snapshot.limited[action, default: 0] += count
            }
            if transport != .udp { snapshot.connections[transport] = sum { $0.connections.load(ordering: .relaxed) } }
            for reason in ConnectionEnd.allCases {
                let count = sum { $0.cells[endCells + reason.rawValue].load(ordering: .relaxed) }
                guard count > 0 else { continue }
                snapshot.connectionEnds.append(.init(transport: transport, reason: reason, count: count))
            }
        }
        return snapshot
    }
}
