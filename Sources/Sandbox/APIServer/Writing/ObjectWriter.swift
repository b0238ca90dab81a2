/// One write of one object, decided on the store's state while nothing else is written.
///
/// Objects are in canonical form of the stored version; the answer is converted back by who encodes it.
struct ObjectWriter {
    let resource: Resource
    let namespace: String
    /// Who writes, for `managedFields`.
    let manager: String
    var subresource = ""
    var isDryRun = false
    let now: Timestamp
    /// Removes namespaces being deleted at once, as the namespace controller would in time.
    var finalizesNamespaces = false

    struct Result {
        var object: JSON
        /// Made by this write: 201.
        var isCreated = false
        var warnings: [String] = []
    }

    var strategy: any ResourceStrategy { resource.strategy }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

    func managed(_ operation: ManagedFields.Manager.Operation) -> ManagedFields.Manager {
        ManagedFields.Manager(
            name: manager,
            operation: operation,
            apiVersion: resource.apiVersion,
            subresource: subresource
        )
    }

    /// The object as this resource's version has it, for comparing who manages what.
    func versioned(_ object: JSON) -> JSON {
        guard let conversion = strategy.conversion else { return object }
        let converted = conversion.fromStorage(object)
        return (try? resource.schema.canonical(converted).object) ?? converted
    }

    /// An object of this resource's version as the stored version has it.
    func stored(_ object: JSON) -> JSON {
        guard let conversion = strategy.conversion else { return object }
        let converted = conversion.toStorage(object)
        return (try? conversion.storageSchema.canonical(converted).object) ?? converted
    }

    func canonical(_ object: JSON) -> JSON {
        (try? resource.storageSchema.canonical(object).object) ?? object
    }

    /// As objects are kept.
    func storable(_ object: JSON) -> JSON {
        (try? resource.storageSchema.canonical(object, dropsEmptyLists: true).object) ?? object
    }

    func check(_ errors: [FieldError], _ name: String) throws(APIStatus) {
        guard !errors.isEmpty else { return }
        throw resource.invalid(name, errors)
    }

    // MARK: - Create

    /// Makes an object. `requestedName` is the path's, when there is one.
    func create(
        _ input: JSON,
        requestedName: String? = nil,
        managedFields: ManagedFields? = nil,
        in state: inout Store.State
    ) throws(APIStatus) -> Result {
        var object = stored(input)
        try setIdentity(&object, requestedName: requestedName)
        try checkNamespace(object.name, in: state)
        if object[["metadata", "resourceVersion"]] != nil {
            throw APIStatus(500, "", "resourceVersion should not be set on objects to be created")
        }
        if strategy.hasStatus { object["status"] = nil }
        object["metadata"]?["managedFields"] = nil
        strategy.setDefaults(&object)
        object = canonical(object)
        var fields = managedFields ?? ManagedFields([:])
        if managedFields == nil {
            let comparison = FieldComparison(
                resource.schema,
                old: resource.schema.empty,
                new: versioned(object)
            )
            fields.update(comparison, by: managed(.update), now: now.text)
        }
        object["metadata"]?["managedFields"] = fields.json
        object["metadata"]?["uid"] = .string(uniqueIdentifier())
        object["metadata"]?["creationTimestamp"] = .string(now.text)
        strategy.prepareForCreate(&object)
        var errors = ObjectMetaRules.validate(
            object["metadata"] ?? [:],
            isNamespaced: resource.isNamespaced,
            validateName: strategy.validateName
        )
        errors += strategy.validate(object)
        try check(errors, object.name)
        try allocate(&object, old: nil, in: state)
        if let present = state.object(resource, key(object.name)) {
            throw alreadyExists(present)
        }
        let warnings = strategy.warnings(object)
        object = storable(object)
        guard !isDryRun else { return Result(object: object, isCreated: true, warnings: warnings) }
        return Result(object: put(object, in: &state), isCreated: true, warnings: warnings)
    }

    private func alreadyExists(_ present: StoredObject) -> APIStatus {
        var status = APIStatus.alreadyExists(resource, present.key.name)
        if present.object[["metadata", "deletionTimestamp"]] != nil {
            status.message = "object is being deleted: \(status.message)"
        }
        return status
    }

    private func setIdentity(_ object: inout JSON, requestedName: String?) throws(APIStatus) {
        var metadata = object["metadata"] ?? [:]
        if resource.isNamespaced {
            if let given = metadata["namespace"]?.string, given != namespace {
                throw .badRequest(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            }
            metadata["namespace"] = .string(namespace)
        }
        if let requestedName {
            if let given = metadata["name"]?.string, given != requestedName {
                throw .badRequest(
                    "the name of the object (\(given)) does not match the name on the URL (\(requestedName))"
                )
            }
            metadata["name"] = .string(requestedName)
        } else if metadata["name"] == nil, let prefix = metadata["generateName"]?.string {
            metadata["name"] = .string(prefix + String((0..<5).compactMap { _ in Self.suffixLetters.randomElement() }))
        }
        object["metadata"] = metadata
    }

    /// No vowels, nothing that looks like another.
    private static let suffixLetters = Array("bcdfghjklmnpqrstvwxz2456789")

    private func checkNamespace(_ name: String, in state: Store.State) throws(APIStatus) {
        guard resource.isNamespaced else { return }
        guard let found = state.object(Resources.namespaces, ObjectKey(namespace: "", name: namespace)) else {
            throw .notFound(Resources.namespaces, namespace)
        }
        guard found.object[["metadata", "deletionTimestamp"]] != nil else { return }
        var details = resource.details(name)
        details.causes = [
            APIStatus.Cause(
                reason: "NamespaceTerminating",
                message: "namespace \(namespace) is being terminated",
                field: "metadata.namespace"
            )
        ]
        throw APIStatus(
            403,
            "Forbidden",
            "\(resource.qualifiedName) \"\(name)\" is forbidden: unable to create new content in namespace "
                + "\(namespace) because it is being terminated",
            details: details
        )
    }

    func allocate(_ object: inout JSON, old: JSON?, in state: Store.State) throws(APIStatus) {
        guard resource.storagePrefix == Resources.services.storagePrefix else { return }
        try check(state.serviceAddresses.allocate(&object, old: old), object.name)
    }

    /// Stores what is `storable` and answers what was stored.
    func put(_ object: JSON, in state: inout Store.State) -> JSON {
        let key = key(object.name)
        let old = state.object(resource, key)
        let stored = state.put(object, resource, key)
        if resource.storagePrefix == Resources.services.storagePrefix {
            state.serviceAddresses.update(from: old?.object, to: stored.object)
        }
        return stored.object
    }
}

/// A random UUID (RFC 9562, version 4).
func uniqueIdentifier() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = Array("0123456789abcdef")
    var text = ""
    for (index, byte) in bytes.enumerated() {
        if [4, 6, 8, 10].contains(index) { text.append("-") }
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 0xF)])
    }
    return text
}
