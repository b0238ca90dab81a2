/// Namespaces: deletion waits for the finalizer in `spec`, which a controller removes.
struct NamespaceStrategy: ResourceStrategy {
    let deletionReturnsObject = true
    let hasStatus = true
    let selectableFields = ["status.phase": ["status", "phase"], "name": ["metadata", "name"]]

    func setDefaults(_ object: inout JSON) {
        let name = object.name
        guard !name.isEmpty else { return }
        var labels = object[["metadata", "labels"]] ?? [:]
        labels["kubernetes.io/metadata.name"] = .string(name)
        object["metadata"]?["labels"] = labels
    }

    func prepareForCreate(_ object: inout JSON) {
        object["spec"] = ["finalizers": ["kubernetes"]]
        object["status"] = ["phase": "Active"]
    }

    func prepareForUpdate(_ object: inout JSON, old: JSON) {
        object["spec"] = old["spec"]
        object["status"] = old["status"]
    }

    func validateName(_ name: String) -> String? { NameRules.label(name) }

    let columns = [TableColumn.name, TableColumn(name: "Status", description: "Active or Terminating."), .age]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        [.string(object.name), .string(object[["status", "phase"]]?.string ?? ""), object.age(now: now)]
    }
}
