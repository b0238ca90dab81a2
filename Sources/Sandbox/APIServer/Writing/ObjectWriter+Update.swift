extension ObjectWriter {
    /// Replaces an object (PUT), or makes it where its kind allows that.
    func replace(_ input: JSON, name: String, in state: inout Store.State) throws(APIStatus) -> Result {
        guard let present = state.object(resource, key(name)) else {
            guard strategy.createsOnUpdate, subresource.isEmpty else { throw .notFound(resource, name) }
            return try create(input, requestedName: name, in: &state)
        }
        var object = stored(input)
        let metadata = object["metadata"] ?? [:]
        if let given = metadata["name"]?.string, given != name {
            throw .badRequest("the name of the object (\(given)) does not match the name on the URL (\(name))")
        }
        if resource.isNamespaced, let given = metadata["namespace"]?.string, given != namespace {
            throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
        }
        if let uid = metadata["uid"]?.string, uid != present.uid {
            let path = "/registry/\(resource.storagePrefix)/\(namespace.isEmpty ? "" : "\(namespace)/")\(name)"
            throw .conflict(
                resource,
                name,
                "StorageError: invalid object, Code: 4, Key: \(path), ResourceVersion: 0, AdditionalErrorMsg: "
                    + "Precondition failed: UID in precondition: \(uid), UID in object meta: \(present.uid)"
            )
        }
        if let version = metadata["resourceVersion"]?.string {
            guard version == "\(present.revision)" else { throw .modified(resource, name) }
        } else if !strategy.allowsUnconditionalUpdate {
            throw .invalid(
                kind: resource.name,
                group: resource.group,
                name: name,
                [.invalid("metadata.resourceVersion", 0, "must be specified for an update")]
            )
        }
        keepIdentity(&object, of: present)
        return try update(object, of: present, in: &state)
    }

    /// Carries over what a client cannot change; what is left out in a write to `/status` too.
    private func keepIdentity(_ object: inout JSON, of present: StoredObject) {
        let old = present.object
        for field in [
            "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
            "generation", "resourceVersion", "selfLink",
        ] {
            object["metadata"]?[field] = old[["metadata", field]]
        }
        switch subresource {
        case "status":
            var kept = old
            kept["metadata"] = object["metadata"]
            kept["status"] = object["status"]
            object = kept
        case "finalize":
            var kept = old
            kept["spec"] = object["spec"]
            object = kept
        default: if strategy.hasStatus { object["status"] = old["status"] }
        }
    }

    /// Goes on from an object that has its identity. `managedFields` are given by an apply.
    func update(
        _ input: JSON,
        of present: StoredObject,
        managedFields: ManagedFields? = nil,
        in state: inout Store.State
    ) throws(APIStatus) -> Result {
        let name = present.key.name
        var object = input
        strategy.setDefaults(&object)
        object = canonical(object)
        let fields = managedFields ?? updatedFields(object, of: present)
        object["metadata"]?["managedFields"] = fields.json
        let isMain = subresource.isEmpty
        if isMain { strategy.prepareForUpdate(&object, old: present.object) }
        var errors = ObjectMetaRules.validate(
            object["metadata"] ?? [:],
            isNamespaced: resource.isNamespaced,
            validateName: { _ in nil }
        )
        errors += ObjectMetaRules.validateUpdate(object["metadata"] ?? [:], old: present.object["metadata"] ?? [:])
        if isMain {
            errors += strategy.validateUpdate(object, old: present.object)
            try check(errors, name)
            errors += strategy.validate(object)
        }
        try check(errors, name)
        if isMain { try allocate(&object, old: present.object, in: state) }
        let warnings = isMain ? strategy.warnings(object) : []
        return try store(object, over: present, warnings: warnings, in: &state)
    }

    private func updatedFields(_ object: JSON, of present: StoredObject) -> ManagedFields {
        let given = ManagedFields(object)
        var fields = given.entries.isEmpty ? ManagedFields(present.object) : given
        let comparison = FieldComparison(
            resource.schema,
            old: versioned(present.object),
            new: versioned(object)
        )
        fields.update(comparison, by: managed(.update), now: now.text)
        return fields
    }

    private func store(
        _ input: JSON,
        over present: StoredObject,
        warnings: [String],
        in state: inout Store.State
    ) throws(APIStatus) -> Result {
        let object = storable(input)
        let isDeleting = object[["metadata", "deletionTimestamp"]] != nil
        let finalizers =
            (object[["metadata", "finalizers"]]?.array ?? [])
            + (resource.kind == "Namespace" ? object[["spec", "finalizers"]]?.array ?? [] : [])
        if isDeleting, finalizers.isEmpty {
            if !isDryRun { remove(present.key, in: &state) }
            return Result(object: object, warnings: warnings)
        }
        guard !isSame(object, present.object) else { return Result(object: present.object, warnings: warnings) }
        guard !isDryRun else { return Result(object: object, warnings: warnings) }
        return Result(object: put(object, in: &state), warnings: warnings)
    }

    /// Whether storing would change nothing but the time somebody managed a field.
    private func isSame(_ left: JSON, _ right: JSON) -> Bool {
        func withoutManagers(_ object: JSON) -> JSON {
            var object = object
            object["metadata"]?["managedFields"] = nil
            return object
        }
        return withoutManagers(left) == withoutManagers(right)
            && ManagedFields(left).entries.mapValues(\.fields) == ManagedFields(right).entries.mapValues(\.fields)
    }
}
