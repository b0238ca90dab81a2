/// Leases: a PUT must say which version it replaces.
struct LeaseStrategy: ResourceStrategy {
    let createsOnUpdate = true
    let allowsUnconditionalUpdate = false

    func validate(_ object: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        let spec = object["spec"] ?? [:]
        if let seconds = spec["leaseDurationSeconds"]?.int, seconds <= 0 {
            errors.append(.invalid("spec.leaseDurationSeconds", .int(seconds), "must be greater than 0"))
        }
        if let transitions = spec["leaseTransitions"]?.int, transitions < 0 {
            errors.append(.invalid("spec.leaseTransitions", .int(transitions), "must be greater than or equal to 0"))
        }
        return errors
    }

    let columns = [TableColumn.name, TableColumn(name: "Holder", description: "Who holds it."), .age]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        [.string(object.name), .string(object[["spec", "holderIdentity"]]?.string ?? ""), object.age(now: now)]
    }
}
