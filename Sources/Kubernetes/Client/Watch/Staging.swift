import KubernetesObjects

/// Objects on their way to a snapshot.
struct Staging<Object: KubernetesObject>: Sendable {
    private struct Key: Hashable {
        let namespace: String
        let name: String

        init(_ metadata: ObjectMetadata) {
            namespace = metadata.namespace
            name = metadata.name
        }
    }

    /// By name: a streamed list may mention an object again before its end.
    private var objects: [Key: Object] = [:]
    private(set) var unreadable: [MalformedObject] = []

    mutating func add(_ page: ObjectList<Object>) {
        objects.reserveCapacity(objects.count + page.items.count)
        for object in page.items { objects[Key(object.metadata)] = object }
        unreadable += page.malformed
    }

    mutating func apply(_ change: ObjectChange<Object>) {
        switch change {
        case .set(let object):
            let key = Key(object.metadata)
            objects[key] = object
            forgetUnreadable(key)
        case .removed(let object):
            let key = Key(object.metadata)
            objects[key] = nil
            forgetUnreadable(key)
        case .unreadable(let object):
            unreadable.append(object)
        }
    }

    private mutating func forgetUnreadable(_ key: Key) {
        unreadable.removeAll { $0.metadata.map(Key.init) == key }
    }

    var readable: [Object] { Array(objects.values) }

    var snapshot: CollectionUpdate<Object> { .snapshot(readable, unreadable: unreadable) }
}
