/// One change of one object, as watches tell it.
struct Change: Sendable {
    let revision: Int64
    /// The object before; `nil` when it was made.
    let previous: StoredObject?
    /// The object after; `nil` when it was deleted.
    let current: StoredObject?
    /// For a deletion: the object as it was, at the deletion's version.
    let deleted: StoredObject?

    var key: ObjectKey { (current ?? previous ?? deleted)?.key ?? ObjectKey(namespace: "", name: "") }
}

/// The objects of one storage prefix and their latest changes.
struct Collection: Sendable {
    private(set) var objects: [ObjectKey: StoredObject] = [:]
    /// The keys of `objects`, sorted.
    private(set) var keys: [ObjectKey] = []
    /// The changes since `floor`, oldest first.
    private(set) var changes: [Change] = []
    /// The version up to which changes are forgotten: nothing older can be listed or watched from.
    private(set) var floor: Int64 = 0
    var watchers: [Int: Watcher] = [:]

    subscript(key: ObjectKey) -> StoredObject? { objects[key] }

    /// Takes a change in, keeping at most `window` changes.
    mutating func commit(_ change: Change, window: Int) {
        let key = change.key
        if let current = change.current {
            if objects.updateValue(current, forKey: key) == nil { keys.insert(key, at: position(of: key)) }
        } else if objects.removeValue(forKey: key) != nil {
            keys.remove(at: position(of: key))
        }
        changes.append(change)
        // Forgetting half at a time keeps the cost of a commit constant.
        if changes.count > 2 * window {
            let forgotten = changes.count - window
            forget(through: changes[forgotten - 1].revision)
        }
        for watcher in watchers.values { watcher.send(.change(change)) }
    }

    mutating func forget(through revision: Int64) {
        floor = max(floor, revision)
        changes.removeFirst(changes.firstIndex { $0.revision > floor } ?? changes.count)
    }

    /// The objects of a namespace (`nil` for all), sorted, as they were at `revision` (`nil` for now).
    func list(namespace: String?, at revision: Int64?) -> [StoredObject] {
        let present = range(of: namespace).compactMap { objects[keys[$0]] }
        guard let revision, let first = changes.firstIndex(where: { $0.revision > revision }) else { return present }
        var past = Dictionary(uniqueKeysWithValues: present.map { ($0.key, $0) })
        for change in changes[first...].reversed() where namespace.map({ $0 == change.key.namespace }) ?? true {
            past[change.key] = change.previous
        }
        return past.sorted { $0.key < $1.key }.map(\.value)
    }

    func changes(after revision: Int64) -> ArraySlice<Change> {
        guard let first = changes.firstIndex(where: { $0.revision > revision }) else { return [] }
        return changes[first...]
    }

    private func range(of namespace: String?) -> Range<Int> {
        guard let namespace else { return keys.indices }
        let start = position(of: ObjectKey(namespace: namespace, name: ""))
        return start..<(keys[start...].firstIndex { $0.namespace != namespace } ?? keys.endIndex)
    }

    private func position(of key: ObjectKey) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
