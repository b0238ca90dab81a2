internal import ServiceCatalog

/// What is read of an ObjectMeta, before each kind takes what it needs.
struct MetadataFields {
    var name = ""
    var namespace = ""
    var resourceVersion = ""
    /// Where they stood; the object's own place while they are missing.
    var nameOffset: Int
    var namespaceOffset: Int
    /// Those with Portolan's prefix.
    var annotations: [String: String] = [:]
    var serviceName: String?
    var isMirrored = false
    var isOverCapacity = false
    var endsInitialEvents = false

    init(offset: Int) {
        nameOffset = offset
        namespaceOffset = offset
    }

    mutating func setLabel(_ key: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        if key.elementsEqual(WellKnownKey.serviceName) {
            serviceName = value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
        } else if key.elementsEqual(WellKnownKey.managedBy) {
            isMirrored = value.elementsEqual(WellKnownKey.mirroringController)
        }
    }

    mutating func setAnnotation(_ key: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        if key.starts(with: ServiceSettings.annotationPrefix.utf8) {
            annotations[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        } else if key.elementsEqual(WellKnownKey.initialEventsEnd) {
            endsInitialEvents = value.elementsEqual("true")
        } else if key.elementsEqual(WellKnownKey.overCapacity) {
            isOverCapacity = value.elementsEqual("truncated")
        }
    }

    /// The identity, which every object but a bookmark must have.
    func identity(in context: inout DecodingContext) throws(ObjectDecodingError) -> ObjectMetadata {
        guard !name.isEmpty else { throw ObjectDecodingError(.missingField("metadata.name"), at: nameOffset) }
        var metadata = ObjectMetadata(namespace: namespace, name: name, resourceVersion: resourceVersion)
        guard context.source == .manifest else { return metadata }
        if namespace.isEmpty { metadata.namespace = "default" }
        if !metadata.namespace.isDNSLabel {
            context.report(
                .nameInvalid,
                at: namespaceOffset,
                "namespace \"\(namespace)\" is not a DNS label: up to 63 of a-z, 0-9 and -, no - at the ends"
            )
        }
        return metadata
    }
}

extension MetadataFields {
    init(json: inout JSONCursor) throws(ObjectDecodingError) {
        _ = try json.peek()
        self.init(offset: json.position)
        try read(&json)
    }

    private mutating func read(_ json: inout JSONCursor) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "name":
                if let text = try json.readText() {
                    name = text.string
                    nameOffset = text.offset
                }
            case "namespace":
                if let text = try json.readText() {
                    namespace = text.string
                    namespaceOffset = text.offset
                }
            case "resourceVersion": resourceVersion = try json.readString() ?? ""
            case "labels":
                try json.readObject { (key, json) throws(ObjectDecodingError) in
                    guard let value = try json.readText() else { return }
                    key.withUTF8 { key in value.withUTF8 { setLabel(key, $0) } }
                }
            case "annotations":
                try json.readObject { (key, json) throws(ObjectDecodingError) in
                    guard let value = try json.readText() else { return }
                    key.withUTF8 { key in value.withUTF8 { setAnnotation(key, $0) } }
                }
            default: try json.skip()
            }
        }
    }

    init(wire: WireCursor) throws(ObjectDecodingError) {
        self.init(offset: wire.position)
        var wire = wire
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.ObjectMeta.name:
                nameOffset = wire.position
                name = try wire.readString(field)
            case WireNumber.ObjectMeta.namespace:
                namespaceOffset = wire.position
                namespace = try wire.readString(field)
            case WireNumber.ObjectMeta.resourceVersion: resourceVersion = try wire.readString(field)
            case WireNumber.ObjectMeta.labels:
                let (key, value) = try wire.readMapEntry(field)
                setLabel(key, value)
            case WireNumber.ObjectMeta.annotations:
                let (key, value) = try wire.readMapEntry(field)
                setAnnotation(key, value)
            default: try wire.skip(field)
            }
        }
    }
}

extension WireCursor {
    /// An entry of a `map<string, string>`, uncopied.
    fileprivate mutating func readMapEntry(
        _ field: WireField
    ) throws(ObjectDecodingError) -> (key: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        var entry = try readMessage(field)
        var key = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        var value = key
        while let field = try entry.nextField() {
            switch field.number {
            case WireNumber.MapEntry.key: key = try entry.readBytes(field)
            case WireNumber.MapEntry.value: value = try entry.readBytes(field)
            default: try entry.skip(field)
            }
        }
        return (key, value)
    }
}

extension UnsafeBufferPointer<UInt8> {
    func elementsEqual(_ literal: StaticString) -> Bool {
        elementsEqual(UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }
}

extension String {
    /// RFC 1123 as Kubernetes reads it: lower case only.
    package var isDNSLabel: Bool {
        (1...63).contains(utf8.count) && utf8.first != UInt8(ascii: "-") && utf8.last != UInt8(ascii: "-")
            && utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            }
    }
}
