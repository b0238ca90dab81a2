import KubernetesClient
import KubernetesObjects
import ServiceCatalog

/// What is wrong with single objects: remembered, so that each problem is told once.
extension ClusterMirror {
    mutating func note<Object: AssembledObject>(_ changes: [ObjectChange<Object>]) -> [Effect] {
        changes.flatMap { change in
            switch change {
            case .set(let object): note(problems(of: object), of: ObjectKey(Object.resource, object.metadata))
            case .removed(let object): note([], of: ObjectKey(Object.resource, object.metadata))
            case .unreadable(let object): note([problem(object)], of: ObjectKey(Object.resource, object.metadata))
            }
        }
    }

    /// - Parameter objects: everything there is, in `namespace` or in all.
    mutating func note<Object: AssembledObject>(
        _ objects: [Object],
        _ unreadable: [MalformedObject],
        in namespace: String?
    ) -> [Effect] {
        var found: [ObjectKey: [Problem]] = [:]
        for object in objects where !object.unusable.isEmpty {
            found[ObjectKey(Object.resource, object.metadata)] = problems(of: object)
        }
        for object in unreadable {
            found[ObjectKey(Object.resource, object.metadata), default: []].append(problem(object))
        }
        let mended = problems.keys.filter { key in
            key.resource == Object.resource && key.namespace == namespace ?? key.namespace && found[key] == nil
        }
        for key in mended { problems[key] = nil }
        return found.flatMap { note($0.value, of: $0.key) }
    }

    private func problems(of object: some AssembledObject) -> [Problem] {
        object.unusable.isEmpty || !(object.service.map(namespaces.includes) ?? true) ? [] : object.unusable
    }

    private func problem(_ object: MalformedObject) -> Problem {
        Problem(.objectInvalid, "it cannot be read, and its last good state stays: \(object.reason)")
    }

    private mutating func note(_ found: [Problem], of key: ObjectKey) -> [Effect] {
        guard !found.isEmpty else {
            if !problems.isEmpty { problems[key] = nil }
            return []
        }
        let known = problems.updateValue(found, forKey: key) ?? []
        return found.filter { !known.contains($0) }.map { .note(.problem($0, key)) }
    }
}
