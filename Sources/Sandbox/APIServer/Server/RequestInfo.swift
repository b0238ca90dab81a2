/// What a path under `/api` or `/apis` and a method ask for, before any resource is looked up.
struct RequestInfo: Sendable, Equatable {
    let group: String
    let version: String
    /// Empty for cluster-scoped resources and all namespaces.
    let namespace: String
    let resource: String
    let name: String
    let subresource: String
    /// As authorization and discovery name it: `get`, `list`, `watch`, `create`, …
    let verb: String

    /// `nil` when the path stops at the version or before it.
    init?(_ request: ServerRequest) {
        var parts = request.segments[...]
        switch parts.popFirst() {
        case "api":
            guard let version = parts.popFirst() else { return nil }
            group = ""
            self.version = version
        case "apis":
            guard let group = parts.popFirst(), let version = parts.popFirst() else { return nil }
            self.group = group
            self.version = version
        default: return nil
        }
        var isWatchPath = false
        if parts.first == "watch" {
            isWatchPath = true
            parts.removeFirst()
        }
        if parts.first == "namespaces", parts.count > 2, !["status", "finalize"].contains(parts[parts.startIndex + 2]) {
            namespace = parts[parts.startIndex + 1]
            parts = parts.dropFirst(2)
        } else {
            namespace = ""
        }
        guard let resource = parts.popFirst() else { return nil }
        self.resource = resource
        name = parts.popFirst() ?? ""
        subresource = parts.joined(separator: "/")
        let isWatch =
            isWatchPath || (name.isEmpty && ["1", "t", "true", "True", "TRUE"].contains(request.parameter("watch")))
        verb =
            switch request.method {
            case "GET", "HEAD": isWatch ? "watch" : name.isEmpty ? "list" : "get"
            case "POST": "create"
            case "PUT": "update"
            case "PATCH": "patch"
            case "DELETE": name.isEmpty ? "deletecollection" : "delete"
            default: ""
            }
    }

    /// `services`, `services/status`.
    var qualifiedResource: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }
}
