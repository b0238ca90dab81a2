/// A failure as the API server tells it: a `Status` object and its HTTP status.
struct APIStatus: Error, Sendable {
    struct Cause: Sendable, Equatable {
        var reason: String
        var message: String
        var field: String?
    }

    struct Details: Sendable, Equatable {
        var name = ""
        var group = ""
        /// Sometimes the resource, sometimes the kind: as the API server has it.
        var kind = ""
        var causes: [Cause] = []
        var retryAfterSeconds = 0
    }

    var code: Int
    /// Empty where the API server gives none.
    var reason: String
    var message: String
    var details: Details?
    /// A continue token to go on with (410 of an expired one).
    var continueToken = ""

    init(_ code: Int, _ reason: String, _ message: String, details: Details? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
    }

    /// The Status without kind and apiVersion, in canonical form.
    var object: JSON {
        var object: JSON = [
            "metadata": ["continue": .string(continueToken)],
            "status": "Failure",
            "message": .string(message),
            "reason": .string(reason),
            "code": .int(Int64(code)),
        ]
        if let details {
            object["details"] = [
                "name": .string(details.name),
                "group": .string(details.group),
                "kind": .string(details.kind),
                "retryAfterSeconds": .int(Int64(details.retryAfterSeconds)),
                "causes": .array(
                    details.causes.map { cause in
                        [
                            "reason": .string(cause.reason), "message": .string(cause.message),
                            "field": .string(cause.field ?? ""),
                        ]
                    }
                ),
            ]
        }
        return (try? Schemas.status.canonical(object).object) ?? object
    }
}

// MARK: - The failures

extension APIStatus {
    static func badRequest(_ message: String) -> APIStatus { APIStatus(400, "BadRequest", message) }

    static let unauthorized = APIStatus(401, "Unauthorized", "Unauthorized")

    static let unknownResource = APIStatus(
        404,
        "NotFound",
        "the server could not find the requested resource",
        details: Details()
    )

    static let methodNotAllowed = APIStatus(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        details: Details()
    )

    static func notFound(_ resource: Resource, _ name: String) -> APIStatus {
        APIStatus(404, "NotFound", "\(resource.qualifiedName) \"\(name)\" not found", details: resource.details(name))
    }

    static func alreadyExists(_ resource: Resource, _ name: String) -> APIStatus {
        APIStatus(
            409,
            "AlreadyExists",
            "\(resource.qualifiedName) \"\(name)\" already exists",
            details: resource.details(name)
        )
    }

    static func conflict(_ resource: Resource, _ name: String, _ problem: String) -> APIStatus {
        APIStatus(
            409,
            "Conflict",
            "Operation cannot be fulfilled on \(resource.qualifiedName) \"\(name)\": \(problem)",
            details: resource.details(name)
        )
    }

    static func modified(_ resource: Resource, _ name: String) -> APIStatus {
        conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again"
        )
    }

    /// 422 with one cause per field. `kind` and `group` name what was invalid.
    static func invalid(kind: String, group: String, name: String, _ errors: [FieldError]) -> APIStatus {
        let texts = errors.map { "\($0.field): \($0.message)" }
        let list = texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
        let qualified = group.isEmpty ? kind : "\(kind).\(group)"
        return APIStatus(
            422,
            "Invalid",
            "\(qualified) \"\(name)\" is invalid: \(list)",
            details: Details(
                name: name,
                group: group,
                kind: kind,
                causes: errors.map { Cause(reason: $0.reason, message: $0.message, field: $0.field) }
            )
        )
    }

    static func invalidOptions(_ kind: String, _ error: FieldError) -> APIStatus {
        invalid(kind: kind, group: "meta.k8s.io", name: "", [error])
    }

    static func gone(_ message: String) -> APIStatus { APIStatus(410, "Expired", message) }

    static func tooLargeResourceVersion(_ asked: Int64, current: Int64) -> APIStatus {
        APIStatus(
            504,
            "Timeout",
            "Timeout: Too large resource version: \(asked), current: \(current)",
            details: Details(
                causes: [Cause(reason: "ResourceVersionTooLarge", message: "Too large resource version")],
                retryAfterSeconds: 1
            )
        )
    }
}

/// One invalid field of an object.
struct FieldError: Sendable, Equatable {
    let field: String
    let reason: String
    let message: String

    static func required(_ field: String, _ detail: String = "") -> FieldError {
        FieldError(
            field: field,
            reason: "FieldValueRequired",
            message: detail.isEmpty ? "Required value" : "Required value: \(detail)"
        )
    }

    static func invalid(_ field: String, _ value: JSON, _ detail: String) -> FieldError {
        FieldError(field: field, reason: "FieldValueInvalid", message: "Invalid value: \(value.text): \(detail)")
    }

    static func duplicate(_ field: String, _ value: JSON) -> FieldError {
        FieldError(field: field, reason: "FieldValueDuplicate", message: "Duplicate value: \(value.text)")
    }

    static func forbidden(_ field: String, _ detail: String) -> FieldError {
        FieldError(field: field, reason: "FieldValueForbidden", message: "Forbidden: \(detail)")
    }

    static func unsupported(_ field: String, _ value: String, _ supported: [String]) -> FieldError {
        let list = supported.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
        return FieldError(
            field: field,
            reason: "FieldValueNotSupported",
            message: "Unsupported value: \"\(value)\": supported values: \(list)"
        )
    }

    static func tooMany(_ field: String, _ count: Int, maximum: Int) -> FieldError {
        FieldError(
            field: field,
            reason: "FieldValueTooMany",
            message: "Too many: \(count): must have at most \(maximum) items"
        )
    }

    static func tooLong(_ field: String, maximum: Int) -> FieldError {
        FieldError(
            field: field,
            reason: "FieldValueTooLong",
            message: "Too long: may not be more than \(maximum) bytes"
        )
    }
}
