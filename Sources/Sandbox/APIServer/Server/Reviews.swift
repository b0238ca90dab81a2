/// Reviews are created, answered and not kept.
struct Review: Sendable {
    let group: String
    let resource: String
    let kind: String
    let schema: Schema

    static let all = [
        Review(
            group: "authorization.k8s.io",
            resource: "selfsubjectaccessreviews",
            kind: "SelfSubjectAccessReview",
            schema: Schemas.selfSubjectAccessReview
        ),
        Review(
            group: "authorization.k8s.io",
            resource: "selfsubjectrulesreviews",
            kind: "SelfSubjectRulesReview",
            schema: Schemas.selfSubjectRulesReview
        ),
        Review(
            group: "authentication.k8s.io",
            resource: "selfsubjectreviews",
            kind: "SelfSubjectReview",
            schema: Schemas.selfSubjectReview
        ),
    ]

    private init(group: String, resource: String, kind: String, schema: Schema) {
        self.group = group
        self.resource = resource
        self.kind = kind
        self.schema = schema
    }

    init?(_ info: RequestInfo) {
        guard let known = Self.all.first(where: { $0.group == info.group && $0.resource == info.resource }),
            info.version == "v1", info.name.isEmpty
        else { return nil }
        self = known
    }
}

extension APIServer {
    func answer(
        _ review: Review,
        _ request: ServerRequest,
        _ user: APIUser,
        _ responder: Responder
    ) async throws(APIStatus) {
        var responder = responder
        guard let negotiation = Negotiation(request) else { throw Negotiation.notAcceptable }
        responder.negotiation = negotiation
        let apiVersion = "\(review.group)/v1"
        var decoder = BodyDecoder(
            kind: review.kind,
            apiVersion: apiVersion,
            schema: review.schema,
            validation: .warn
        )
        let asked = try decoder.decode(request.body, contentType: request.headers["Content-Type"])
        var object: JSON
        switch review.kind {
        case "SelfSubjectAccessReview": object = try accessReview(asked, request, user)
        case "SelfSubjectRulesReview":
            object = ["metadata": [:], "spec": [:], "status": rules(user, asked[["spec", "namespace"]]?.string ?? "")]
        default:
            object = [
                "metadata": ["creationTimestamp": .string(now().text)],
                "status": ["userInfo": ["username": .string(user.name), "groups": JSON(user.groups)]],
            ]
        }
        object = (try? review.schema.canonical(object).object) ?? object
        responder.warnings = decoder.warnings
        let body = negotiation.encode(object, kind: review.kind, apiVersion: apiVersion, schema: review.schema)
        let answer = responder
        try await escaping { try await answer.send(201, negotiation.contentType, [body]) }
    }

    private func accessReview(_ asked: JSON, _ request: ServerRequest, _ user: APIUser) throws(APIStatus) -> JSON {
        var object = asked
        let spec = asked["spec"] ?? [:]
        let isAllowed: Bool
        switch (spec["resourceAttributes"], spec["nonResourceAttributes"]) {
        case (let attributes?, nil):
            let resource = attributes["resource"]?.string ?? ""
            let subresource = attributes["subresource"]?.string ?? ""
            isAllowed = access.allows(
                user,
                AccessAttributes(
                    verb: attributes["verb"]?.string ?? "",
                    group: attributes["group"]?.string ?? "",
                    resource: subresource.isEmpty ? resource : "\(resource)/\(subresource)",
                    namespace: attributes["namespace"]?.string ?? "",
                    name: attributes["name"]?.string ?? ""
                )
            )
        case (nil, .some): isAllowed = user.isAuthenticated
        default:
            throw .invalid(
                kind: "",
                group: "authorization.k8s.io",
                name: "",
                [
                    .invalid(
                        "spec.resourceAttributes",
                        .null,
                        "exactly one of nonResourceAttributes or resourceAttributes must be specified"
                    )
                ]
            )
        }
        let agent = request.headers["User-Agent"] ?? "unknown"
        var fields = ManagedFields([:])
        fields.update(
            FieldComparison(
                Schemas.selfSubjectAccessReview,
                old: Schemas.selfSubjectAccessReview.empty,
                new: asked
            ),
            by: ManagedFields.Manager(
                name: String(agent.prefix { $0 != "/" }),
                operation: .update,
                apiVersion: "authorization.k8s.io/v1",
                subresource: ""
            ),
            now: now().text
        )
        object["metadata"]?["managedFields"] = fields.json
        object["status"] = ["allowed": .bool(isAllowed)]
        return object
    }

    private func rules(_ user: APIUser, _ namespace: String) -> JSON {
        func rule(_ verbs: [String], _ groups: [String], _ resources: [String]) -> JSON {
            ["verbs": JSON(verbs), "apiGroups": JSON(groups), "resources": JSON(resources)]
        }
        var resourceRules = [
            rule(["create"], ["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
            rule(["create"], ["authentication.k8s.io"], ["selfsubjectreviews"]),
        ]
        if user.isMaster { resourceRules.append(rule(["*"], ["*"], ["*"])) }
        for own in user.rules where own.namespaces.map({ $0.contains(namespace) }) ?? true {
            resourceRules.append(rule(own.verbs, own.apiGroups, own.resources))
        }
        let paths: JSON = [
            "verbs": ["get"],
            "nonResourceURLs": [
                "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
                "/version", "/version/",
            ],
        ]
        return ["resourceRules": .array(resourceRules), "nonResourceRules": [paths], "incomplete": false]
    }
}
