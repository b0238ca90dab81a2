/// ConfigMaps, for locks and settings kept in them.
struct ConfigMapStrategy: ResourceStrategy {
    let createsOnUpdate = true

    let columns = [TableColumn.name, TableColumn(name: "Data", description: "Number of entries."), .age]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        [.string(object.name), .int(Int64(object["data"]?.members?.count ?? 0)), object.age(now: now)]
    }
}

/// Pods as far as an endpoint's `targetRef` needs them: nothing schedules, runs or checks them.
struct PodStrategy: ResourceStrategy {
    let deletionReturnsObject = true
    let hasStatus = true
    let selectableFields = [
        "spec.nodeName": ["spec", "nodeName"], "status.phase": ["status", "phase"],
        "status.podIP": ["status", "podIP"],
    ]

    func prepareForCreate(_ object: inout JSON) {
        if object[["status", "phase"]] == nil { object["status"]?["phase"] = "Pending" }
    }

    func prepareForUpdate(_ object: inout JSON, old: JSON) { object["status"] = old["status"] }

    let columns = [
        TableColumn.name,
        TableColumn(name: "Status", description: "The phase."),
        .age,
        TableColumn(name: "IP", description: "The Pod's address.", priority: 1),
        TableColumn(name: "Node", description: "Where it runs.", priority: 1),
    ]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        [
            .string(object.name), .string(object[["status", "phase"]]?.string ?? ""), object.age(now: now),
            .string(object[["status", "podIP"]]?.string ?? "<none>"),
            .string(object[["spec", "nodeName"]]?.string ?? "<none>"),
        ]
    }
}

/// Nodes as far as topology needs them.
struct NodeStrategy: ResourceStrategy {
    let deletionReturnsObject = false
    let hasStatus = true

    func prepareForUpdate(_ object: inout JSON, old: JSON) { object["status"] = old["status"] }

    let columns = [TableColumn.name, TableColumn(name: "Status", description: "Ready or not."), .age]

    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        let ready = (object[["status", "conditions"]]?.array ?? []).first { $0["type"] == "Ready" }
        let status = ready.map { $0["status"] == "True" ? "Ready" : "NotReady" } ?? "Unknown"
        return [.string(object.name), .string(status), object.age(now: now)]
    }
}
