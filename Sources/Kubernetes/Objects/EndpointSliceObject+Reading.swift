internal import ServiceCatalog

extension EndpointSliceObject: ReadableObject {
    package init(metadata: ObjectMetadata) {
        self.init(metadata: metadata, serviceName: nil)
    }

    package init(json: inout JSONCursor, context: inout DecodingContext) throws(ObjectDecodingError) {
        _ = try json.peek()
        var builder = EndpointSliceBuilder(offset: json.position)
        try builder.read(&json, &context)
        self = try builder.finish(&context)
    }

    package init(wire: WireCursor, context: inout DecodingContext) throws(ObjectDecodingError) {
        var builder = EndpointSliceBuilder(offset: wire.position)
        try builder.read(wire, &context)
        self = try builder.finish(&context)
    }
}

/// The fields of a slice while it is read, and the rules that make them an object.
private struct EndpointSliceBuilder {
    private let offset: Int
    private var metadata: MetadataFields
    private var addressType = ""
    private var addressTypeOffset: Int
    private var list = EndpointListBuilder()
    private var ports: [EndpointPort] = []

    init(offset: Int) {
        self.offset = offset
        metadata = MetadataFields(offset: offset)
        addressTypeOffset = offset
    }

    mutating func finish(_ context: inout DecodingContext) throws(ObjectDecodingError) -> EndpointSliceObject {
        let identity = try metadata.identity(in: &context)
        guard !addressType.isEmpty else { throw ObjectDecodingError(.missingField("addressType"), at: offset) }
        if let type = AddressType(rawValue: addressType) {
            list.keepOnly(type, &context)
        } else {
            list = EndpointListBuilder()
            context.report(
                .addressUnusable,
                at: addressTypeOffset,
                "the addressType \"\(addressType.shortened)\" is none of IPv4, IPv6, FQDN: all endpoints are left out"
            )
        }
        list.setPorts(ports)
        return EndpointSliceObject(
            metadata: identity,
            serviceName: metadata.serviceName,
            isMirrored: metadata.isMirrored,
            endpoints: list.endpoints,
            problems: context.problems
        )
    }
}

// MARK: - JSON

extension EndpointSliceBuilder {
    mutating func read(_ json: inout JSONCursor, _ context: inout DecodingContext) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "kind": try json.expect(kind: EndpointSliceObject.resource.kind)
            case "metadata": metadata = try MetadataFields(json: &json)
            case "addressType":
                if let text = try json.readText() {
                    addressType = text.string
                    addressTypeOffset = text.offset
                }
            case "endpoints":
                list = EndpointListBuilder()
                try json.readArray { (json) throws(ObjectDecodingError) in try readEndpoint(&json, &context) }
            case "ports":
                ports = []
                try json.readArray { (json) throws(ObjectDecodingError) in
                    if let port = try PortFields(json: &json).endpointPort(&context) { ports.append(port) }
                }
            default: try json.skip()
            }
        }
    }

    private mutating func readEndpoint(
        _ json: inout JSONCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        _ = try json.peek()
        let offset = json.position
        var entry = EndpointFields()
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "addresses":
                try json.readArray { (json) throws(ObjectDecodingError) in
                    guard let text = try json.readText() else { return }
                    text.withUTF8 { list.addAddress($0, at: text.offset) }
                }
            case "conditions": entry.conditions = try EndpointConditions(json: &json)
            case "hostname": entry.hostname = try json.readNonEmptyString()
            case "targetRef": entry.targetName = try json.readReferenceName()
            case "nodeName": entry.nodeName = try json.readInterned(&context)
            case "zone": entry.zone = try json.readInterned(&context)
            default: try json.skip()
            }
        }
        list.finishEntry(entry, at: offset, &context)
    }
}

extension EndpointConditions {
    fileprivate init(json: inout JSONCursor) throws(ObjectDecodingError) {
        self.init()
        try read(&json)
    }

    private mutating func read(_ json: inout JSONCursor) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "ready": ready = try json.readBoolean()
            case "serving": serving = try json.readBoolean()
            case "terminating": terminating = try json.readBoolean()
            default: try json.skip()
            }
        }
    }
}

// MARK: - Protobuf

extension EndpointSliceBuilder {
    mutating func read(_ wire: WireCursor, _ context: inout DecodingContext) throws(ObjectDecodingError) {
        list.reserve(wire.count(of: WireNumber.EndpointSlice.endpoints))
        var wire = wire
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.EndpointSlice.metadata: metadata = try MetadataFields(wire: try wire.readMessage(field))
            case WireNumber.EndpointSlice.endpoints: try readEndpoint(try wire.readMessage(field), &context)
            case WireNumber.EndpointSlice.ports:
                let fields = try PortFields(wire: try wire.readMessage(field), .slicePort)
                if let port = fields.endpointPort(&context) { ports.append(port) }
            case WireNumber.EndpointSlice.addressType:
                addressTypeOffset = wire.position
                addressType = try wire.readString(field)
            default: try wire.skip(field)
            }
        }
    }

    private mutating func readEndpoint(
        _ wire: WireCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        var wire = wire
        let offset = wire.position
        var entry = EndpointFields()
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.SliceEndpoint.addresses:
                let offset = wire.position
                list.addAddress(try wire.readBytes(field), at: offset)
            case WireNumber.SliceEndpoint.conditions:
                entry.conditions = try EndpointConditions(wire: try wire.readMessage(field))
            case WireNumber.SliceEndpoint.hostname: entry.hostname = try wire.readNonEmptyString(field)
            case WireNumber.SliceEndpoint.targetRef: entry.targetName = try wire.readReferenceName(field)
            case WireNumber.SliceEndpoint.nodeName: entry.nodeName = try wire.readInterned(field, &context)
            case WireNumber.SliceEndpoint.zone: entry.zone = try wire.readInterned(field, &context)
            default: try wire.skip(field)
            }
        }
        list.finishEntry(entry, at: offset, &context)
    }
}

extension EndpointConditions {
    fileprivate init(wire: WireCursor) throws(ObjectDecodingError) {
        self.init()
        var wire = wire
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.Conditions.ready: ready = try wire.readBoolean(field)
            case WireNumber.Conditions.serving: serving = try wire.readBoolean(field)
            case WireNumber.Conditions.terminating: terminating = try wire.readBoolean(field)
            default: try wire.skip(field)
            }
        }
    }
}
