/// What a kind does differently from the others.
///
/// Objects are in canonical form unless a comment says otherwise. Methods are called in this order: defaults,
/// preparation, allocation (Services, in the store), validation.
protocol ResourceStrategy: Sendable {
    /// PUT of an absent object makes it.
    var createsOnUpdate: Bool { get }
    /// PUT without resourceVersion overwrites.
    var allowsUnconditionalUpdate: Bool { get }
    /// DELETE answers with the object rather than a Status.
    var deletionReturnsObject: Bool { get }
    /// Members a write through the main path does not touch, and a write through `/status` does.
    var hasStatus: Bool { get }
    /// The group told in 422 where it is not the resource's own.
    var groupInErrors: String? { get }
    /// Names beyond `metadata.name` and `metadata.namespace` that a field selector may use, and where they are.
    var selectableFields: [String: [String]] { get }
    /// For a version that is not the stored one.
    var conversion: VersionConversion? { get }
    var columns: [TableColumn] { get }

    func setDefaults(_ object: inout JSON)
    func prepareForCreate(_ object: inout JSON)
    func prepareForUpdate(_ object: inout JSON, old: JSON)
    func validateName(_ name: String) -> String?
    func validate(_ object: JSON) -> [FieldError]
    func validateUpdate(_ object: JSON, old: JSON) -> [FieldError]
    func warnings(_ object: JSON) -> [String]
    /// The Warning every request for the resource is answered with.
    var deprecation: String? { get }
    /// The cells of `columns`.
    func cells(_ object: JSON, now: Timestamp) -> [JSON]
}

extension ResourceStrategy {
    var createsOnUpdate: Bool { false }
    var allowsUnconditionalUpdate: Bool { true }
    var deletionReturnsObject: Bool { false }
    var hasStatus: Bool { false }
    var groupInErrors: String? { nil }
    var selectableFields: [String: [String]] { [:] }
    var conversion: VersionConversion? { nil }
    var deprecation: String? { nil }

    func setDefaults(_ object: inout JSON) {}
    func prepareForCreate(_ object: inout JSON) {}
    func prepareForUpdate(_ object: inout JSON, old: JSON) {}
    func validateName(_ name: String) -> String? { NameRules.subdomain(name) }
    func validate(_ object: JSON) -> [FieldError] { [] }
    func validateUpdate(_ object: JSON, old: JSON) -> [FieldError] { [] }
    func warnings(_ object: JSON) -> [String] { [] }
}

/// Renames members between a version and the stored one.
struct VersionConversion: Sendable {
    let storageSchema: Schema
    /// Name in this version → name in storage.
    let names: [String: String]

    func toStorage(_ object: JSON) -> JSON { renamed(object, names) }

    func fromStorage(_ object: JSON) -> JSON {
        renamed(object, Dictionary(uniqueKeysWithValues: names.map { ($1, $0) }))
    }

    private func renamed(_ object: JSON, _ names: [String: String]) -> JSON {
        guard let members = object.members else { return object }
        return .object(
            JSON.Members(list: members.map { JSON.Member(name: names[$0.name] ?? $0.name, value: $0.value) })
        )
    }
}
