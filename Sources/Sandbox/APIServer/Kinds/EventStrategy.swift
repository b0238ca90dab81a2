/// Events, kept as v1 and served in both groups; validated as strictly as the group they come through.
struct EventStrategy: ResourceStrategy {
    static let maximumNote = 1024
    static let maximumName = 128

    var isOfEventsGroup = false
    let createsOnUpdate = true
    let groupInErrors: String? = ""

    var selectableFields: [String: [String]] {
        let object = isOfEventsGroup ? "regarding" : "involvedObject"
        var fields = ["reason": ["reason"], "type": ["type"]]
        for name in ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"] {
            fields["\(object).\(name)"] = ["involvedObject", name]
        }
        fields[isOfEventsGroup ? "reportingController" : "reportingComponent"] = ["reportingComponent"]
        if !isOfEventsGroup { fields["source"] = ["source", "component"] }
        return fields
    }

    var conversion: VersionConversion? {
        guard isOfEventsGroup else { return nil }
        return VersionConversion(
            storageSchema: Schemas.event,
            names: [
                "regarding": "involvedObject", "note": "message", "reportingController": "reportingComponent",
                "deprecatedSource": "source", "deprecatedFirstTimestamp": "firstTimestamp",
                "deprecatedLastTimestamp": "lastTimestamp", "deprecatedCount": "count",
            ]
        )
    }

    /// Sees the stored form.
    func validate(_ object: JSON) -> [FieldError] {
        let hasTime = object["eventTime"]?.string != nil
        let namespace = object[["metadata", "namespace"]]?.string ?? ""
        let regarding = object[["involvedObject", "namespace"]]?.string ?? ""
        var errors: [FieldError] = []
        if regarding.isEmpty ? !["", "default", "kube-system"].contains(namespace) : regarding != namespace {
            errors.append(
                .invalid("involvedObject.namespace", .string(regarding), "does not match event.namespace")
            )
        }
        if hasTime { errors += timedErrors(object) }
        guard isOfEventsGroup else { return errors }
        if !hasTime { errors.append(.required("eventTime")) }
        let type = object["type"]?.string ?? ""
        if !["Normal", "Warning"].contains(type), hasTime {
            errors.append(.invalid("type", "", "has invalid value: \(type)"))
        }
        for field in ["firstTimestamp", "lastTimestamp", "count"] where !(object[field] ?? .null).isNull {
            errors.append(.invalid(field, "", "needs to be unset"))
        }
        return errors
    }

    private func timedErrors(_ object: JSON) -> [FieldError] {
        let controller = isOfEventsGroup ? "reportingController" : "reportingComponent"
        var errors: [FieldError] = []
        for (field, stored) in [
            (controller, "reportingComponent"), ("reportingInstance", "reportingInstance"), ("action", "action"),
            ("reason", "reason"),
        ] {
            let text = object[stored]?.string ?? ""
            if text.isEmpty {
                errors.append(.required(field))
            } else if stored == "reportingComponent", let problem = NameRules.qualifiedName(text) {
                errors.append(.invalid(field, .string(text), problem))
            } else if text.utf8.count > Self.maximumName {
                errors.append(.invalid(field, "", "can have at most \(Self.maximumName) characters"))
            }
        }
        if (object["message"]?.string ?? "").utf8.count > Self.maximumNote {
            errors.append(.invalid("message", "", "can have at most \(Self.maximumNote) characters"))
        }
        return errors
    }

    /// Through v1 even the name goes unchecked.
    func validateName(_ name: String) -> String? { isOfEventsGroup ? NameRules.subdomain(name) : nil }

    let columns = [
        TableColumn(name: "Last Seen", description: "Time since it was last seen."),
        TableColumn(name: "Type", description: "Normal or Warning."),
        TableColumn(name: "Reason", description: "Why, in one word."),
        TableColumn(name: "Object", description: "What it is about."),
        TableColumn(name: "Message", description: "What happened."),
        TableColumn(name: "Count", description: "How often.", priority: 1),
        TableColumn(name: "Name", format: "name", description: "The object's name.", priority: 1),
    ]

    /// Sees the stored form.
    func cells(_ object: JSON, now: Timestamp) -> [JSON] {
        let seen =
            object[["series", "lastObservedTime"]]?.string ?? object["lastTimestamp"]?.string
            ?? object["eventTime"]?.string
        let age = seen.flatMap(Timestamp.init).map { humanDuration(now.seconds - $0.seconds) } ?? "<unknown>"
        let regarding = object["involvedObject"] ?? [:]
        let kind = (regarding["kind"]?.string ?? "").lowercased()
        return [
            .string(age), .string(object["type"]?.string ?? ""), .string(object["reason"]?.string ?? ""),
            .string("\(kind)/\(regarding["name"]?.string ?? "")"), .string(object["message"]?.string ?? ""),
            .int(object[["series", "count"]]?.int ?? object["count"]?.int ?? 1), .string(object.name),
        ]
    }
}
