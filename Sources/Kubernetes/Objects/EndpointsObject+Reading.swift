internal import ServiceCatalog

extension EndpointsObject: ReadableObject {
    package init(metadata: ObjectMetadata) {
        self.init(metadata: metadata, endpoints: [])
    }

    package init(json: inout JSONCursor, context: inout DecodingContext) throws(ObjectDecodingError) {
        _ = try json.peek()
        var builder = EndpointsBuilder(offset: json.position)
        try builder.read(&json, &context)
        self = try builder.finish(&context)
    }

    package init(wire: WireCursor, context: inout DecodingContext) throws(ObjectDecodingError) {
        var builder = EndpointsBuilder(offset: wire.position)
        try builder.read(wire, &context)
        self = try builder.finish(&context)
    }
}

/// The fields of an Endpoints while it is read, and the rules that make them an object.
private struct EndpointsBuilder {
    private var metadata: MetadataFields
    private var list = EndpointListBuilder()

    init(offset: Int) { metadata = MetadataFields(offset: offset) }

    mutating func finish(_ context: inout DecodingContext) throws(ObjectDecodingError) -> EndpointsObject {
        let identity = try metadata.identity(in: &context)
        list.keepOnly(.any, &context)
        if metadata.isOverCapacity {
            context.report(
                .fieldTruncated,
                at: metadata.nameOffset,
                "Kubernetes cut the list of addresses at 1000; read EndpointSlices to see them all"
            )
        }
        return EndpointsObject(
            metadata: identity,
            endpoints: list.endpoints,
            problems: context.problems
        )
    }
}

// MARK: - JSON

extension EndpointsBuilder {
    mutating func read(_ json: inout JSONCursor, _ context: inout DecodingContext) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "kind": try json.expect(kind: EndpointsObject.resource.kind)
            case "metadata": metadata = try MetadataFields(json: &json)
            case "subsets":
                list = EndpointListBuilder()
                try json.readArray { (json) throws(ObjectDecodingError) in try readSubset(&json, &context) }
            default: try json.skip()
            }
        }
    }

    private mutating func readSubset(
        _ json: inout JSONCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        let start = list.endpoints.count
        var ports: [EndpointPort] = []
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "addresses":
                try json.readArray { (json) throws(ObjectDecodingError) in
                    try readAddress(&json, isReady: true, &context)
                }
            case "notReadyAddresses":
                try json.readArray { (json) throws(ObjectDecodingError) in
                    try readAddress(&json, isReady: false, &context)
                }
            case "ports":
                try json.readArray { (json) throws(ObjectDecodingError) in
                    if let port = try PortFields(json: &json).endpointPort(&context) { ports.append(port) }
                }
            default: try json.skip()
            }
        }
        list.setPorts(ports, from: start)
    }

    private mutating func readAddress(
        _ json: inout JSONCursor,
        isReady: Bool,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        _ = try json.peek()
        let offset = json.position
        var entry = EndpointFields(conditions: EndpointConditions(ready: isReady))
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "ip":
                guard let text = try json.readText() else { return }
                text.withUTF8 { list.addAddress($0, at: text.offset) }
            case "hostname": entry.hostname = try json.readNonEmptyString()
            case "nodeName": entry.nodeName = try json.readInterned(&context)
            case "targetRef": entry.targetName = try json.readReferenceName()
            default: try json.skip()
            }
        }
        list.finishEntry(entry, at: offset, &context)
    }
}

// MARK: - Protobuf

extension EndpointsBuilder {
    mutating func read(_ wire: WireCursor, _ context: inout DecodingContext) throws(ObjectDecodingError) {
        var wire = wire
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.Endpoints.metadata: metadata = try MetadataFields(wire: try wire.readMessage(field))
            case WireNumber.Endpoints.subsets: try readSubset(try wire.readMessage(field), &context)
            default: try wire.skip(field)
            }
        }
    }

    private mutating func readSubset(
        _ wire: WireCursor,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        var wire = wire
        let start = list.endpoints.count
        var ports: [EndpointPort] = []
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.Subset.addresses:
                try readAddress(try wire.readMessage(field), isReady: true, &context)
            case WireNumber.Subset.notReadyAddresses:
                try readAddress(try wire.readMessage(field), isReady: false, &context)
            case WireNumber.Subset.ports:
                let fields = try PortFields(wire: try wire.readMessage(field), .subsetPort)
                if let port = fields.endpointPort(&context) { ports.append(port) }
            default: try wire.skip(field)
            }
        }
        list.setPorts(ports, from: start)
    }

    private mutating func readAddress(
        _ wire: WireCursor,
        isReady: Bool,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) {
        var wire = wire
        let offset = wire.position
        var entry = EndpointFields(conditions: EndpointConditions(ready: isReady))
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.SubsetAddress.ip:
                let offset = wire.position
                list.addAddress(try wire.readBytes(field), at: offset)
            case WireNumber.SubsetAddress.hostname: entry.hostname = try wire.readNonEmptyString(field)
            case WireNumber.SubsetAddress.nodeName: entry.nodeName = try wire.readInterned(field, &context)
            case WireNumber.SubsetAddress.targetRef: entry.targetName = try wire.readReferenceName(field)
            default: try wire.skip(field)
            }
        }
        list.finishEntry(entry, at: offset, &context)
    }
}
