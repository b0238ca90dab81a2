/// Why a write to the state store failed, in Consul's words.
struct StateFailure: Error, Equatable {
    let message: String

    init(_ message: String) { self.message = message }

    static let missingNode = StateFailure("Missing node registration")
    static let missingService = StateFailure("Missing service registration")
}

/// Catalog writes. They are called inside `apply`, with its index.
///
/// None may hold a copy of a `NodeEntry` while it writes: the tables of a node with thousands of services would be
/// copied for every operation.
extension ConsulState {
    mutating func register(_ request: RegisterRequest, index: UInt64, now: Duration) throws(StateFailure) {
        let name = Self.identity(request.node.name)
        if let present = nodes[name]?.record {
            if !request.skipsNodeUpdate, !present.isSame(as: request.node) { try insertNode(request.node, index, now) }
        } else {
            try insertNode(request.node, index, now)
        }
        if let service = request.service {
            do throws(StateFailure) {
                try setService(service, on: request.node.name, index: index)
            } catch {
                throw StateFailure("failed inserting service: \(error.message)")
            }
        }
        for check in request.checks {
            guard Self.identity(check.node) == name else {
                throw StateFailure(
                    "check node \(quoted(check.node)) does not match node \(quoted(request.node.name))"
                )
            }
            do throws(StateFailure) {
                try setCheck(check, index: index, now: now)
            } catch {
                throw StateFailure(
                    "failed inserting check: \(error.message) on node \(quoted(request.node.name))"
                )
            }
        }
    }

    private mutating func insertNode(_ node: NodeRecord, _ index: UInt64, _ now: Duration) throws(StateFailure) {
        do throws(StateFailure) {
            try setNode(node, index: index, now: now)
        } catch {
            throw StateFailure("failed inserting node: \(error.message)")
        }
    }

    /// A service ID takes precedence over a check ID; without either the whole node goes.
    mutating func deregister(_ request: DeregisterRequest, index: UInt64, now: Duration) {
        if !request.serviceID.isEmpty {
            deleteService(request.serviceID, on: request.node, index: index, now: now)
        } else if !request.checkID.isEmpty {
            deleteCheck(request.checkID, on: request.node, index: index, now: now)
        } else {
            deleteNode(request.node, index: index, now: now)
        }
    }

    // MARK: Nodes

    mutating func setNode(_ node: NodeRecord, index: UInt64, now: Duration) throws(StateFailure) {
        let name = Self.identity(node.name)
        var present = nodes[name]?.record
        if !node.id.isEmpty {
            let holder = nodes.values.first { $0.record.id == node.id }?.record
            if let holder, Self.identity(holder.name) != name {
                try requireFree(node, "Error while renaming Node ID: \(quoted(node.id)) (\(node.address)): ")
                deleteNode(holder.name, index: index, now: now)
                present = present ?? holder
            } else if holder == nil {
                try requireFree(node, "Error while renaming Node: ")
            }
        }
        var record = node
        (record.createIndex, record.modifyIndex) = (index, index)
        if let present {
            record.createIndex = present.createIndex
            if record.isSame(as: present), nodes[name] != nil { return }
        }
        setNode(name, record)
        touch(\.nodes, index)
        touchServices(onNode: name, index)
    }

    /// A node's name can be taken over by another ID unless its serf check says that the holder lives.
    private func requireFree(_ node: NodeRecord, _ prefix: String) throws(StateFailure) {
        guard let entry = nodes[Self.identity(node.name)], entry.record.id != node.id, !entry.record.id.isEmpty,
            let serf = entry.checks["serfhealth"], serf.status != CheckRecord.critical
        else { return }
        let held = entry.record
        throw StateFailure(
            prefix + "Node name \(node.name) is reserved by node \(held.id) with name \(held.name) (\(held.address))"
        )
    }

    mutating func deleteNode(_ name: String, index: UInt64, now: Duration) {
        let node = Self.identity(name)
        guard nodes[node] != nil else { return }
        for service in (nodes[node]?.services ?? [:]).keys.sorted() {
            deleteService(service, on: node, index: index, now: now)
        }
        for check in (nodes[node]?.checks ?? [:]).keys.sorted() {
            deleteCheck(check, on: node, index: index, now: now)
        }
        setNode(node, nil)
        touch(\.nodes, index)
        for session in sessions.values.filter({ Self.identity($0.node) == node }) {
            deleteSession(session.id, index: index, now: now)
        }
    }

    // MARK: Services

    mutating func setService(_ service: ServiceRecord, on node: String, index: UInt64) throws(StateFailure) {
        let key = InstanceKey(node: Self.identity(node), id: Self.identity(service.id))
        if let problem = ServiceMetadata.problem(service.meta ?? [:]) {
            throw StateFailure("Invalid Service Meta for node \(node) and serviceID \(service.id): \(problem)")
        }
        guard let nodeName = nodes[key.node]?.record.name else { throw .missingNode }
        var record = service
        record.node = nodeName
        (record.createIndex, record.modifyIndex) = (index, index)
        if let present = self.service(key) {
            if record.isSame(as: present) { return }
            record.createIndex = present.createIndex
            let oldName = Self.identity(present.name)
            if oldName != Self.identity(record.name) { touchView(oldName, index) }
        }
        setService(key, record)
        touch(\.services, index)
        touchService(Self.identity(record.name), index)
    }

    mutating func deleteService(_ id: String, on node: String, index: UInt64, now: Duration) {
        let key = InstanceKey(node: Self.identity(node), id: Self.identity(id))
        guard let service = service(key) else { return }
        // An empty ID is a service's without one, whose "checks" would be the node's own.
        let checks = key.id.isEmpty ? [] : nodes[key.node]?.checksOfService[key.id] ?? []
        for check in checks.sorted() { deleteCheck(check, on: key.node, index: index, now: now) }
        touch(\.checks, index)
        setService(key, nil)
        touch(\.services, index)
        let name = Self.identity(service.name)
        if instances[name] == nil { extinguish(name, index) } else { touchService(name, index) }
    }

    // MARK: Checks

    mutating func setCheck(_ check: CheckRecord, index: UInt64, now: Duration) throws(StateFailure) {
        let key = InstanceKey(node: Self.identity(check.node), id: Self.identity(check.id))
        guard !key.id.isEmpty else {
            throw StateFailure("failed health check lookup: index error: object is missing a value for this index")
        }
        guard nodes[key.node] != nil else { throw .missingNode }
        let present = self.check(key)
        var record = check
        (record.createIndex, record.modifyIndex) = (present?.createIndex ?? index, index)
        if record.status.isEmpty { record.status = CheckRecord.critical }
        if !record.serviceID.isEmpty {
            let serviceKey = InstanceKey(node: key.node, id: Self.identity(record.serviceID))
            guard let service = service(serviceKey) else { throw .missingService }
            (record.serviceName, record.serviceTags) = (service.name, service.tags)
        }
        let isModified = present.map { !record.isSame(as: $0) } ?? true
        if isModified { touchServices(ofCheck: record, onNode: key.node, index) }
        if record.status == CheckRecord.critical {
            invalidateSessions(ofCheck: record, index: index, now: now)
        }
        guard isModified else { return }
        setCheck(key, record)
        touch(\.checks, index)
    }

    mutating func deleteCheck(_ id: String, on node: String, index: UInt64, now: Duration) {
        let key = InstanceKey(node: Self.identity(node), id: Self.identity(id))
        guard let check = check(key) else { return }
        touchServices(ofCheck: check, onNode: key.node, index)
        if check.serviceID.isEmpty { touch(\.services, index) }
        setCheck(key, nil)
        touch(\.checks, index)
        invalidateSessions(ofCheck: check, index: index, now: now)
    }

    private mutating func touchServices(ofCheck check: CheckRecord, onNode node: Identity, _ index: UInt64) {
        if check.serviceID.isEmpty {
            touchServices(onNode: node, index)
        } else {
            touchService(Self.identity(check.serviceName), index)
        }
    }

    /// A change of the node shows in every service on it.
    private mutating func touchServices(onNode node: Identity, _ index: UInt64) {
        let names = Set((nodes[node]?.services ?? [:]).values.map { Self.identity($0.name) })
        for name in names { touchService(name, index) }
    }
}

/// The limits of service metadata.
enum ServiceMetadata {
    /// What is wrong, in Consul's words; with several mistakes, the one in the first key in order.
    static func problem(_ meta: [String: String]) -> String? {
        if meta.count > 64 { return "Node metadata cannot contain more than 64 key/value pairs" }
        for (key, value) in meta.sorted(by: { $0.key < $1.key }) {
            guard let problem = problem(key: key, value: value) else { continue }
            return "Couldn't load metadata pair ('\(key)', '\(value)'): \(problem)"
        }
        return nil
    }

    private static func problem(key: String, value: String) -> String? {
        if key.isEmpty { return "Key cannot be blank" }
        let isPlain = key.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        if !isPlain { return "Key contains invalid characters" }
        if key.utf8.count > 128 { return "Key is too long (limit: 128 characters)" }
        if key.hasPrefix("consul-") { return "Key prefix 'consul-' is reserved for internal use" }
        if value.utf8.count > 512 { return "Value is too long (limit: 512 characters)" }
        return nil
    }
}
