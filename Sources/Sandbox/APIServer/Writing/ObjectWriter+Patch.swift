extension ObjectWriter {
    enum Patch {
        case json([JSON])
        case merge(JSON)
        case strategic(JSON)
    }

    /// Changes a present object. What comes out is read as strictly as `decoder` says.
    func patch(
        _ patch: Patch,
        name: String,
        decoder: inout BodyDecoder,
        in state: inout Store.State
    ) throws(APIStatus) -> Result {
        guard let present = state.object(resource, key(name)) else { throw .notFound(resource, name) }
        let old = versioned(present.object)
        let patched: JSON
        switch patch {
        case .json(let operations):
            guard let result = JSONPatch.apply(operations, to: old) else { throw Self.rejected }
            patched = result
        case .merge(let changes): patched = MergePatch.apply(changes, to: old)
        case .strategic(let changes): patched = StrategicMergePatch.apply(changes, to: old, resource.schema)
        }
        let input = try decoder.canonical(patched)
        var result = try replace(input, name: name, in: &state)
        result.isCreated = false
        return result
    }

    private static let rejected = APIStatus(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
        details: APIStatus.Details()
    )

    /// Server-side apply: makes the object or changes exactly what `configuration` names.
    func apply(
        _ configuration: JSON,
        name: String,
        isForced: Bool,
        decoder: inout BodyDecoder,
        in state: inout Store.State
    ) throws(APIStatus) -> Result {
        if configuration[["metadata", "managedFields"]] != nil {
            throw .badRequest("metadata.managedFields must be nil")
        }
        // Reading it tells wrong types and unknown fields; what was not given stays out of the merge.
        _ = try decoder.canonical(configuration)
        let schema = resource.schema
        let manager = managed(.apply)
        let wanted = ServerSideApply.fields(of: configuration, schema)
        let present = state.object(resource, key(name))
        let old = present.map { versioned($0.object) }
        if let version = configuration[["metadata", "resourceVersion"]]?.string {
            guard let present else { throw .notFound(resource, name) }
            guard version == "\(present.revision)" else { throw .modified(resource, name) }
        }
        var fields = ManagedFields(old ?? [:])
        var merged = ServerSideApply.merge(configuration, into: old ?? schema.empty, .object(schema))
        let lost = fields.exclusive(to: manager, besides: wanted)
        let held = wanted.union(
            fields.entries.filter { $0.key != manager }.values.reduce(FieldSet()) { $0.union($1.fields) }
        )
        merged = ServerSideApply.removing(lost, held: held, from: merged, .object(schema)) ?? [:]
        merged = try decoder.canonical(merged)
        let comparison = FieldComparison(schema, old: old ?? schema.empty, new: merged)
        let conflicts = fields.conflicts(comparison, with: manager)
        if !isForced, !conflicts.isEmpty { throw Self.conflict(conflicts) }
        fields.apply(wanted, comparison, by: manager, now: now.text)
        guard let present else {
            return try create(merged, requestedName: name, managedFields: fields, in: &state)
        }
        var object = stored(merged)
        object["metadata"]?["resourceVersion"] = present.object[["metadata", "resourceVersion"]]
        return try update(object, of: present, managedFields: fields, in: &state)
    }

    private static func conflict(_ conflicts: [ManagedFields.Conflict]) -> APIStatus {
        func text(_ conflict: ManagedFields.Conflict) -> String {
            let manager = conflict.manager
            var text = "\"\(manager.name)\""
            if !manager.subresource.isEmpty { text += " with subresource \"\(manager.subresource)\"" }
            if manager.operation == .update {
                text += " using \(manager.apiVersion)" + (conflict.time.isEmpty ? "" : " at \(conflict.time)")
            }
            return text
        }
        let message: String
        if conflicts.count == 1 {
            message = "Apply failed with 1 conflict: conflict with \(text(conflicts[0])): \(conflicts[0].path)"
        } else {
            var lines: [String] = []
            var managers: [String] = []
            for conflict in conflicts where !managers.contains(text(conflict)) { managers.append(text(conflict)) }
            for manager in managers.sorted() {
                lines.append("conflicts with \(manager):")
                lines += conflicts.filter { text($0) == manager }.map { "- \($0.path)" }
            }
            message = "Apply failed with \(conflicts.count) conflicts: \(lines.joined(separator: "\n"))"
        }
        return APIStatus(
            409,
            "Conflict",
            message,
            details: APIStatus.Details(
                causes: conflicts.map {
                    APIStatus.Cause(
                        reason: "FieldManagerConflict",
                        message: "conflict with \(text($0))",
                        field: $0.path
                    )
                }
            )
        )
    }
}
