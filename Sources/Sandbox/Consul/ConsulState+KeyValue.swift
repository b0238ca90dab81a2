/// Keys, sessions and the locks between them. Called inside `apply`, with its index.
extension ConsulState {
    // MARK: Keys

    /// Stores a key and returns it as stored. A plain write keeps the session that holds it but forgets the count of
    /// its acquisitions; an identical one changes nothing.
    mutating func setKey(_ entry: KeyRecord, index: UInt64, keepingSession: Bool = true) -> KeyRecord {
        let present = keys[entry.key]
        var record = entry
        record.createIndex = present?.createIndex ?? index
        if keepingSession { record.session = present?.session ?? "" }
        record.modifyIndex = present?.modifyIndex ?? index
        if record == present { return record }
        record.modifyIndex = index
        setKey(entry.key, record)
        touch(\.keys, index)
        return record
    }

    /// `entry.modifyIndex` is the index to compare; 0 means that the key must not exist. `nil` when it did not fit.
    mutating func compareAndSetKey(_ entry: KeyRecord, index: UInt64) -> KeyRecord? {
        guard (keys[entry.key]?.modifyIndex ?? 0) == entry.modifyIndex else { return nil }
        return setKey(entry, index: index)
    }

    /// `nil` when another session holds the lock.
    mutating func lockKey(_ entry: KeyRecord, index: UInt64) throws(StateFailure) -> KeyRecord? {
        guard sessions[entry.session] != nil else {
            throw StateFailure(entry.session.isEmpty ? "missing session" : "invalid session \(quoted(entry.session))")
        }
        var record = entry
        if let present = keys[entry.key] {
            switch present.session {
            case entry.session: record.lockIndex = present.lockIndex
            case "": record.lockIndex = present.lockIndex + 1
            default: return nil
            }
        } else {
            record.lockIndex = 1
        }
        return setKey(record, index: index, keepingSession: false)
    }

    /// `nil` when the session does not hold the lock.
    mutating func unlockKey(_ entry: KeyRecord, index: UInt64) throws(StateFailure) -> KeyRecord? {
        guard !entry.session.isEmpty else { throw StateFailure("missing session") }
        guard let present = keys[entry.key], present.session == entry.session else { return nil }
        var record = entry
        record.session = ""
        record.lockIndex = present.lockIndex
        return setKey(record, index: index, keepingSession: false)
    }

    mutating func deleteKey(_ key: String, index: UInt64) {
        guard keys[key] != nil else { return }
        setKey(key, nil)
        touch(\.keys, index)
        bury(key, index)
    }

    mutating func compareAndDeleteKey(_ key: String, expected: UInt64, index: UInt64) -> Bool {
        guard let present = keys[key] else { return true }
        guard present.modifyIndex == expected else { return false }
        deleteKey(key, index: index)
        return true
    }

    mutating func deleteKeys(under prefix: String, index: UInt64) {
        let doomed = keys.keys.filter { $0.hasPrefix(prefix) }
        guard !doomed.isEmpty else { return }
        for key in doomed { setKey(key, nil) }
        touch(\.keys, index)
        if !prefix.isEmpty { bury(prefix, index) }
    }

    /// A tombstone keeps the index of a tree from falling when its newest key is deleted.
    private mutating func bury(_ key: String, _ index: UInt64) {
        setTombstone(key, index)
        touch(\.tombstones, index)
    }

    /// The keys under a prefix, in order.
    func keys(under prefix: String) -> [KeyRecord] {
        keys.values.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
    }

    // MARK: Sessions

    mutating func createSession(_ session: SessionRecord, index: UInt64) throws(StateFailure) {
        guard let entry = nodes[Self.identity(session.node)] else { throw .missingNode }
        for id in (session.nodeChecks ?? []) + (session.serviceChecks ?? []) {
            guard let check = entry.checks[Self.identity(id)] else {
                throw StateFailure("Missing check '\(id)' registration")
            }
            guard check.status != CheckRecord.critical else {
                throw StateFailure("Check '\(id)' is in \(check.status) state")
            }
        }
        var record = session
        (record.createIndex, record.modifyIndex) = (index, index)
        setSession(session.id, record)
        touch(\.sessions, index)
    }

    /// Ends a session: its keys are released or deleted, and a lock delay begins for each.
    mutating func deleteSession(_ id: String, index: UInt64, now: Duration) {
        guard let session = sessions[id] else { return }
        setSession(id, nil)
        touch(\.sessions, index)
        for held in keys.values.filter({ $0.session == id }) {
            switch session.behavior {
            case .release:
                var record = held
                record.session = ""
                _ = setKey(record, index: index, keepingSession: false)
            case .delete: deleteKey(held.key, index: index)
            }
            if session.lockDelay.nanoseconds > 0 {
                setLockDelay(held.key, until: now + session.lockDelay.duration)
            }
        }
    }

    /// Sessions end with the checks they depend on.
    mutating func invalidateSessions(ofCheck check: CheckRecord, index: UInt64, now: Duration) {
        guard !sessions.isEmpty else { return }
        let id = Self.identity(check.id)
        for session in sessions.values where Self.identity(session.node) == Self.identity(check.node) {
            let checks = (session.nodeChecks ?? []) + (session.serviceChecks ?? [])
            if checks.contains(where: { Self.identity($0) == id }) {
                deleteSession(session.id, index: index, now: now)
            }
        }
    }
}
