extension KubernetesStatus {
    /// Enough of a foreign answer to recognise it by.
    private static let maximumTextLength = 512

    /// Reads the body of an answer that is no success, whatever the answer's Content-Type says: API servers send a
    /// Status in either encoding, a Status without its kind labelled as text, and plain text (a missing group, flow
    /// control, a proxy in between). What the body does not say, the HTTP status does.
    package init(httpStatus: Int, body: [UInt8]) {
        self = body.withUnsafeBufferPointer { bytes in
            var status = Self.structured(bytes) ?? KubernetesStatus(code: httpStatus, message: Self.text(bytes))
            if status.code == 0 { status.code = httpStatus }
            if status.reason.isEmpty { status.reason = Self.reason(forHTTPStatus: httpStatus) }
            return status
        }
    }

    private static func structured(_ bytes: UnsafeBufferPointer<UInt8>) -> KubernetesStatus? {
        if ObjectEnvelope.isPresent(in: bytes) {
            guard let envelope = try? ObjectEnvelope(bytes), envelope.kind == "Status" else { return nil }
            return try? KubernetesStatus(wire: envelope.payload)
        }
        var json = JSONCursor(bytes)
        guard let first = try? json.peek(), first == UInt8(ascii: "{"), let status = try? KubernetesStatus(json: &json),
            status.code != 0 || !status.message.isEmpty
        else { return nil }
        return status
    }

    private static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard !ObjectEnvelope.isPresent(in: bytes) else { return "" }
        let text = String(decoding: bytes.prefix(maximumTextLength), as: UTF8.self)
        let words = text.split {
            $0.isWhitespace || $0.unicodeScalars.contains { $0.properties.generalCategory == .control }
        }
        return words.joined(separator: " ")
    }

    /// The reason an API server gives with this status; empty where it has none.
    private static func reason(forHTTPStatus status: Int) -> String {
        switch status {
        case 400: "BadRequest"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "NotFound"
        case 405: "MethodNotAllowed"
        case 406: "NotAcceptable"
        case 409: "Conflict"
        case 410: "Expired"
        case 413: "RequestEntityTooLarge"
        case 415: "UnsupportedMediaType"
        case 422: "Invalid"
        case 429: "TooManyRequests"
        case 500: "InternalError"
        case 503: "ServiceUnavailable"
        case 504: "Timeout"
        default: ""
        }
    }
}

extension KubernetesStatus {
    init(json: inout JSONCursor) throws(ObjectDecodingError) {
        self.init(code: 0)
        try read(&json)
    }

    private mutating func read(_ json: inout JSONCursor) throws(ObjectDecodingError) {
        try json.readObject { (key, json) throws(ObjectDecodingError) in
            switch key {
            case "code": code = try json.readInteger() ?? 0
            case "reason": reason = try json.readString() ?? ""
            case "message": message = try json.readString() ?? ""
            case "metadata": continueToken = try ListMetadata(json: &json).continueToken
            case "details":
                try json.readObject { (key, json) throws(ObjectDecodingError) in
                    switch key {
                    case "retryAfterSeconds": retryAfterSeconds = Self.delay(try json.readInteger() ?? 0)
                    default: try json.skip()
                    }
                }
            default: try json.skip()
            }
        }
    }

    init(wire: WireCursor) throws(ObjectDecodingError) {
        self.init(code: 0)
        var wire = wire
        while let field = try wire.nextField() {
            switch field.number {
            case WireNumber.Status.code: code = try wire.readInt32(field)
            case WireNumber.Status.reason: reason = try wire.readString(field)
            case WireNumber.Status.message: message = try wire.readString(field)
            case WireNumber.Status.metadata:
                continueToken = try ListMetadata(wire: try wire.readMessage(field)).continueToken
            case WireNumber.Status.details:
                var details = try wire.readMessage(field)
                while let field = try details.nextField() {
                    switch field.number {
                    case WireNumber.StatusDetails.retryAfterSeconds:
                        retryAfterSeconds = Self.delay(try details.readInt32(field))
                    default: try details.skip(field)
                    }
                }
            default: try wire.skip(field)
            }
        }
    }

    /// Protobuf writes 0 where there is nothing to wait for.
    private static func delay(_ seconds: Int) -> Int? { seconds > 0 ? seconds : nil }
}
