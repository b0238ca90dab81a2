internal import Synchronization

/// Who a request is from.
package struct APIUser: Sendable, Equatable {
    package var name: String
    package var groups: [String]
    /// What the user may do; members of `system:masters` may do everything.
    package var rules: [PolicyRule]

    package init(_ name: String, groups: [String] = ["system:authenticated"], rules: [PolicyRule] = []) {
        self.name = name
        self.groups = groups
        self.rules = rules
    }

    package static let admin = APIUser("admin", groups: ["system:masters", "system:authenticated"])
    package static let anonymous = APIUser("system:anonymous", groups: ["system:unauthenticated"])

    var isMaster: Bool { groups.contains("system:masters") }
    var isAuthenticated: Bool { groups.contains("system:authenticated") || isMaster }
}

/// A rule of a Role or ClusterRole; `*` stands for anything.
package struct PolicyRule: Sendable, Equatable {
    package var verbs: [String]
    package var apiGroups: [String]
    package var resources: [String]
    /// `nil` for a ClusterRole bound everywhere.
    package var namespaces: [String]?

    package init(verbs: [String], apiGroups: [String] = ["*"], resources: [String], namespaces: [String]? = nil) {
        self.verbs = verbs
        self.apiGroups = apiGroups
        self.resources = resources
        self.namespaces = namespaces
    }

    func covers(_ attributes: AccessAttributes) -> Bool {
        func matches(_ list: [String], _ value: String) -> Bool { list.contains("*") || list.contains(value) }
        return matches(verbs, attributes.verb) && matches(apiGroups, attributes.group)
            && matches(resources, attributes.resource)
            && (namespaces.map { matches($0, attributes.namespace) } ?? true)
    }
}

/// What a request wants to do, as authorization sees it.
struct AccessAttributes: Sendable, Equatable {
    var verb: String
    var group: String
    /// With the subresource: `services/status`.
    var resource: String
    var namespace: String
    var name: String
}

/// Tokens and permissions, changed while the server runs.
final class AccessPolicy: Sendable {
    private struct State {
        var tokens: [String: APIUser] = [:]
        /// Taken away from everybody.
        var denials: [PolicyRule] = []
    }

    /// Without tokens every request is the administrator's.
    private let isOpen: Bool
    private let state: Mutex<State>

    init(tokens: [String: APIUser]) {
        isOpen = tokens.isEmpty
        state = Mutex(State(tokens: tokens))
    }

    func setToken(_ token: String, _ user: APIUser?) { state.withLock { $0.tokens[token] = user } }

    func deny(_ rule: PolicyRule) { state.withLock { $0.denials.append(rule) } }

    func withdrawDenials() { state.withLock { $0.denials = [] } }

    /// Throws 401 for credentials that are not known.
    func authenticate(_ request: ServerRequest) throws(APIStatus) -> APIUser {
        guard let header = request.headers["Authorization"] else { return isOpen ? .admin : .anonymous }
        let parts = header.split(separator: " ")
        let user = state.withLock { state -> APIUser? in
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return state.tokens[String(parts[1])]
        }
        if let user { return user }
        if isOpen { return .admin }
        throw .unauthorized
    }

    func allows(_ user: APIUser, _ attributes: AccessAttributes) -> Bool {
        let denials = state.withLock { $0.denials }
        guard !denials.contains(where: { $0.covers(attributes) }) else { return false }
        if user.isMaster { return true }
        let isReview = [
            "selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews",
        ].contains(attributes.resource)
        if isReview, user.isAuthenticated, attributes.verb == "create" { return true }
        return user.rules.contains { $0.covers(attributes) }
    }

    func check(_ user: APIUser, _ attributes: AccessAttributes) throws(APIStatus) {
        guard !allows(user, attributes) else { return }
        let base = attributes.resource.split(separator: "/").first.map(String.init) ?? attributes.resource
        let qualified = attributes.group.isEmpty ? base : "\(base).\(attributes.group)"
        let subject = attributes.name.isEmpty ? qualified : "\(qualified) \"\(attributes.name)\""
        let scope =
            attributes.namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(attributes.namespace)\""
        throw APIStatus(
            403,
            "Forbidden",
            "\(subject) is forbidden: User \"\(user.name)\" cannot \(attributes.verb) resource "
                + "\"\(attributes.resource)\" in API group \"\(attributes.group)\" \(scope)",
            details: APIStatus.Details(name: attributes.name, group: attributes.group, kind: base)
        )
    }

    /// Paths outside resources: health and version are everybody's, discovery is for who has a name.
    func checkPath(_ user: APIUser, _ request: ServerRequest) throws(APIStatus) {
        let isPublic = ["/healthz", "/livez", "/readyz", "/version"].contains { request.path.hasPrefix($0) }
        guard !isPublic, !user.isAuthenticated else { return }
        throw APIStatus(
            403,
            "Forbidden",
            "forbidden: User \"\(user.name)\" cannot \(request.method.lowercased()) path \"\(request.path)\"",
            details: APIStatus.Details()
        )
    }

    /// The user a request wants to act as, which only an administrator may.
    func impersonated(
        _ request: ServerRequest,
        by user: APIUser,
        _ attributes: AccessAttributes?
    ) throws(APIStatus) -> APIUser {
        guard let name = request.headers["Impersonate-User"] else { return user }
        guard user.isMaster else {
            var wanted = attributes ?? AccessAttributes(verb: "get", group: "", resource: "", namespace: "", name: "")
            wanted.verb = "impersonate-on:user-info:\(wanted.verb)"
            try check(user, wanted)
            return user
        }
        if name == APIUser.admin.name { return .admin }
        let known = state.withLock { state in state.tokens.values.first { $0.name == name } }
        let groups = request.headers.values("Impersonate-Group") + ["system:authenticated"]
        return APIUser(name, groups: groups, rules: known?.rules ?? [])
    }
}
