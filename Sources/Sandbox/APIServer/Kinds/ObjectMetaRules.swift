/// What holds for the metadata of every kind.
enum ObjectMetaRules {
    static let maximumAnnotations = 262_144

    static func validate(
        _ meta: JSON,
        isNamespaced: Bool,
        validateName: (String) -> String?
    ) -> [FieldError] {
        var errors: [FieldError] = []
        let name = meta["name"]?.string ?? ""
        if let prefix = meta["generateName"]?.string, let problem = generateNameProblem(prefix, validateName) {
            errors.append(.invalid("metadata.generateName", .string(prefix), problem))
        }
        if name.isEmpty {
            errors.append(.required("metadata.name", "name or generateName is required"))
        } else if let problem = validateName(name) {
            errors.append(.invalid("metadata.name", .string(name), problem))
        }
        if isNamespaced {
            if let namespace = meta["namespace"]?.string, let problem = NameRules.label(namespace) {
                errors.append(.invalid("metadata.namespace", .string(namespace), problem))
            }
        } else if meta["namespace"] != nil {
            errors.append(.forbidden("metadata.namespace", "not allowed on this type"))
        }
        for (key, value) in (meta["labels"] ?? [:]).strings.sorted(by: { $0.key < $1.key }) {
            if let problem = NameRules.qualifiedName(key) {
                errors.append(.invalid("metadata.labels", .string(key), problem))
            }
            if let problem = NameRules.labelValue(value) {
                errors.append(.invalid("metadata.labels", .string(value), problem))
            }
        }
        var size = 0
        for (key, value) in (meta["annotations"] ?? [:]).strings.sorted(by: { $0.key < $1.key }) {
            if let problem = NameRules.qualifiedName(key.lowercased()) {
                errors.append(.invalid("metadata.annotations", .string(key), problem))
            }
            size += key.utf8.count + value.utf8.count
        }
        if size > maximumAnnotations { errors.append(.tooLong("metadata.annotations", maximum: maximumAnnotations)) }
        for finalizer in meta["finalizers"]?.array ?? [] {
            if let problem = NameRules.qualifiedName(finalizer.string ?? "") {
                errors.append(.invalid("metadata.finalizers", finalizer, problem))
            }
        }
        return errors
    }

    static func validateUpdate(_ meta: JSON, old: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"]
        where meta[field] != old[field] {
            errors.append(.invalid("metadata.\(field)", meta[field] ?? "", "field is immutable"))
        }
        return errors
    }

    /// A prefix may end in `-`, since something follows; in `.` it may not.
    private static func generateNameProblem(_ prefix: String, _ validateName: (String) -> String?) -> String? {
        guard prefix.last == "-" else { return validateName(prefix) }
        return validateName(prefix.dropLast() + "a")
    }
}
