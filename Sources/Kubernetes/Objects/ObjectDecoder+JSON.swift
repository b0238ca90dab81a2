extension ObjectDecoder {
    static func decodeList(
        json bytes: UnsafeBufferPointer<UInt8>,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) -> ObjectList<Object> {
        var list = ObjectList<Object>(items: [], resourceVersion: "")
        var json = JSONCursor(bytes)
        let isObject = try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "kind": try json.expect(kind: "\(Object.resource.kind)List")
            case "metadata":
                let metadata = try ListMetadata(json: &json)
                list.resourceVersion = metadata.resourceVersion
                list.continueToken = metadata.continueToken
            case "items":
                list.items = []
                list.malformed = []
                try json.readArray { (json) throws(ObjectDecodingError) in
                    try readItem(&json, &context, into: &list)
                }
            default: try json.skip()
            }
        }
        guard isObject else { throw ObjectDecodingError(.wrongType(expected: .object), at: 0) }
        try json.expectEnd()
        try expectVersion(list)
        return list
    }

    private static func readItem(
        _ json: inout JSONCursor,
        _ context: inout DecodingContext,
        into list: inout ObjectList<Object>
    ) throws(ObjectDecodingError) {
        let start = json
        do throws(ObjectDecodingError) {
            list.items.append(try Object(json: &json, context: &context))
        } catch {
            // The item's extent is found by its brackets. Where they are broken too, so is the list.
            json = start
            try json.skip()
            list.malformed.append(MalformedObject(start.peekIdentity(), error))
        }
        context.discardDiagnostics()
    }

    static func decodeEvent(
        json bytes: UnsafeBufferPointer<UInt8>,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) -> WatchEvent<Object> {
        var type: JSONText?
        var object: JSONCursor?
        var json = JSONCursor(bytes)
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "type": type = try json.readText()
            case "object":
                object = json
                try json.skip()
            default: try json.skip()
            }
        }
        try json.expectEnd()
        guard let type else { throw ObjectDecodingError(.missingField("type"), at: 0) }
        guard let object else { throw ObjectDecodingError(.missingField("object"), at: 0) }
        let name = type.string
        let known = WatchEventType(rawValue: name)
        do throws(ObjectDecodingError) {
            guard let known else { throw ObjectDecodingError(.unknownEventType(name.shortened), at: type.offset) }
            return try event(known, json: object, &context)
        } catch {
            return WatchEvent(known, unreadable: object.peekIdentity(), error)
        }
    }

    private static func event(
        _ type: WatchEventType,
        json: JSONCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) -> WatchEvent<Object> {
        var json = json
        func object() throws(ObjectDecodingError) -> Object { try Object(json: &json, context: &context) }
        return switch type {
        case .added: .added(try object())
        case .modified: .modified(try object())
        case .deleted: .deleted(try object())
        case .bookmark: try WatchEvent(bookmark: try MetadataFields(ofObject: &json))
        case .error: .error(try KubernetesStatus(json: &json))
        }
    }
}

extension JSONCursor {
    /// Reads the value of `kind`, which must be the one asked for.
    mutating func expect(kind expected: String) throws(ObjectDecodingError) {
        guard let found = try readText(), found.string != expected else { return }
        throw ObjectDecodingError(
            .unexpectedKind(found: found.string.shortened, expected: expected),
            at: found.offset
        )
    }

    /// The identity of an object that cannot be read, as far as there is one.
    func peekIdentity() -> ObjectMetadata? {
        var metadata = ObjectMetadata(namespace: "", name: "", resourceVersion: "")
        var json = self
        // Whatever was found before the unreadable part counts.
        _ = try? json.readObject { (key, json) throws(ObjectDecodingError) in
            guard case "metadata" = key else { return try json.skip() }
            try json.readObject { (key, json) throws(ObjectDecodingError) in
                switch key {
                case "name": metadata.name = try json.readString() ?? ""
                case "namespace": metadata.namespace = try json.readString() ?? ""
                case "resourceVersion": metadata.resourceVersion = try json.readString() ?? ""
                default: try json.skip()
                }
            }
        }
        return metadata.name.isEmpty ? nil : metadata
    }
}

extension MetadataFields {
    /// Reads the metadata of the object that is the cursor's next value, and nothing else of it.
    fileprivate init(ofObject json: inout JSONCursor) throws(ObjectDecodingError) {
        var fields = MetadataFields(offset: json.position)
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "metadata": fields = try MetadataFields(json: &json)
            default: try json.skip()
            }
        }
        self = fields
    }
}

/// What is read of a ListMeta.
struct ListMetadata {
    var resourceVersion = ""
    var continueToken = ""

    init() {}

    init(json: inout JSONCursor) throws(ObjectDecodingError) {
        var fields = ListMetadata()
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "resourceVersion": fields.resourceVersion = try json.readString() ?? ""
            case "continue": fields.continueToken = try json.readString() ?? ""
            default: try json.skip()
            }
        }
        self = fields
    }
}
