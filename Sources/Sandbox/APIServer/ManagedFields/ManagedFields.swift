/// Who manages which fields of an object (`metadata.managedFields`).
struct ManagedFields {
    struct Manager: Hashable, Sendable {
        enum Operation: String, Hashable, Sendable {
            case apply = "Apply"
            case update = "Update"
        }

        let name: String
        let operation: Operation
        let apiVersion: String
        let subresource: String
    }

    struct Entry: Equatable {
        var fields: FieldSet
        var time: String
    }

    private(set) var entries: [Manager: Entry] = [:]

    init(_ object: JSON) {
        for entry in object[["metadata", "managedFields"]]?.array ?? [] {
            guard let operation = Manager.Operation(rawValue: entry["operation"]?.string ?? "") else { continue }
            let manager = Manager(
                name: entry["manager"]?.string ?? "",
                operation: operation,
                apiVersion: entry["apiVersion"]?.string ?? "",
                subresource: entry["subresource"]?.string ?? ""
            )
            entries[manager] = Entry(
                fields: FieldSet(json: entry["fieldsV1"] ?? [:]),
                time: entry["time"]?.string ?? ""
            )
        }
    }

    /// As `managedFields` lists them: appliers first, then by time and name.
    var json: JSON {
        let sorted = entries.sorted { left, right in
            func order(_ entry: (key: Manager, value: Entry)) -> [String] {
                [
                    entry.key.operation.rawValue, entry.value.time, entry.key.name, entry.key.apiVersion,
                    entry.key.subresource,
                ]
            }
            return order(left).lexicographicallyPrecedes(order(right))
        }
        return .array(
            sorted.map { manager, entry in
                [
                    "manager": .string(manager.name), "operation": .string(manager.operation.rawValue),
                    "apiVersion": .string(manager.apiVersion), "time": .string(entry.time),
                    "fieldsType": "FieldsV1", "fieldsV1": entry.fields.json,
                    "subresource": .string(manager.subresource),
                ]
            }
        )
    }

    /// After a write that is no apply: the writer takes what it changed, the others lose it.
    mutating func update(_ comparison: FieldComparison, by manager: Manager, now: String) {
        let taken = comparison.added.union(comparison.modified)
        for (other, entry) in entries {
            let rest = entry.fields.subtracting(taken).subtracting(comparison.removed)
            entries[other] = rest.isEmpty ? nil : Entry(fields: rest, time: entry.time)
        }
        guard !taken.isEmpty else { return }
        let previous = entries[manager]?.fields ?? FieldSet()
        // What the writer held already and changed now was taken from it above and comes back here.
        entries[manager] = Entry(fields: previous.union(taken), time: now)
    }

    /// A field an apply would change that another manager holds.
    struct Conflict {
        let manager: Manager
        let time: String
        let path: String
    }

    func conflicts(_ comparison: FieldComparison, with manager: Manager) -> [Conflict] {
        let taken = comparison.added.union(comparison.modified)
        return entries.filter { $0.key != manager }
            .sorted { $0.key.name < $1.key.name }
            .flatMap { other, entry in
                entry.fields.intersection(taken).paths.map {
                    Conflict(manager: other, time: entry.time, path: $0)
                }
            }
    }

    /// After an apply: the applier holds exactly `fields`; the others lose what it changed.
    mutating func apply(_ fields: FieldSet, _ comparison: FieldComparison, by manager: Manager, now: String) {
        let before = entries[manager]
        update(comparison, by: manager, now: now)
        entries[manager] = Entry(fields: fields, time: before?.fields == fields ? before?.time ?? now : now)
        let isChanged = !comparison.added.isEmpty || !comparison.modified.isEmpty || !comparison.removed.isEmpty
        if isChanged { entries[manager]?.time = now }
    }

    /// What `manager` held and no other manager holds.
    func exclusive(to manager: Manager, besides kept: FieldSet) -> FieldSet {
        var lost = (entries[manager]?.fields ?? FieldSet()).subtracting(kept)
        for (other, entry) in entries where other != manager { lost = lost.subtracting(entry.fields) }
        return lost
    }

    func fields(of manager: Manager) -> FieldSet { entries[manager]?.fields ?? FieldSet() }
}
