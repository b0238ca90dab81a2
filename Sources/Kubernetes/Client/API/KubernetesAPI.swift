package import HTTPTransport
package import KubernetesObjects

/// Single requests for objects of any kind, as JSON. An expired credential is replaced and the request sent again;
/// every other failure is the caller's to judge.
package struct KubernetesAPI: Sendable {
    package enum Patch: Sendable {
        /// RFC 7396. Without a resourceVersion the last writer wins.
        case merge(JSONValue)
        /// RFC 6902
        case operations([JSONValue])
        /// Server-side apply. The object must hold no managedFields.
        case apply(JSONValue, manager: String, force: Bool)

        fileprivate var mediaType: String {
            switch self {
            case .merge: "application/merge-patch+json"
            case .operations: "application/json-patch+json"
            case .apply: "application/apply-patch+yaml"
            }
        }

        fileprivate var body: [UInt8] {
            switch self {
            case .merge(let object), .apply(let object, _, _): object.encoded
            case .operations(let operations): JSONValue.array(operations).encoded
            }
        }
    }

    package let connection: ClusterConnection

    package init(_ connection: ClusterConnection) { self.connection = connection }

    // MARK: Objects

    package func get(_ object: ObjectReference) async throws(APIFailure) -> JSONValue {
        try await json(APIRequest(.get, object.path))
    }

    /// Creates `value` in the collection of `object`, whose name is that in `value`.
    package func create(_ value: JSONValue, as object: ObjectReference) async throws(APIFailure) -> JSONValue {
        try await json(writing(.post, object.collectionPath, value.encoded))
    }

    /// Replaces the object. With the resourceVersion in `value` only if it still has that version (409 otherwise).
    package func update(_ value: JSONValue, as object: ObjectReference) async throws(APIFailure) -> JSONValue {
        try await json(writing(.put, object.path, value.encoded))
    }

    package func patch(_ object: ObjectReference, _ patch: Patch) async throws(APIFailure) -> JSONValue {
        var request = writing(.patch, object.path, patch.body, mediaType: patch.mediaType)
        if case .apply(_, let manager, let force) = patch {
            request.query = [.init("fieldManager", manager)] + (force ? [.init("force", "true")] : [])
        }
        return try await json(request)
    }

    package func delete(_ object: ObjectReference) async throws(APIFailure) {
        _ = try await send(APIRequest(.delete, object.path, headers: ["Accept": ObjectEncoding.json.mediaType]))
    }

    // MARK: About the server

    /// What the server calls its version: `v1.36.0`.
    package func version() async throws(APIFailure) -> String {
        let answer = try await json(APIRequest(.get, "/version", totalTimeout: .seconds(10)))
        // Builds without version stamps leave a template in gitVersion.
        if let version = answer["gitVersion"]?.string, !version.contains("$") { return version }
        guard let major = answer["major"]?.string, let minor = answer["minor"]?.string else {
            throw .unreadable("/version names no version")
        }
        return "v\(major).\(minor)"
    }

    /// Whether the account in use has `permission`.
    package func isAllowed(_ permission: Permission) async throws(APIFailure) -> Bool {
        var attributes: JSONValue = ["verb": .string(permission.verb), "resource": .string(permission.resource)]
        if !permission.group.isEmpty { attributes["group"] = .string(permission.group) }
        if let namespace = permission.namespace { attributes["namespace"] = .string(namespace) }
        let review: JSONValue = [
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": ["resourceAttributes": attributes],
        ]
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        guard let allowed = try await json(writing(.post, path, review.encoded))["status"]?["allowed"]?.boolean else {
            throw .unreadable("an access review without a verdict")
        }
        return allowed
    }

    // MARK: Requests

    private func writing(
        _ method: HTTPMethod,
        _ path: String,
        _ body: [UInt8],
        mediaType: String = ObjectEncoding.json.mediaType
    ) -> APIRequest {
        APIRequest(method, path, headers: ["Content-Type": mediaType], body: body)
    }

    private func json(_ request: APIRequest) async throws(APIFailure) -> JSONValue {
        var request = request
        request.headers["Accept"] = ObjectEncoding.json.mediaType
        let response = try await send(request)
        do throws(ObjectDecodingError) {
            return try JSONValue(parsing: response.body)
        } catch {
            throw .unreadable("\(request.method.rawValue) \(request.path): \(error)")
        }
    }

    /// Sends `request`. Statuses outside 2xx are thrown.
    package func send(_ request: APIRequest) async throws(APIFailure) -> HTTPResponse {
        let attempt = try await connection.attempt()
        var response = try await connection.send(request, with: attempt)
        if response.status == 401 {
            connection.renew(after: attempt)
            try await connection.refreshCredential(after: attempt)
            response = try await connection.send(request, with: try await connection.attempt())
        }
        guard (200..<300).contains(response.status) else {
            let head = HTTPResponseHead(status: response.status, headers: response.headers)
            throw .refused(KubernetesStatus(head, body: response.body))
        }
        return response
    }
}

/// An object by kind and name.
package struct ObjectReference: Hashable, Sendable {
    package let resource: KubernetesResource
    /// `nil` for kinds without namespaces.
    package let namespace: String?
    package let name: String

    package init(_ resource: KubernetesResource, namespace: String?, name: String) {
        self.resource = resource
        self.namespace = namespace
        self.name = name
    }

    var collectionPath: String { resource.path(namespace: namespace.map { percentEncoded($0) }) }
    var path: String { "\(collectionPath)/\(percentEncoded(name))" }
}

extension KubernetesResource {
    package static let events = Self(group: "", version: "v1", plural: "events", kind: "Event")
    package static let leases = Self(group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease")

    /// `v1`, `discovery.k8s.io/v1`
    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
}
