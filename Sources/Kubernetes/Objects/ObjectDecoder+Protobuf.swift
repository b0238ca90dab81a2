extension ObjectDecoder {
    static func decodeList(
        protobuf bytes: UnsafeBufferPointer<UInt8>,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) -> ObjectList<Object> {
        let envelope = try ObjectEnvelope(bytes)
        try envelope.expect(kind: "\(Object.resource.kind)List")
        var list = ObjectList<Object>(items: [], resourceVersion: "")
        var wire = envelope.payload
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.List.metadata:
                let metadata = try ListMetadata(wire: try wire.readMessage(field))
                list.resourceVersion = metadata.resourceVersion
                list.continueToken = metadata.continueToken
            case WireNumber.List.items:
                let item = try wire.readMessage(field)
                do throws(ObjectDecodingError) {
                    list.items.append(try Object(wire: item, context: &context))
                } catch {
                    list.malformed.append(MalformedObject(item.peekIdentity(), error))
                }
                context.discardDiagnostics()
            default: try wire.skip(field)
            }
        }
        try expectVersion(list)
        return list
    }

    static func decodeEvent(
        protobuf bytes: UnsafeBufferPointer<UInt8>,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) -> WatchEvent<Object> {
        var name = ""
        var object: UnsafeBufferPointer<UInt8>?
        var wire = WireCursor(bytes)
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.WatchEvent.type: name = try wire.readString(field)
            case WireNumber.WatchEvent.object:
                var raw = try wire.readMessage(field)
                while let field = try raw.nextField() {
                    if field.number == WireNumber.RawExtension.raw {
                        object = try raw.readBytes(field)
                    } else {
                        try raw.skip(field)
                    }
                }
            default: try wire.skip(field)
            }
        }
        guard !name.isEmpty else { throw ObjectDecodingError(.missingField("type"), at: 0) }
        guard let object else { throw ObjectDecodingError(.missingField("object"), at: 0) }
        let envelope = try ObjectEnvelope(object)
        let known = WatchEventType(rawValue: name)
        do throws(ObjectDecodingError) {
            guard let known else { throw ObjectDecodingError(.unknownEventType(name.shortened), at: 0) }
            return try event(known, envelope, &context)
        } catch {
            return WatchEvent(known, unreadable: envelope.payload.peekIdentity(), error)
        }
    }

    private static func event(
        _ type: WatchEventType,
        _ envelope: ObjectEnvelope,
        _ context: inout DecodingContext
    ) throws(ObjectDecodingError) -> WatchEvent<Object> {
        func object() throws(ObjectDecodingError) -> Object {
            try envelope.expect(kind: Object.resource.kind)
            return try Object(wire: envelope.payload, context: &context)
        }
        return switch type {
        case .added: .added(try object())
        case .modified: .modified(try object())
        case .deleted: .deleted(try object())
        case .bookmark: try WatchEvent(bookmark: try MetadataFields(ofObject: envelope.payload))
        case .error: .error(try KubernetesStatus(wire: envelope.payload))
        }
    }
}

/// The `runtime.Unknown` that wraps every protobuf object: four bytes, then what it is, then the object.
struct ObjectEnvelope {
    let kind: String
    let payload: WireCursor

    static func isPresent(in bytes: UnsafeBufferPointer<UInt8>) -> Bool { bytes.starts(with: [0x6b, 0x38, 0x73, 0]) }

    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(ObjectDecodingError) {
        guard Self.isPresent(in: bytes) else { throw ObjectDecodingError(.noEnvelope, at: 0) }
        var kind = ""
        var payload: WireCursor?
        var wire = WireCursor(bytes, from: 4)
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.Envelope.typeMeta:
                var typeMeta = try wire.readMessage(field)
                while let field = try typeMeta.nextField() {
                    if field.number == WireNumber.TypeMeta.kind {
                        kind = try typeMeta.readString(field)
                    } else {
                        try typeMeta.skip(field)
                    }
                }
            case WireNumber.Envelope.raw: payload = try wire.readMessage(field)
            default: try wire.skip(field)
            }
        }
        guard let payload else { throw ObjectDecodingError(.missingField("raw"), at: 4) }
        self.kind = kind
        self.payload = payload
    }

    func expect(kind expected: String) throws(ObjectDecodingError) {
        guard kind != expected else { return }
        throw ObjectDecodingError(.unexpectedKind(found: kind.shortened, expected: expected), at: 4)
    }
}

extension WireCursor {
    /// The identity of an object that cannot be read, as far as there is one.
    fileprivate func peekIdentity() -> ObjectMetadata? {
        var metadata = ObjectMetadata(namespace: "", name: "", resourceVersion: "")
        // Whatever was found before the unreadable part counts.
        try? findIdentity(&metadata)
        return metadata.name.isEmpty ? nil : metadata
    }

    private func findIdentity(_ metadata: inout ObjectMetadata) throws(ObjectDecodingError) {
        var object = self
        while let field = try object.nextField() {
            guard field.number == WireNumber.ObjectMeta.inEveryKind else {
                try object.skip(field)
                continue
            }
            var wire = try object.readMessage(field)
            while let field = try wire.nextField() {
                switch field.number {
                case WireNumber.ObjectMeta.name: metadata.name = try wire.readString(field)
                case WireNumber.ObjectMeta.namespace: metadata.namespace = try wire.readString(field)
                case WireNumber.ObjectMeta.resourceVersion: metadata.resourceVersion = try wire.readString(field)
                default: try wire.skip(field)
                }
            }
        }
    }
}

extension MetadataFields {
    /// Reads the metadata of an object, and nothing else of it.
    fileprivate init(ofObject wire: WireCursor) throws(ObjectDecodingError) {
        self.init(offset: wire.position)
        var wire = wire
        while let field = try wire.nextField() {
            if field.number == WireNumber.ObjectMeta.inEveryKind {
                self = try MetadataFields(wire: try wire.readMessage(field))
            } else {
                try wire.skip(field)
            }
        }
    }
}

extension ListMetadata {
    init(wire: WireCursor) throws(ObjectDecodingError) {
        self.init()
        var wire = wire
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.ListMeta.resourceVersion: resourceVersion = try wire.readString(field)
            case WireNumber.ListMeta.continueToken: continueToken = try wire.readString(field)
            default: try wire.skip(field)
            }
        }
    }
}
