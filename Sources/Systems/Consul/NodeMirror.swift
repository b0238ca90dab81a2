import SyncEngine

/// What the installation's node in Consul holds, put together from reads of its services, reads of its checks, and the
/// answers to own writes, which arrive in any order. Pure.
///
/// A read that was begun after an own write had been answered tells the truth about what was written, whatever the
/// indexes: they fall when Consul is restored from a snapshot. A read that was under way meanwhile may be older than the
/// write or newer, and only the Raft indexes of records and reads can tell.
struct NodeMirror: Sendable {
    private struct Versioned<Value: Sendable>: Sendable {
        /// `nil` once deleted by this adapter: kept until a read shows it gone.
        var value: Value?
        var index: UInt64
        /// Which of the own writes it was; 0 for what was read.
        var write = 0
    }

    /// Whether the node exists, as far as can be seen.
    private(set) var hasNode = false
    /// Whether an agent runs under the node's name.
    private(set) var isAgents = false
    private var entry: ConsulEntry
    private var services: [String: Versioned<CatalogService>] = [:]
    private var checks: [String: Versioned<CatalogCheck>] = [:]
    private var hasServices = false
    private var hasChecks = false
    private var changed: Set<String> = []
    private var wasTaken = false
    /// The own writes so far: what a read is to be begun with.
    private(set) var writes = 0
    /// Which of them was the last that changed a service, and a check.
    private(set) var lastServiceWrite = 0
    private(set) var lastCheckWrite = 0
    /// The highest index of any record or read since indexes last fell.
    private(set) var highestIndex: UInt64 = 0

    init(_ entry: ConsulEntry) { self.entry = entry }

    var isRead: Bool { hasServices && hasChecks }

    /// The service names under which this installation has entries, in lower case.
    var ownNames: Set<String> {
        services.values.reduce(into: []) { names, service in
            guard let value = service.value, value.meta[EntryMetadata.Key.owner.rawValue] == entry.cluster else {
                return
            }
            names.insert(value.name.lowercased())
        }
    }

    func contains(_ id: EntryID) -> Bool { services[id.rawValue]?.value != nil }

    // MARK: - Reads

    /// Takes in a read of the node's services.
    ///
    /// - Parameters:
    ///   - index: at which it was made.
    ///   - writes: ``writes`` when it was begun.
    mutating func read(_ read: NodeServices, at index: UInt64, begunAfter writes: Int) {
        hasNode = read.hasNode
        let records = read.services.map { ($0.id.lowercased(), $0, $0.modifyIndex) }
        changed.formUnion(Self.merge(records, into: &services, at: index, begunAfter: writes))
        highestIndex = max(highestIndex, index)
        hasServices = true
    }

    /// Takes in a read of the node's checks.
    mutating func read(_ read: [CatalogCheck], at index: UInt64, begunAfter writes: Int) {
        isAgents = read.contains { $0.id == CatalogCheck.serfHealth }
        let own = read.filter { $0.id == ConsulEntry.checkID(of: $0.serviceID) }
        let records = own.map { ($0.serviceID.lowercased(), $0, $0.modifyIndex) }
        changed.formUnion(Self.merge(records, into: &checks, at: index, begunAfter: writes))
        highestIndex = max(highestIndex, index)
        hasChecks = true
    }

    /// - Returns: the keys whose value is another now.
    private static func merge<Value: Sendable & Equatable>(
        _ records: [(key: String, value: Value, index: UInt64)],
        into table: inout [String: Versioned<Value>],
        at readIndex: UInt64,
        begunAfter writes: Int
    ) -> Set<String> {
        var changed: Set<String> = []
        var seen = Set<String>(minimumCapacity: records.count)
        for (key, value, index) in records {
            seen.insert(key)
            let known = table[key]
            // Older than an own write, or the very record that was deleted since.
            if let known, known.write > writes, index <= known.index { continue }
            table[key] = Versioned(value: value, index: index)
            if known?.value != value { changed.insert(key) }
        }
        for (key, known) in table where !seen.contains(key) {
            guard known.value == nil || known.write <= writes || readIndex >= known.index else { continue }
            if known.value != nil { changed.insert(key) }
            table[key] = nil
        }
        return changed
    }

    /// Takes in that the registry has gone back to an earlier state: what is known is older than anything that comes,
    /// although its indexes are higher.
    mutating func indexesFell() {
        highestIndex = 0
        for key in Array(services.keys) { services[key]?.index = 0 }
        for key in Array(checks.keys) { checks[key]?.index = 0 }
    }

    // MARK: - Own writes

    mutating func created() { hasNode = true }

    mutating func wrote(_ service: CatalogService) {
        let key = service.id.lowercased()
        writes += 1
        lastServiceWrite = writes
        highestIndex = max(highestIndex, service.modifyIndex)
        if let known = services[key], known.index > service.modifyIndex { return }
        services[key] = Versioned(value: service, index: service.modifyIndex, write: writes)
        changed.insert(key)
    }

    mutating func wrote(_ check: CatalogCheck) {
        let key = check.serviceID.lowercased()
        writes += 1
        lastCheckWrite = writes
        highestIndex = max(highestIndex, check.modifyIndex)
        if let known = checks[key], known.index > check.modifyIndex { return }
        checks[key] = Versioned(value: check, index: check.modifyIndex, write: writes)
        changed.insert(key)
    }

    /// Takes in that this adapter deleted a service, and with it its checks.
    mutating func deleted(_ id: EntryID) {
        writes += 1
        lastServiceWrite = writes
        lastCheckWrite = writes
        if let known = services[id.rawValue] {
            services[id.rawValue] = Versioned(value: nil, index: known.index, write: writes)
        }
        if let known = checks[id.rawValue] {
            checks[id.rawValue] = Versioned(value: nil, index: known.index, write: writes)
        }
        changed.insert(id.rawValue)
    }

    // MARK: - Telling

    /// What changed since it was last taken; everything the first time. `nil` before both reads.
    mutating func take() -> (isComplete: Bool, entries: [EntryID: ObservedEntry?])? {
        guard isRead else { return nil }
        let isComplete = !wasTaken
        wasTaken = true
        let keys = isComplete ? Set(services.keys) : changed
        changed = []
        var entries: [EntryID: ObservedEntry?] = [:]
        for key in keys {
            guard let id = EntryID(key) else { continue }
            let observed = services[key]?.value.flatMap { entry.observed($0, checks[key]?.value) }
            if isComplete, observed == nil { continue }
            entries.updateValue(observed, forKey: id)
        }
        return (isComplete, entries)
    }
}
