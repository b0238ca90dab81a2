import Synchronization

/// Whether a zone's answers can be trusted to be complete and recent.
package enum ZoneFreshness: UInt8, Sendable, AtomicRepresentable {
    /// No complete picture yet: questions get SERVFAIL.
    case unready
    case current
    /// The source is out of reach; the last known state is served.
    case stale
    /// It has been out of reach for too long to go on with what was known: questions get SERVFAIL.
    case expired

    /// Whether questions are answered from the zone.
    @inline(__always)
    package var isAnswered: Bool { self == .current || self == .stale }
}

/// What became of a batch of changes.
package struct AppliedBatch: Hashable, Sendable {
    /// The zone's serial after the batch.
    package var serial: UInt32
    /// Owners whose records are now others than before.
    package var changed: Int
    /// Owners left as they were, and why.
    package var rejected: [RejectedChange]

    package init(serial: UInt32, changed: Int, rejected: [RejectedChange] = []) {
        self.serial = serial
        self.changed = changed
        self.rejected = rejected
    }
}

package struct RejectedChange: Hashable, Sendable {
    package var owner: DomainName
    package var reason: RecordSetError

    package init(owner: DomainName, reason: RecordSetError) {
        self.owner = owner
        self.reason = reason
    }
}

/// A zone as it is served: one writer at a time, any number of readers that never wait.
///
/// Names appear, change and go one at a time and whole, in the order given; the SOA record follows at the end of the batch.
package final class Zone: Sendable {
    package let apex: DomainName
    let image: ZoneImage
    private let writer: Mutex<ZoneWriter>

    /// - Parameters:
    ///   - authority: the SOA data; its serial is the first one, from which the zone's serial only rises (RFC 1982).
    ///   - ttl: of the SOA record, in seconds.
    ///   - epochs: the ones of the store that will serve the zone.
    ///   - clock: what serials keep above when they rise, see ``ZoneSerial``; `nil` to count.
    package init(
        apex: DomainName,
        authority: StartOfAuthority,
        ttl: UInt32,
        epochs: ReadEpochs,
        clock: (@Sendable () -> UInt32)? = nil
    ) {
        self.apex = apex
        let writer = ZoneWriter(apex: apex, authority: authority, ttl: ttl, epochs: epochs, clock: clock)
        image = writer.image
        self.writer = Mutex(writer)
    }

    /// New zones are unready.
    package var freshness: ZoneFreshness {
        get { image.fields.pointee.freshness.load(ordering: .acquiring) }
        set { image.fields.pointee.freshness.store(newValue, ordering: .releasing) }
    }

    /// Whether questions with DO are to get signatures; ``Elaboration/signatures``.
    package var isSigned: Bool {
        get { image.isSigned }
        set { image.fields.pointee.isSigned.store(newValue, ordering: .releasing) }
    }

    package var serial: UInt32 { writer.withLock { $0.authority.serial } }

    /// The TTL of negative answers, in seconds (RFC 2308 section 5).
    package var negativeTTL: UInt32 { UInt32(bigEndian: image.fields.pointee.negativeTTL) }

    package var statistics: ZoneStatistics { writer.withLock { $0.statistics } }

    /// Whether recent changes are kept for incremental transfers. It takes up to half of the zone's own memory again.
    package var keepsChanges: Bool {
        get { writer.withLock { $0.keepsChanges } }
        set { writer.withLock { if $0.keepsChanges != newValue { $0.keepsChanges = newValue } } }
    }

    /// Applies changes in order. The serial rises, once, when at least one of them changed something.
    @discardableResult
    package func apply(_ changes: [OwnerChange]) -> AppliedBatch {
        writer.withLock { $0.apply(changes) }
    }

    /// Raises the serial though no record changes, since what is made of the records has: secondaries are to take all anew.
    package func renew() { writer.withLock { _ = $0.apply([], isRenewal: true) } }

    func contents(apexOnly: Bool = false) -> ZoneContents { writer.withLock { $0.contents(apexOnly: apexOnly) } }

    func changes(since serial: UInt32) -> ZoneChanges? { writer.withLock { $0.changes(since: serial) } }
}

package struct ZoneStatistics: Hashable, Sendable {
    /// Names below the apex, empty non-terminals included.
    package var names: Int
    /// Memory held by names, records and the table, without the allocator's own; what awaits reclamation is not in it.
    package var bytes: Int
}

/// The part of a zone that readers see: pointers to immutable memory, exchanged atomically.
///
/// Sendable although it points: its fields are atomics or constants, and it lives as long as its zone's writer.
struct ZoneImage: @unchecked Sendable {
    struct Fields: ~Copyable {
        let table: Atomic<UnsafeMutableRawPointer>
        /// The apex stands apart from the table: every negative answer needs it.
        let apex: Atomic<UnsafeMutableRawPointer>
        let freshness = Atomic<ZoneFreshness>(.unready)
        let isSigned = Atomic<Bool>(false)
        let hashKey: UInt64
        /// The SOA record's TTL in negative answers, in network order (RFC 2308 section 5).
        let negativeTTL: UInt32
    }

    let fields: UnsafeMutablePointer<Fields>

    @inline(__always)
    var apex: NameBlock { NameBlock(base: fields.pointee.apex.load(ordering: .acquiring)) }

    @inline(__always)
    var freshness: ZoneFreshness { fields.pointee.freshness.load(ordering: .acquiring) }

    @inline(__always)
    var isReady: Bool { freshness.isAnswered }

    @inline(__always)
    var isSigned: Bool { fields.pointee.isSigned.load(ordering: .relaxed) }

    /// The name whose first `count` octets, those below the apex, stand at `name`.
    @inline(__always)
    func find(_ name: UnsafeRawPointer, count: Int) -> NameBlock? {
        guard count > 0 else { return apex }
        return find(name, count: count, hash: hash(name, count: count))
    }

    /// As above for a name below the apex, with its hash.
    @inline(__always)
    func find(_ name: UnsafeRawPointer, count: Int, hash: UInt64) -> NameBlock? {
        table.find(name, count: count, hash: hash)?.block
    }

    @inline(__always)
    func hash(_ name: UnsafeRawPointer, count: Int) -> UInt64 {
        NameBytes.hash(name, count: count, key: fields.pointee.hashKey)
    }

    @inline(__always)
    var table: NameTable { NameTable(base: fields.pointee.table.load(ordering: .acquiring)) }
}
