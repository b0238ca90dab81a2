extension ConsulState {
    /// Runs operations that only read.
    func read(_ operations: [TransactionOperation], now: Duration) throws(TransactionFailure) -> [TransactionResult] {
        var copy = self
        return try copy.run(operations, index: lastIndex, now: now)
    }

    /// Runs operations in order. Each is tried, so that every failing one is reported; any failure fails them all.
    mutating func run(
        _ operations: [TransactionOperation],
        index: UInt64,
        now: Duration
    ) throws(TransactionFailure) -> [TransactionResult] {
        var results: [TransactionResult] = []
        var errors: [TransactionError] = []
        for (position, operation) in operations.enumerated() {
            do throws(StateFailure) {
                results += try run(operation, index: index, now: now)
            } catch {
                errors.append(TransactionError(operation: position, message: error.message))
            }
        }
        guard errors.isEmpty else { throw TransactionFailure(errors: errors) }
        return results
    }

    private mutating func run(
        _ operation: TransactionOperation,
        index: UInt64,
        now: Duration
    ) throws(StateFailure) -> [TransactionResult] {
        switch operation {
        case .key(let verb, let record): try run(verb, key: record, index: index)
        case .node(let verb, let record): try run(verb, node: record, index: index, now: now)
        case .service(let verb, let node, let record):
            try run(verb, service: record, on: node, index: index, now: now)
        case .check(let verb, let record): try run(verb, check: record, index: index, now: now)
        }
    }

    private mutating func run(
        _ verb: String,
        key entry: KeyRecord,
        index: UInt64
    ) throws(StateFailure) -> [TransactionResult] {
        let name = quoted(entry.key)
        let stored: KeyRecord?
        switch verb {
        case "set": stored = setKey(entry, index: index)
        case "cas":
            stored = compareAndSetKey(entry, index: index)
            guard stored != nil else { throw StateFailure("failed to set key \(name), index is stale") }
        case "lock":
            stored = try lockKey(entry, index: index)
            guard stored != nil else { throw StateFailure("failed to lock key \(name), lock is already held") }
        case "unlock":
            stored = try unlockKey(entry, index: index)
            guard stored != nil else {
                throw StateFailure("failed to unlock key \(name), lock isn't held, or is held by another session")
            }
        case "delete":
            deleteKey(entry.key, index: index)
            return []
        case "delete-cas":
            guard compareAndDeleteKey(entry.key, expected: entry.modifyIndex, index: index) else {
                throw StateFailure("failed to delete key \(name), index is stale")
            }
            return []
        case "delete-tree":
            deleteKeys(under: entry.key, index: index)
            return []
        case "get":
            guard let present = keys[entry.key] else { throw StateFailure("key \(name) doesn't exist") }
            return [.key(present, withValue: true)]
        case "get-tree": return keys(under: entry.key).map { .key($0, withValue: true) }
        case "check-session":
            guard let present = keys[entry.key] else {
                throw StateFailure("failed to check session, key \(name) doesn't exist")
            }
            guard present.session == entry.session else {
                throw StateFailure(
                    "failed session check for key \(name), current session \(quoted(present.session))"
                        + " != \(quoted(entry.session))"
                )
            }
            stored = present
        case "check-index":
            guard let present = keys[entry.key] else {
                throw StateFailure("failed to check index, key \(name) doesn't exist")
            }
            guard present.modifyIndex == entry.modifyIndex else {
                throw StateFailure(
                    "failed index check for key \(name), current modify index \(present.modifyIndex)"
                        + " != \(entry.modifyIndex)"
                )
            }
            stored = present
        case "check-not-exists":
            guard keys[entry.key] == nil else { throw StateFailure("key \(name) exists") }
            return []
        default: throw StateFailure("unknown KV verb \(quoted(verb))")
        }
        return stored.map { [.key($0, withValue: false)] } ?? []
    }

    private mutating func run(
        _ verb: String,
        node: NodeRecord,
        index: UInt64,
        now: Duration
    ) throws(StateFailure) -> [TransactionResult] {
        let present = nodes[Self.identity(node.name)]?.record
        switch verb {
        case "get":
            guard let present else { throw StateFailure("node \(quoted(node.name)) doesn't exist") }
            return [.node(present)]
        case "set": try setNode(node, index: index, now: now)
        case "cas":
            guard (present?.modifyIndex ?? 0) == node.modifyIndex else {
                throw StateFailure("failed to set node \(quoted(node.name)), index is stale")
            }
            try setNode(node, index: index, now: now)
        case "delete":
            deleteNode(node.name, index: index, now: now)
            return []
        case "delete-cas":
            guard let present, present.modifyIndex == node.modifyIndex else {
                throw StateFailure("failed to delete node \(quoted(node.name)), index is stale")
            }
            deleteNode(node.name, index: index, now: now)
            return []
        default: throw StateFailure("unknown Node verb \(quoted(verb))")
        }
        return nodes[Self.identity(node.name)].map { [.node($0.record)] } ?? []
    }

    private mutating func run(
        _ verb: String,
        service: ServiceRecord,
        on node: String,
        index: UInt64,
        now: Duration
    ) throws(StateFailure) -> [TransactionResult] {
        let subject = "service \(quoted(service.id)) on node \(quoted(node))"
        let present = nodes[Self.identity(node)]?.services[Self.identity(service.id)]
        switch verb {
        case "get":
            guard let present else { throw StateFailure("\(subject) doesn't exist") }
            return [.service(present)]
        case "set": try setService(service, on: node, index: index)
        case "cas":
            guard (present?.modifyIndex ?? 0) == service.modifyIndex else {
                throw StateFailure("failed to set \(subject), index is stale")
            }
            try setService(service, on: node, index: index)
        case "delete":
            deleteService(service.id, on: node, index: index, now: now)
            return []
        case "delete-cas":
            guard let present, present.modifyIndex == service.modifyIndex else {
                throw StateFailure("failed to delete \(subject), index is stale")
            }
            deleteService(service.id, on: node, index: index, now: now)
            return []
        default: throw StateFailure("unknown Service verb \(quoted(verb))")
        }
        let stored = nodes[Self.identity(node)]?.services[Self.identity(service.id)]
        return stored.map { [.service($0)] } ?? []
    }

    private mutating func run(
        _ verb: String,
        check: CheckRecord,
        index: UInt64,
        now: Duration
    ) throws(StateFailure) -> [TransactionResult] {
        let subject = "check \(quoted(check.id)) on node \(quoted(check.node))"
        let present = nodes[Self.identity(check.node)]?.checks[Self.identity(check.id)]
        switch verb {
        case "get":
            guard let present else { throw StateFailure("\(subject) doesn't exist") }
            return [.check(present)]
        case "set": try setCheck(check, index: index, now: now)
        case "cas":
            guard (present?.modifyIndex ?? 0) == check.modifyIndex else {
                throw StateFailure("failed to set \(subject), index is stale")
            }
            try setCheck(check, index: index, now: now)
        case "delete":
            deleteCheck(check.id, on: check.node, index: index, now: now)
            return []
        case "delete-cas":
            guard let present, present.modifyIndex == check.modifyIndex else {
                throw StateFailure("failed to delete \(subject), index is stale")
            }
            deleteCheck(check.id, on: check.node, index: index, now: now)
            return []
        default: throw StateFailure("unknown Check verb \(quoted(verb))")
        }
        let stored = nodes[Self.identity(check.node)]?.checks[Self.identity(check.id)]
        return stored.map { [.check($0)] } ?? []
    }
}
