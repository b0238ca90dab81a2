/// Consul's state store as a value: tables, the indexes that blocking queries compare, and all-or-nothing writes.
///
/// Every write takes one raft index, whether it changes anything or not. An index that did not move means that nothing
/// in its table changed, which is what makes a repeated registration silent.
struct ConsulState: Sendable {
    /// Identity of nodes, services, checks and service names: names without regard to case.
    typealias Identity = String

    struct NodeEntry: Sendable {
        var record: NodeRecord
        var services: [Identity: ServiceRecord] = [:]
        var checks: [Identity: CheckRecord] = [:]
        /// Checks by the service they belong to; those of the node itself under the empty name.
        var checksOfService: [Identity: Set<Identity>] = [:]
    }

    struct InstanceKey: Sendable, Hashable, Comparable {
        let node: Identity
        let id: Identity

        static func < (left: InstanceKey, right: InstanceKey) -> Bool {
            (left.node, left.id) < (right.node, right.id)
        }
    }

    /// The newest raft index in each table.
    struct TableIndexes: Sendable, Equatable {
        var nodes: UInt64 = 0
        var services: UInt64 = 0
        var checks: UInt64 = 0
        var keys: UInt64 = 0
        var tombstones: UInt64 = 0
        var sessions: UInt64 = 0
        /// Tokens and policies.
        var access: UInt64 = 0
        /// When some service last lost its last instance; `nil` if none ever did.
        var extinction: UInt64?

        var catalog: UInt64 { max(nodes, services) }
    }

    private(set) var lastIndex: UInt64
    private(set) var nodes: [Identity: NodeEntry] = [:]
    private(set) var instances: [Identity: Set<InstanceKey>] = [:]
    private(set) var keys: [String: KeyRecord] = [:]
    private(set) var tombstones: [String: UInt64] = [:]
    private(set) var sessions: [String: SessionRecord] = [:]
    private(set) var indexes = TableIndexes()
    /// The newest index of each service that has instances.
    private(set) var serviceIndexes: [Identity: UInt64] = [:]
    /// The newest index of each service some streaming read subscribed to. Unlike `serviceIndexes` it outlives the
    /// service, so the end of another service does not show in it.
    private(set) var views: [Identity: UInt64] = [:]
    /// Locks that died with their session, to be refused until then (in time since the start).
    private(set) var lockDelays: [String: Duration] = [:]

    private var undo: [Undo]?

    init(lastIndex: UInt64 = 0) { self.lastIndex = lastIndex }

    static func identity(_ name: String) -> Identity { name.lowercased() }

    // MARK: Writes

    /// Takes the next raft index for `change`, and takes all of it back when it throws.
    mutating func apply<Result, Failure: Error>(
        _ change: (inout ConsulState, UInt64) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lastIndex += 1
        undo = []
        defer { undo = nil }
        do throws(Failure) {
            return try change(&self, lastIndex)
        } catch {
            rollBack()
            throw error
        }
    }

    /// Lets raft indexes pass that belong to what is not modelled: coordinates, other people's writes.
    mutating func skipIndexes(_ count: UInt64) { lastIndex += count }

    /// What takes back one write to a table.
    private enum Undo {
        case node(Identity, NodeRecord?)
        case service(InstanceKey, ServiceRecord?)
        case check(InstanceKey, CheckRecord?)
        case key(String, KeyRecord?)
        case tombstone(String, UInt64?)
        case session(String, SessionRecord?)
        case indexes(TableIndexes)
        case serviceIndex(Identity, UInt64?)
        case view(Identity, UInt64?)
        case lockDelay(String, Duration?)
    }

    private mutating func rollBack() {
        let steps = undo ?? []
        undo = nil
        for step in steps.reversed() {
            switch step {
            case .node(let name, let record): setNode(name, record)
            case .service(let key, let record): setService(key, record)
            case .check(let key, let record): setCheck(key, record)
            case .key(let key, let record): setKey(key, record)
            case .tombstone(let key, let index): setTombstone(key, index)
            case .session(let id, let record): setSession(id, record)
            case .indexes(let indexes): setIndexes(indexes)
            case .serviceIndex(let name, let index): setServiceIndex(name, index)
            case .view(let name, let index): setView(name, index)
            case .lockDelay(let key, let end): setLockDelay(key, until: end)
            }
        }
    }

    /// Stores a node, or removes it, which must have no services and checks left.
    mutating func setNode(_ name: Identity, _ record: NodeRecord?) {
        undo?.append(.node(name, nodes[name]?.record))
        guard let record else {
            nodes[name] = nil
            return
        }
        if nodes[name] == nil {
            nodes[name] = NodeEntry(record: record)
        } else {
            nodes[name]!.record = record
        }
    }

    mutating func setService(_ key: InstanceKey, _ record: ServiceRecord?) {
        let old = nodes[key.node]?.services[key.id]
        undo?.append(.service(key, old))
        if let old {
            let name = Self.identity(old.name)
            instances[name]?.remove(key)
            if instances[name]?.isEmpty == true { instances[name] = nil }
        }
        nodes[key.node]?.services[key.id] = record
        if let record { instances[Self.identity(record.name), default: []].insert(key) }
    }

    mutating func setCheck(_ key: InstanceKey, _ record: CheckRecord?) {
        let old = nodes[key.node]?.checks[key.id]
        undo?.append(.check(key, old))
        if let old {
            let service = Self.identity(old.serviceID)
            nodes[key.node]?.checksOfService[service]?.remove(key.id)
            if nodes[key.node]?.checksOfService[service]?.isEmpty == true {
                nodes[key.node]?.checksOfService[service] = nil
            }
        }
        nodes[key.node]?.checks[key.id] = record
        if let record {
            nodes[key.node]?.checksOfService[Self.identity(record.serviceID), default: []].insert(key.id)
        }
    }

    mutating func setKey(_ key: String, _ record: KeyRecord?) {
        undo?.append(.key(key, keys[key]))
        keys[key] = record
    }

    mutating func setTombstone(_ key: String, _ index: UInt64?) {
        undo?.append(.tombstone(key, tombstones[key]))
        tombstones[key] = index
    }

    mutating func setSession(_ id: String, _ record: SessionRecord?) {
        undo?.append(.session(id, sessions[id]))
        sessions[id] = record
    }

    mutating func setIndexes(_ new: TableIndexes) {
        undo?.append(.indexes(indexes))
        indexes = new
    }

    mutating func touch(_ table: WritableKeyPath<TableIndexes, UInt64>, _ index: UInt64) {
        var new = indexes
        new[keyPath: table] = index
        setIndexes(new)
    }

    mutating func setLockDelay(_ key: String, until end: Duration?) {
        undo?.append(.lockDelay(key, lockDelays[key]))
        lockDelays[key] = end
    }

    /// Moves the index of a service, and of the streaming reads that follow it.
    mutating func touchService(_ name: Identity, _ index: UInt64) {
        setServiceIndex(name, index)
        touchView(name, index)
    }

    /// Moves the index of the streaming reads alone, as when an instance takes another service's name.
    mutating func touchView(_ name: Identity, _ index: UInt64) {
        if views[name] != nil { setView(name, index) }
    }

    /// Forgets the index of a service whose last instance went.
    mutating func extinguish(_ name: Identity, _ index: UInt64) {
        setServiceIndex(name, nil)
        touchView(name, index)
        var new = indexes
        new.extinction = index
        setIndexes(new)
    }

    /// Lets a streaming read follow a service, from the present on if none did before.
    mutating func subscribe(_ name: Identity) {
        if views[name] == nil { views[name] = max(index(ofService: name), 1) }
    }

    /// Ends all subscriptions, as a restored snapshot does.
    mutating func resetViews() { views = views.keys.reduce(into: [:]) { $0[$1] = max(index(ofService: $1), 1) } }

    private mutating func setServiceIndex(_ name: Identity, _ index: UInt64?) {
        undo?.append(.serviceIndex(name, serviceIndexes[name]))
        serviceIndexes[name] = index
    }

    private mutating func setView(_ name: Identity, _ index: UInt64?) {
        undo?.append(.view(name, views[name]))
        views[name] = index
    }
}
