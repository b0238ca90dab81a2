import SyncEngine

/// What the installation's node in Consul holds, put together from reads of its services, reads of its checks, and the
/// answers to own writes, which arrive in any order. Pure.
///
/// Every record carries the Raft index of its last change, and every read the index at which it was made: a read says
/// nothing about what was written after it.
struct NodeMirror: Sendable {
    private struct Versioned<Value: Sendable>: Sendable {
        /// `nil` once deleted by this adapter: kept until a read shows it gone.
        var value: Value?
        var index: UInt64
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

    init(_ entry: ConsulEntry) { self.entry = entry }

    var isRead: Bool { hasServices && hasChecks }

    func contains(_ id: EntryID) -> Bool { services[id.rawValue]?.value != nil }

    // MARK: - Reads

    /// Takes in a read of the node's services at `index`. After a restart of the query, what was known counts no more.
    mutating func read(_ read: NodeServices, at index: UInt64, isRestart: Bool) {
        hasNode = read.hasNode
        let records = read.services.map { ($0.id.lowercased(), $0, $0.modifyIndex) }
        changed.formUnion(Self.merge(records, into: &services, at: index, isRestart: isRestart))
        hasServices = true
    }

    /// Takes in a read of the node's checks at `index`.
    mutating func read(_ read: [CatalogCheck], at index: UInt64, isRestart: Bool) {
        isAgents = read.contains { $0.id == CatalogCheck.serfHealth }
        let own = read.filter { $0.id == ConsulEntry.checkID(of: $0.serviceID) }
        let records = own.map { ($0.serviceID.lowercased(), $0, $0.modifyIndex) }
        changed.formUnion(Self.merge(records, into: &checks, at: index, isRestart: isRestart))
        hasChecks = true
    }

    /// - Returns: the keys whose value is another now.
    private static func merge<Value: Sendable>(
        _ records: [(key: String, value: Value, index: UInt64)],
        into table: inout [String: Versioned<Value>],
        at readIndex: UInt64,
        isRestart: Bool
    ) -> Set<String> {
        var changed: Set<String> = []
        var seen = Set<String>(minimumCapacity: records.count)
        for (key, value, index) in records {
            seen.insert(key)
            if let known = table[key], !isRestart {
                // Older than what is known, or the very record that was deleted since.
                guard index > known.index else { continue }
            }
            table[key] = Versioned(value: value, index: index)
            changed.insert(key)
        }
        for (key, known) in table where !seen.contains(key) {
            guard isRestart || known.value == nil || readIndex >= known.index else { continue }
            if known.value != nil { changed.insert(key) }
            table[key] = nil
        }
        return changed
    }

    // MARK: - Own writes

    mutating func created() { hasNode = true }

    mutating func wrote(_ service: CatalogService) {
        let key = service.id.lowercased()
        if let known = services[key], known.index > service.modifyIndex { return }
        services[key] = Versioned(value: service, index: service.modifyIndex)
        changed.insert(key)
    }

    mutating func wrote(_ check: CatalogCheck) {
        let key = check.serviceID.lowercased()
        if let known = checks[key], known.index > check.modifyIndex { return }
        checks[key] = Versioned(value: check, index: check.modifyIndex)
        changed.insert(key)
    }

    /// Takes in that this adapter deleted a service, and with it its checks.
    mutating func deleted(_ id: EntryID) {
        services[id.rawValue]?.value = nil
        checks[id.rawValue]?.value = nil
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
