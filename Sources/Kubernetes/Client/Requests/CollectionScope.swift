import HTTPTransport
package import KubernetesObjects

/// Which objects are listed and watched.
package struct CollectionScope: Hashable, Sendable {
    package var resource: KubernetesResource
    /// `nil` for all namespaces.
    package var namespace: String?
    package var labelSelector: LabelSelector?

    package init(_ resource: KubernetesResource, namespace: String? = nil, labelSelector: LabelSelector? = nil) {
        self.resource = resource
        self.namespace = namespace
        self.labelSelector = labelSelector
    }

    /// What the account needs so that `verb` is allowed here.
    package func permission(_ verb: String) -> Permission {
        Permission(verb: verb, group: resource.group, resource: resource.plural, namespace: namespace)
    }
}

extension CollectionScope {
    /// The ways to read a collection.
    package enum Reading: Hashable, Sendable {
        /// A page of at most `limit` objects, the first when `continueToken` is empty; everything when `limit` is nil.
        case page(limit: Int?, continueToken: String)
        /// A watch that begins with everything there is, marks its end with a bookmark, and goes on.
        case streamedList(seconds: Int)
        /// What changes after `version`, for at most `seconds`.
        case watch(after: String, seconds: Int)

        package var verb: String {
            switch self {
            case .page: "list"
            case .streamedList, .watch: "watch"
            }
        }
    }

    /// The request for `reading`. Lists ask for the most recent state, so that a lagging API server of several cannot
    /// take a reader back in time.
    package func request(_ reading: Reading, encoding: ObjectEncoding) -> APIRequest {
        var request = APIRequest(
            .get,
            resource.path(namespace: namespace.map { percentEncoded($0) }),
            headers: ["Accept": encoding.accept]
        )
        if let labelSelector { request.query.append(.init("labelSelector", labelSelector.text)) }
        switch reading {
        case .page(let limit, let token):
            if let limit { request.query.append(.init("limit", "\(limit)")) }
            if !token.isEmpty { request.query.append(.init("continue", token)) }
            // A page is small; a whole large cluster in one answer is not.
            request.totalTimeout = limit == nil ? .seconds(300) : .seconds(90)
            request.idleTimeout = .seconds(60)
        case .streamedList(let seconds):
            request.query += [
                .init("watch", "true"), .init("sendInitialEvents", "true"),
                .init("resourceVersionMatch", "NotOlderThan"), .init("allowWatchBookmarks", "true"),
                .init("timeoutSeconds", "\(seconds)"),
            ]
            request.totalTimeout = nil
        case .watch(let version, let seconds):
            request.query += [
                .init("watch", "true"), .init("resourceVersion", version), .init("allowWatchBookmarks", "true"),
                .init("timeoutSeconds", "\(seconds)"),
            ]
            request.totalTimeout = nil
        }
        return request
    }
}
