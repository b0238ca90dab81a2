/// JSON Merge Patch (RFC 7386).
enum MergePatch {
    static func apply(_ patch: JSON, to value: JSON?) -> JSON {
        guard let changes = patch.members else { return patch }
        var members = JSON.Members()
        if case .object(let present) = value ?? [:] { members = present }
        for change in changes {
            members[change.name] = change.value.isNull ? nil : apply(change.value, to: members[change.name])
        }
        return .object(members)
    }
}
