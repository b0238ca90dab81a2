/// A value of the wrong type, worded as Go words it.
struct TypeMismatch: Error {
    let message: String
}

extension Schema {
    /// Brings an object to canonical form and tells the paths of the members that are no fields, which it drops.
    ///
    /// An empty list that JSON shows stays `[]`; storing an object turns it into `null` (`dropsEmptyLists`).
    func canonical(
        _ value: JSON,
        dropsEmptyLists: Bool = false
    ) throws(TypeMismatch) -> (object: JSON, unknownFields: [String]) {
        var reader = CanonicalReader(dropsEmptyLists: dropsEmptyLists)
        let object = try reader.object(value, self)
        return (object, reader.unknownFields)
    }
}

private struct CanonicalReader {
    private enum Step {
        case name(String)
        case index(Int)
    }

    let dropsEmptyLists: Bool
    var unknownFields: [String] = []
    private var path: [Step] = []

    init(dropsEmptyLists: Bool) { self.dropsEmptyLists = dropsEmptyLists }

    mutating func object(_ value: JSON, _ schema: Schema) throws(TypeMismatch) -> JSON {
        var given: [JSON?] = Array(repeating: nil, count: schema.fields.count)
        var rest: [JSON.Member] = []
        switch value {
        case .null: break
        case .object(let members):
            for member in members.list {
                if let position = schema.position(of: member.name) {
                    given[position] = member.value
                } else if schema.isOpen {
                    rest.append(member)
                } else {
                    unknownFields.append(place(withIndexes: true, then: member.name))
                }
            }
        default: throw mismatch(value, "v1.\(schema.name)", schema)
        }
        var members: [JSON.Member] = []
        for (position, field) in schema.fields.enumerated() {
            path.append(.name(field.name))
            if let value = try member(given[position] ?? .null, field, of: schema) {
                members.append(JSON.Member(name: field.name, value: value))
            }
            path.removeLast()
        }
        return .object(JSON.Members(list: members + rest))
    }

    /// The canonical value of a field, or `nil` when it is not written.
    private mutating func member(
        _ value: JSON,
        _ field: Schema.Field,
        of schema: Schema
    ) throws(TypeMismatch) -> JSON? {
        if value.isNull {
            return field.presence == .pointer ? nil : try zero(field)
        }
        let read = try self.read(value, field.kind, of: schema)
        switch field.presence {
        case .pointer: return read
        case .always: return dropsEmptyLists && read == .array([]) ? .null : read
        case .value: return isOmitted(read, field.kind) ? nil : read
        }
    }

    private mutating func zero(_ field: Schema.Field) throws(TypeMismatch) -> JSON? {
        if case .object(let schema, _) = field.kind { return try object(.null, schema) }
        guard field.presence == .always else { return nil }
        switch field.kind {
        case .string: return .string("")
        case .bool: return .bool(false)
        case .int32, .int64, .intOrString: return .int(0)
        case .time, .microTime, .raw, .map, .list, .object: return .null
        }
    }

    private func isOmitted(_ value: JSON, _ kind: Schema.Kind) -> Bool {
        switch (kind, value) {
        case (.object, _), (.raw, _), (.intOrString, _): false
        case (_, .string(let text)): text.isEmpty
        case (_, .int(let number)): number == 0
        case (_, .bool(let value)): !value
        case (_, .array(let elements)): elements.isEmpty
        case (_, .object(let members)): members.isEmpty
        default: false
        }
    }

    private mutating func read(
        _ value: JSON,
        _ kind: Schema.Kind,
        of schema: Schema
    ) throws(TypeMismatch) -> JSON {
        switch (kind, value) {
        case (.raw, _), (.string, .string), (.bool, .bool), (.int64, .int), (.intOrString, .string): return value
        case (.int32, .int(let number)), (.intOrString, .int(let number)):
            guard Int32(exactly: number) == nil else { return value }
            throw mismatch("number \(number)", "int32", schema)
        case (.time, .string(let text)):
            try Timestamp.check(text, isMicro: false)
            return value
        case (.microTime, .string(let text)):
            try Timestamp.check(text, isMicro: true)
            return value
        case (.map, .object(let members)): return try map(members.list, of: schema)
        case (.object(let inner, _), _): return try object(value, inner)
        case (.list(let element, _), .array(let elements)):
            var read: [JSON] = []
            read.reserveCapacity(elements.count)
            for (index, item) in elements.enumerated() {
                path.append(.index(index))
                read.append(try self.read(item, element, of: schema))
                path.removeLast()
            }
            return .array(read)
        case (.string, .null): return .string("")
        default: throw mismatch(value, goType(kind), schema)
        }
    }

    private mutating func map(_ members: [JSON.Member], of schema: Schema) throws(TypeMismatch) -> JSON {
        var entries: [JSON.Member] = []
        for member in members {
            switch member.value {
            case .string: entries.append(member)
            case .null: entries.append(JSON.Member(name: member.name, value: .string("")))
            default: throw mismatch(member.value, "string", schema)
            }
        }
        return .object(JSON.Members(list: entries.sorted { $0.name < $1.name }))
    }

    private func place(withIndexes: Bool, then name: String? = nil) -> String {
        var text = ""
        for step in path {
            switch step {
            case .name(let name): text += text.isEmpty ? name : ".\(name)"
            case .index(let index): text += withIndexes ? "[\(index)]" : ""
            }
        }
        guard let name else { return text }
        return text.isEmpty ? name : "\(text).\(name)"
    }

    private func mismatch(_ value: JSON, _ type: String, _ schema: Schema) -> TypeMismatch {
        mismatch(value.kind, type, schema)
    }

    private func mismatch(_ value: String, _ type: String, _ schema: Schema) -> TypeMismatch {
        let place =
            path.isEmpty
            ? "Go value of type" : "Go struct field \(schema.name).\(place(withIndexes: false)) of type"
        return TypeMismatch(message: "json: cannot unmarshal \(value) into \(place) \(type)")
    }

    private func goType(_ kind: Schema.Kind) -> String {
        switch kind {
        case .string: "string"
        case .bool: "bool"
        case .int32: "int32"
        case .int64: "int64"
        case .time: "v1.Time"
        case .microTime: "v1.MicroTime"
        case .intOrString: "intstr.IntOrString"
        case .raw: "v1.FieldsV1"
        case .map: "map[string]string"
        case .object(let schema, _): "v1.\(schema.name)"
        case .list(let element, _): "[]\(goType(element))"
        }
    }
}
