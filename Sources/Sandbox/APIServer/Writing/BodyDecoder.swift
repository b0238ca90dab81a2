/// Reads request bodies into objects of a resource.
struct BodyDecoder {
    /// In bytes; more is 413.
    static let maximumSize = 3_145_728

    enum FieldValidation: String {
        case ignore = "Ignore"
        case warn = "Warn"
        case strict = "Strict"
    }

    let kind: String
    /// `nil` takes any.
    let apiVersion: String?
    let schema: Schema
    let validation: FieldValidation
    /// What the answer's Warning headers say.
    private(set) var warnings: [String] = []

    init(kind: String, apiVersion: String?, schema: Schema, validation: FieldValidation) {
        self.kind = kind
        self.apiVersion = apiVersion
        self.schema = schema
        self.validation = validation
    }

    init(_ resource: Resource, validation: FieldValidation) {
        self.init(
            kind: resource.kind,
            apiVersion: resource.apiVersion,
            schema: resource.schema,
            validation: validation
        )
    }

    /// An object in canonical form, without kind and apiVersion.
    mutating func decode(_ body: [UInt8], contentType: String?) throws(APIStatus) -> JSON {
        guard body.count <= Self.maximumSize else {
            throw APIStatus(
                413,
                "RequestEntityTooLarge",
                "Request entity too large: limit is \(Self.maximumSize)"
            )
        }
        switch mediaType(contentType) {
        case "", "application/json": return try canonical(try parse(body))
        case "application/yaml": return try canonical(try parseYAML(body))
        case "application/vnd.kubernetes.protobuf": return try canonical(try decodeProtobuf(body))
        default:
            throw APIStatus(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: application/json, "
                    + "application/yaml, application/vnd.kubernetes.protobuf"
            )
        }
    }

    func parse(_ body: [UInt8]) throws(APIStatus) -> JSON {
        do throws(JSON.SyntaxError) {
            return try JSON(parsing: body)
        } catch {
            throw unrecognized("json parse error: \(error.message)", body)
        }
    }

    /// YAML, which JSON is too.
    func parseYAML(_ body: [UInt8]) throws(APIStatus) -> JSON {
        if let object = try? JSON(parsing: body) { return object }
        do throws(JSON.SyntaxError) {
            return try JSON(yaml: String(decoding: body, as: UTF8.self))
        } catch {
            throw unrecognized(error.message, body)
        }
    }

    private func unrecognized(_ problem: String, _ body: [UInt8]) -> APIStatus {
        let start = String(decoding: body.prefix(30), as: UTF8.self) + (body.count > 30 ? " ..." : "")
        return .badRequest(
            "the object provided is unrecognized (must be of type \(kind)): couldn't get version/kind; "
                + "\(problem) (\(start))"
        )
    }

    private func decodeProtobuf(_ body: [UInt8]) throws(APIStatus) -> JSON {
        guard body.starts(with: ProtobufEnvelope.magic) else { throw unrecognized("no protobuf envelope", body) }
        do throws(ProtobufError) {
            let (type, message) = try ProtobufEnvelope.open(body[4...])
            var object = try schema.object(protobuf: message)
            object["apiVersion"] = .string(type.apiVersion)
            object["kind"] = .string(type.kind)
            return object
        } catch {
            throw unrecognized("protobuf: \(error)", body)
        }
    }

    /// Checks kind and apiVersion, which may be left out, and brings the rest to canonical form.
    mutating func canonical(_ object: JSON) throws(APIStatus) -> JSON {
        let givenKind = object["kind"]?.string ?? ""
        let givenVersion = object["apiVersion"]?.string ?? ""
        if !givenKind.isEmpty, givenKind != kind {
            let version = givenVersion.isEmpty ? apiVersion ?? "v1" : givenVersion
            let isKnown = Resources.find(apiVersion: version, kind: givenKind) != nil
            let problem =
                isKnown
                ? "converting (v1.\(givenKind)) to (core.\(kind)): unknown conversion"
                : "no kind \"\(givenKind)\" is registered for version \"\(version)\""
            throw .badRequest("\(givenKind) in version \"v1\" cannot be handled as a \(kind): \(problem)")
        }
        if let apiVersion, !givenVersion.isEmpty, givenVersion != apiVersion {
            throw .badRequest(
                "the API version in the data (\(givenVersion)) does not match the expected API version (\(apiVersion))"
            )
        }
        var bare = object
        bare["kind"] = nil
        bare["apiVersion"] = nil
        let (canonical, unknownFields) = try read(bare)
        let problems = unknownFields.map { "unknown field \"\($0)\"" }
        if validation == .strict, !problems.isEmpty {
            throw .badRequest(
                "\(kind) in version \"v1\" cannot be handled as a \(kind): strict decoding error: "
                    + problems.joined(separator: ", ")
            )
        }
        if validation == .warn { warnings += problems }
        return canonical
    }

    private func read(_ object: JSON) throws(APIStatus) -> (object: JSON, unknownFields: [String]) {
        do throws(TypeMismatch) {
            return try schema.canonical(object)
        } catch {
            throw .badRequest("\(kind) in version \"v1\" cannot be handled as a \(kind): \(error.message)")
        }
    }
}

/// A media type without its parameters, in lower case.
func mediaType(_ header: String?) -> String {
    let type = (header ?? "").split(separator: ";", maxSplits: 1).first ?? ""
    return type.filter { $0 != " " }.lowercased()
}
