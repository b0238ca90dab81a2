internal import ServiceCatalog

/// The objects that a hand-written JSON document describes: one, several in sequence, or lists of them. Read by the
/// same rules as an API server's answers, and checked as an API server would check them.
package struct ManifestContents: Sendable {
    package enum Object: Sendable, Hashable {
        case service(ServiceObject)
        case endpointSlice(EndpointSliceObject)
        case endpoints(EndpointsObject)

        package var resource: KubernetesResource {
            switch self {
            case .service: ServiceObject.resource
            case .endpointSlice: EndpointSliceObject.resource
            case .endpoints: EndpointsObject.resource
            }
        }

        package var metadata: ObjectMetadata {
            switch self {
            case .service(let object): object.metadata
            case .endpointSlice(let object): object.metadata
            case .endpoints(let object): object.metadata
            }
        }
    }

    /// In the order in which they are written; offsets are in bytes from the start of the document.
    package private(set) var objects: [(object: Object, offset: Int)] = []
    /// What an API server would have refused. With any of these the document should not be used.
    package private(set) var errors: [ObjectDiagnostic] = []
    /// What it would have taken, but does not do what was probably meant.
    package private(set) var warnings: [ObjectDiagnostic] = []
    /// Kinds that are none of Portolan's business.
    package private(set) var ignoredKinds: [(kind: String, offset: Int)] = []

    package init(json bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { bytes in
            var json = JSONCursor(bytes)
            do throws(ObjectDecodingError) {
                while !json.isAtEnd() { try readValue(&json, TypeMeta()) }
            } catch {
                // Where a value ends cannot be known any more.
                errors.append(ObjectDiagnostic(error))
            }
        }
    }

    /// Reads an object or a list.
    ///
    /// - Parameter expected: what it is when it does not say.
    private mutating func readValue(_ json: inout JSONCursor, _ expected: TypeMeta) throws(ObjectDecodingError) {
        _ = try json.peek()
        let start = json
        // Throws only where the value is no JSON.
        try json.skip()
        do throws(ObjectDecodingError) {
            var object = start
            guard let type = try TypeMeta(json: &object, orElse: expected) else { return }
            object = start
            if type.kind.hasSuffix("List") {
                try readItems(&object, TypeMeta(itemsOf: type))
            } else {
                try readObject(&object, type)
            }
        } catch {
            errors.append(ObjectDiagnostic(error))
        }
    }

    private mutating func readItems(_ json: inout JSONCursor, _ type: TypeMeta) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            guard case "items" = key else { return try json.skip() }
            try json.readArray { (json) throws(ObjectDecodingError) in try readValue(&json, type) }
        }
    }

    private mutating func readObject(_ json: inout JSONCursor, _ type: TypeMeta) throws(ObjectDecodingError) {
        let offset = json.position
        for resource in [ServiceObject.resource, EndpointSliceObject.resource, EndpointsObject.resource]
        where type.kind == resource.kind && type.group == resource.group {
            guard type.version == resource.version else {
                let wanted = resource.group.isEmpty ? resource.version : "\(resource.group)/\(resource.version)"
                let message = "\(type.kind) of \(type.apiVersion.shortened) cannot be read; write it as \(wanted)"
                errors.append(ObjectDiagnostic(Problem(.objectInvalid, message), at: offset))
                return
            }
            var context = DecodingContext(source: .manifest)
            let object: Object =
                switch resource {
                case ServiceObject.resource: .service(try ServiceObject(json: &json, context: &context))
                case EndpointsObject.resource: .endpoints(try EndpointsObject(json: &json, context: &context))
                default: .endpointSlice(try EndpointSliceObject(json: &json, context: &context))
                }
            objects.append((object, offset))
            errors += context.diagnostics
            addWarnings(about: object, at: offset)
            return
        }
        ignoredKinds.append((type.kind, offset))
    }

    private mutating func addWarnings(about object: Object, at offset: Int) {
        switch object {
        case .service(let service):
            warnings += service.settings.problems.map { ObjectDiagnostic($0, at: offset) }
        case .endpointSlice(let slice) where slice.serviceName == nil:
            let message =
                "EndpointSlice \"\(slice.metadata.name)\" belongs to no service: set the label "
                + "\(WellKnownKey.serviceName)"
            warnings.append(ObjectDiagnostic(Problem(.objectInvalid, message), at: offset))
        case .endpointSlice, .endpoints:
            break
        }
    }
}

/// The kind of an object and where it is defined.
private struct TypeMeta {
    var apiVersion = ""
    var kind = ""

    var group: Substring { apiVersion.contains("/") ? apiVersion.prefix { $0 != "/" } : "" }
    var version: Substring { apiVersion.split(separator: "/", maxSplits: 1).last ?? "" }

    init() {}

    /// `List` holds anything; `ServiceList` holds Services, which need not say so.
    init(itemsOf list: TypeMeta) {
        kind = String(list.kind.dropLast("List".count))
        apiVersion = kind.isEmpty ? "" : list.apiVersion
    }

    /// `nil` for null: an empty YAML document.
    init?(json: inout JSONCursor, orElse expected: TypeMeta) throws(ObjectDecodingError) {
        let offset = json.position
        var found = expected
        let isObject = try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "apiVersion": found.apiVersion = try json.readString() ?? ""
            case "kind": found.kind = try json.readString() ?? ""
            default: try json.skip()
            }
        }
        guard isObject else { return nil }
        guard !found.kind.isEmpty else { throw ObjectDecodingError(.missingField("kind"), at: offset) }
        guard !found.apiVersion.isEmpty else { throw ObjectDecodingError(.missingField("apiVersion"), at: offset) }
        self = found
    }
}
