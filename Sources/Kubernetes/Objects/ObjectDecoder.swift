/// Reads what an API server answers, in either encoding. Pure functions from bytes: nothing here can trap, block or
/// remember, whatever the bytes are.
///
/// An object that cannot be read does not hide the others: it is listed as malformed, by name where it has one. An
/// error is thrown only where the whole cannot be trusted, as when it is cut off.
package enum ObjectDecoder<Object: ReadableObject> {
    /// Reads a page of a list.
    package static func decodeList(
        _ bytes: [UInt8],
        encoding: ObjectEncoding,
        context: inout DecodingContext
    ) throws(ObjectDecodingError) -> ObjectList<Object> {
        defer { context.discardDiagnostics() }
        return try bytes.withUnsafeBufferPointer { (bytes) throws(ObjectDecodingError) in
            switch encoding {
            case .json: try decodeList(json: bytes, &context)
            case .protobuf: try decodeList(protobuf: bytes, &context)
            }
        }
    }

    /// Reads a page by itself.
    package static func decodeList(
        _ bytes: [UInt8],
        encoding: ObjectEncoding
    ) throws(ObjectDecodingError) -> ObjectList<Object> {
        var context = DecodingContext()
        return try decodeList(bytes, encoding: encoding, context: &context)
    }

    /// Reads one object.
    package static func decodeObject(
        _ bytes: [UInt8],
        encoding: ObjectEncoding
    ) throws(ObjectDecodingError) -> Object {
        try bytes.withUnsafeBufferPointer { (bytes) throws(ObjectDecodingError) in
            var context = DecodingContext()
            switch encoding {
            case .json:
                var json = JSONCursor(bytes)
                let object = try Object(json: &json, context: &context)
                try json.expectEnd()
                return object
            case .protobuf:
                let envelope = try ObjectEnvelope(bytes)
                try envelope.expect(kind: Object.resource.kind)
                return try Object(wire: envelope.payload, context: &context)
            }
        }
    }

    /// Reads one frame of a watch, as ``WatchFramer`` cuts them.
    ///
    /// Throws where the frame itself cannot be read, so that it is unknown what happened to which object.
    package static func decodeEvent(
        _ frame: [UInt8],
        encoding: ObjectEncoding,
        context: inout DecodingContext
    ) throws(ObjectDecodingError) -> WatchEvent<Object> {
        defer { context.discardDiagnostics() }
        return try frame.withUnsafeBufferPointer { (bytes) throws(ObjectDecodingError) in
            switch encoding {
            case .json: try decodeEvent(json: bytes, &context)
            case .protobuf: try decodeEvent(protobuf: bytes, &context)
            }
        }
    }

    /// Reads a frame by itself.
    package static func decodeEvent(
        _ frame: [UInt8],
        encoding: ObjectEncoding
    ) throws(ObjectDecodingError) -> WatchEvent<Object> {
        var context = DecodingContext()
        return try decodeEvent(frame, encoding: encoding, context: &context)
    }
}

extension ObjectDecoder {
    /// Every list has a version. What has none is some other answer, and must not pass for an empty list.
    static func expectVersion(_ list: ObjectList<Object>) throws(ObjectDecodingError) {
        guard !list.resourceVersion.isEmpty else {
            throw ObjectDecodingError(.missingField("metadata.resourceVersion"), at: 0)
        }
    }
}

/// The types of watch events.
enum WatchEventType: String {
    case added = "ADDED"
    case modified = "MODIFIED"
    case deleted = "DELETED"
    case bookmark = "BOOKMARK"
    case error = "ERROR"
}

extension WatchEvent where Object: ReadableObject {
    /// A bookmark is worth its version; everything else in it may be empty.
    init(bookmark metadata: MetadataFields) throws(ObjectDecodingError) {
        guard !metadata.resourceVersion.isEmpty else {
            throw ObjectDecodingError(.missingField("metadata.resourceVersion"), at: metadata.nameOffset)
        }
        self = .bookmark(resourceVersion: metadata.resourceVersion, initialEventsEnd: metadata.endsInitialEvents)
    }

    /// What is made of an unreadable object. To know that one is gone, its identity is enough.
    init(_ type: WatchEventType?, unreadable metadata: ObjectMetadata?, _ error: ObjectDecodingError) {
        if type == .deleted, let metadata {
            self = .deleted(Object(metadata: metadata))
        } else {
            self = .malformed(MalformedObject(metadata, error))
        }
    }
}

extension MalformedObject {
    init(_ metadata: ObjectMetadata?, _ error: ObjectDecodingError) {
        self.init(metadata: metadata, reason: error.description)
    }
}
