extension ObjectWriter {
    struct Preconditions {
        var uid: String?
        var resourceVersion: String?
    }

    enum Deletion {
        /// Gone; the object at the version of its deletion.
        case deleted(JSON)
        /// Marked, and held by finalizers.
        case held(JSON)
    }

    func delete(
        _ name: String,
        _ preconditions: Preconditions = Preconditions(),
        in state: inout Store.State
    ) throws(APIStatus) -> Deletion {
        guard let present = state.object(resource, key(name)) else { throw .notFound(resource, name) }
        try check(preconditions, present)
        let object = present.object
        let isNamespace = resource.kind == "Namespace"
        let holdsBack =
            object[["metadata", "finalizers"]]?.array?.isEmpty == false
            || (isNamespace && object[["spec", "finalizers"]]?.array?.isEmpty == false)
        guard holdsBack else {
            return .deleted(isDryRun ? object : remove(present.key, in: &state) ?? object)
        }
        guard object[["metadata", "deletionTimestamp"]] == nil else { return .held(object) }
        var marked = object
        marked["metadata"]?["deletionTimestamp"] = .string(now.text)
        if isNamespace {
            marked["status"]?["phase"] = "Terminating"
        } else {
            marked["metadata"]?["deletionGracePeriodSeconds"] = 0
        }
        if let generation = object[["metadata", "generation"]]?.int {
            marked["metadata"]?["generation"] = .int(generation + 1)
        }
        guard !isDryRun else { return .held(storable(marked)) }
        let stored = put(storable(marked), in: &state)
        if isNamespace, finalizesNamespaces { finalize(name, in: &state) }
        return .held(stored)
    }

    private func check(_ preconditions: Preconditions, _ present: StoredObject) throws(APIStatus) {
        func conflict(_ problem: String) -> APIStatus {
            let group = resource.group
            let kind = group.isEmpty ? resource.kind : "\(resource.kind).\(group)"
            return APIStatus(
                409,
                "Conflict",
                "Operation cannot be fulfilled on \(kind) \"\(present.key.name)\": \(problem)",
                details: APIStatus.Details(name: present.key.name, group: group, kind: resource.kind)
            )
        }
        if let uid = preconditions.uid, uid != present.uid {
            throw conflict(
                "the UID in the precondition (\(uid)) does not match the UID in record (\(present.uid)). "
                    + "The object might have been deleted and then recreated"
            )
        }
        if let version = preconditions.resourceVersion, version != "\(present.revision)" {
            throw conflict(
                "the ResourceVersion in the precondition (\(version)) does not match the ResourceVersion in record "
                    + "(\(present.revision)). The object might have been modified"
            )
        }
    }

    /// Deletes for good, and what goes with the object: the Endpoints of a Service.
    @discardableResult
    func remove(_ key: ObjectKey, in state: inout Store.State) -> JSON? {
        guard let deleted = state.delete(resource, key) else { return nil }
        if resource.storagePrefix == Resources.services.storagePrefix {
            state.serviceAddresses.update(from: deleted.object, to: nil)
            _ = state.delete(Resources.endpoints, key)
        }
        return deleted.object
    }

    /// What the namespace controller does: everything in the namespace goes, then the namespace.
    private func finalize(_ name: String, in state: inout Store.State) {
        for resource in Resources.all where resource.isNamespaced && resource.strategy.conversion == nil {
            let writer = ObjectWriter(resource: resource, namespace: name, manager: manager, now: now)
            for object in state.list(resource, namespace: name) { writer.remove(object.key, in: &state) }
        }
        remove(key(name), in: &state)
    }
}
