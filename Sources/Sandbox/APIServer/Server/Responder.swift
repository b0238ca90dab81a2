/// Sends one request's answer with the headers every answer has.
struct Responder: Sendable {
    let writer: ResponseWriter
    /// Constant ids of a flow schema and priority level, where priority and fairness is on.
    var fairness: (flowSchema: String, priorityLevel: String)?
    var negotiation = Negotiation.json
    var warnings: [String] = []
    /// Answered before the request got to the filters that set the usual headers.
    var isOutsideServing = false
    /// The client takes gzip; bodies over `compressionThreshold` are sent so.
    var acceptsGzip = false
    /// Cut after this many bytes of the body.
    var truncation: Int?

    private static let compressionThreshold = 128 << 10

    private func headers(_ contentType: String?) -> HeaderFields {
        var headers: HeaderFields = ["Audit-Id": uniqueIdentifier()]
        if !isOutsideServing { headers.append("Cache-Control", "no-cache, private") }
        if let contentType { headers.append("Content-Type", contentType) }
        for warning in warnings {
            let escaped = warning.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            headers.append("Warning", "299 - \"\(escaped)\"")
        }
        if let fairness {
            headers.append("X-Kubernetes-Pf-Flowschema-Uid", fairness.flowSchema)
            headers.append("X-Kubernetes-Pf-Prioritylevel-Uid", fairness.priorityLevel)
        }
        return headers
    }

    /// A body in pieces; over 2 KiB it is chunked as Go's server chunks it.
    func send(_ status: Int, _ contentType: String?, _ pieces: [[UInt8]], extra: HeaderFields = [:]) async throws {
        var headers = headers(contentType)
        for field in extra.fields { headers[field.name] = field.value }
        var pieces = pieces
        var size = pieces.reduce(0) { $0 + $1.count }
        if acceptsGzip, size > Self.compressionThreshold {
            pieces = [Gzip.stored(Array(pieces.joined()))]
            size = pieces[0].count
            headers["Content-Encoding"] = "gzip"
            headers["Vary"] = "Accept-Encoding"
        }
        if let truncation {
            headers["Content-Length"] = "\(size)"
            try await writer.begin(status, headers: headers)
            try await writer.write(Array(pieces.joined().prefix(truncation)))
            writer.abort()
        } else if size <= BufferedChunks.size {
            try await writer.send(ServerResponse(status, headers: headers, body: Array(pieces.joined())))
        } else {
            try await writer.begin(status, headers: headers)
            try await writer.write(chunks: BufferedChunks.cut(pieces))
            try await writer.end()
        }
    }

    func sendText(_ status: Int, _ text: String, extra: HeaderFields = [:]) async throws {
        var extra = extra
        extra["X-Content-Type-Options"] = "nosniff"
        try await send(status, "text/plain; charset=utf-8", [Array(text.utf8)], extra: extra)
    }

    /// A failure in the form the client takes; 406 is always indented JSON.
    func send(_ failure: APIStatus) async throws {
        var form = Negotiation(format: negotiation.format)
        if failure.code == 406, failure.message.hasPrefix("406") { form = Negotiation(format: .json(isIndented: true)) }
        var extra: HeaderFields = [:]
        if let seconds = failure.details?.retryAfterSeconds, seconds > 0 { extra["Retry-After"] = "\(seconds)" }
        if failure.code == 403, failure.details?.causes.isEmpty ?? true { extra["X-Content-Type-Options"] = "nosniff" }
        let body = form.encode(failure.object, kind: "Status", apiVersion: "v1", schema: Schemas.status)
        try await send(failure.code, form.contentType, [body], extra: extra)
    }

    /// The head of a watch, at once.
    func beginStream() async throws {
        let type =
            negotiation.format == .protobuf ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json"
        try await writer.begin(200, headers: headers(type))
    }
}

/// Cuts a body into chunks as Go's buffered writer does: at 2048 bytes, longer pieces as they are.
enum BufferedChunks {
    static let size = 2048

    static func cut(_ pieces: [[UInt8]]) -> [[UInt8]] {
        var chunks: [[UInt8]] = []
        var buffer: [UInt8] = []
        for piece in pieces {
            var rest = piece[...]
            while rest.count > size - buffer.count {
                if buffer.isEmpty {
                    chunks.append(Array(rest))
                    rest = []
                } else {
                    let space = size - buffer.count
                    buffer += rest.prefix(space)
                    rest = rest.dropFirst(space)
                    chunks.append(buffer)
                    buffer = []
                }
            }
            buffer += rest
        }
        if !buffer.isEmpty { chunks.append(buffer) }
        return chunks
    }
}
