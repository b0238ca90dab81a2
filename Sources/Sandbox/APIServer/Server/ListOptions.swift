/// The query of a list or watch, checked as the API server checks it.
struct ListOptions: Sendable {
    enum Match: String, Sendable {
        case exact = "Exact"
        case notOlderThan = "NotOlderThan"
    }

    let labels: LabelSelector
    let fields: FieldSelector
    let limit: Int
    let continueToken: String
    /// As given: empty, `0`, a number or garbage.
    let resourceVersion: String
    let match: Match?
    let timeout: Duration?
    let allowsBookmarks: Bool
    let sendsInitialEvents: Bool?

    var hasSelector: Bool { !labels.isEmpty || !fields.isEmpty }

    init(_ request: ServerRequest, _ resource: Resource, isWatch: Bool, knowsInitialEvents: Bool) throws(APIStatus) {
        func flag(_ name: String) throws(APIStatus) -> Bool? {
            guard let text = request.parameter(name) else { return nil }
            switch text {
            case "true", "1", "t", "True", "TRUE", "T": return true
            case "false", "0", "f", "False", "FALSE", "F", "": return false
            default: throw .badRequest("strconv.ParseBool: parsing \"\(text)\": invalid syntax")
            }
        }
        func number(_ name: String) throws(APIStatus) -> Int? {
            guard let text = request.parameter(name), !text.isEmpty else { return nil }
            guard let number = Int(text) else {
                throw .badRequest("strconv.ParseInt: parsing \"\(text)\": invalid syntax")
            }
            return number
        }
        limit = try number("limit") ?? 0
        timeout = try number("timeoutSeconds").flatMap { $0 > 0 ? .seconds($0) : nil }
        allowsBookmarks = try flag("allowWatchBookmarks") ?? false
        sendsInitialEvents = try flag("sendInitialEvents")
        continueToken = request.parameter("continue") ?? ""
        resourceVersion = request.parameter("resourceVersion") ?? ""
        labels = try LabelSelector(request.parameter("labelSelector") ?? "")
        fields = try FieldSelector(request.parameter("fieldSelector") ?? "", for: resource)
        let matchText = request.parameter("resourceVersionMatch") ?? ""
        match = Match(rawValue: matchText)
        let errors = Self.problems(
            isWatch: isWatch,
            matchText: matchText,
            resourceVersion: resourceVersion,
            continueToken: continueToken,
            sendsInitialEvents: sendsInitialEvents,
            knowsInitialEvents: knowsInitialEvents
        )
        if let error = errors { throw .invalidOptions("ListOptions", error) }
    }

    private static func problems(
        isWatch: Bool,
        matchText: String,
        resourceVersion: String,
        continueToken: String,
        sendsInitialEvents: Bool?,
        knowsInitialEvents: Bool
    ) -> FieldError? {
        func forbidden(_ field: String, _ detail: String) -> FieldError { .forbidden(field, detail) }
        let isKnown = Match(rawValue: matchText) != nil
        if sendsInitialEvents != nil {
            guard isWatch else { return forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list") }
            guard knowsInitialEvents else {
                return forbidden(
                    "sendInitialEvents",
                    "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
                )
            }
            if matchText != Match.notOlderThan.rawValue {
                return forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                )
            }
            return nil
        }
        guard !matchText.isEmpty else { return nil }
        let field = "resourceVersionMatch"
        if isWatch {
            return forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        }
        if resourceVersion.isEmpty {
            return forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        if !continueToken.isEmpty {
            return forbidden(field, "resourceVersionMatch is forbidden when continue is provided")
        }
        if !isKnown {
            return .unsupported(field, matchText, [Match.exact.rawValue, Match.notOlderThan.rawValue, ""])
        }
        if matchText == Match.exact.rawValue, resourceVersion == "0" {
            return forbidden(field, "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"")
        }
        return nil
    }

    /// The version as a number; `nil` when none was given.
    func version(isWatch: Bool) throws(APIStatus) -> Int64? {
        guard !resourceVersion.isEmpty else { return nil }
        guard let version = UInt64(resourceVersion) else {
            let problem =
                "resourceVersion: Invalid value: \"\(resourceVersion)\": strconv.ParseUint: parsing "
                + "\"\(resourceVersion)\": invalid syntax"
            throw isWatch ? APIStatus(500, "", problem) : .badRequest("invalid resource version: \(problem)")
        }
        return Int64(clamping: version)
    }

    func matches(_ object: StoredObject) -> Bool {
        (labels.isEmpty || labels.matches(object.labels)) && (fields.isEmpty || fields.matches(object.object))
    }
}

/// Where a page ended, as an opaque text.
struct ContinueToken {
    /// -1 when the rest may be of any version.
    let revision: Int64
    let last: ObjectKey

    var text: String {
        let start = last.namespace.isEmpty ? last.name : "\(last.namespace)/\(last.name)"
        let token: JSON = ["v": "meta.k8s.io/v1", "rv": .int(revision), "start": .string("\(start)\u{0}")]
        let padded = Base64.encode(token.encoded()).replacing("+", with: "-").replacing("/", with: "_")
        return String(padded.prefix { $0 != "=" })
    }

    private static let alphabet =
        Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func invalid(_ problem: String) -> APIStatus {
        .badRequest("invalid continue token: continue key is not valid: \(problem)")
    }

    init(revision: Int64, last: ObjectKey) {
        self.revision = revision
        self.last = last
    }

    init(_ text: String) throws(APIStatus) {
        let characters = Array(text.utf8)
        let illegal = characters.firstIndex { !Self.alphabet.contains($0) } ?? characters.count - 1
        let padding = String(repeating: "=", count: (4 - characters.count % 4) % 4)
        let standard = text.replacing("-", with: "+").replacing("_", with: "/") + padding
        guard characters.count % 4 != 1, let bytes = Base64.decode(standard) else {
            throw Self.invalid("illegal base64 data at input byte \(illegal)")
        }
        guard let token = try? JSON(parsing: bytes), let revision = token["rv"]?.int,
            let start = token["start"]?.string, start.hasSuffix("\u{0}")
        else {
            throw Self.invalid("the token was not made by this server")
        }
        self.revision = revision
        let parts = start.dropLast().split(separator: "/")
        last =
            parts.count == 2
            ? ObjectKey(namespace: String(parts[0]), name: String(parts[1]))
            : ObjectKey(namespace: "", name: String(parts.first ?? ""))
    }
}
