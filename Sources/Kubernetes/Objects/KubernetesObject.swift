/// An object kind that Portolan lists and watches, decoded to the fields that matter here and nothing else.
package protocol KubernetesObject: Sendable, Hashable {
    static var resource: KubernetesResource { get }

    var metadata: ObjectMetadata { get }
}

/// How a kind is addressed.
package struct KubernetesResource: Sendable, Hashable {
    /// Empty for the core group.
    package let group: String
    package let version: String
    /// Plural, lower case: the path segment and the RBAC name.
    package let plural: String
    package let kind: String

    package init(group: String, version: String, plural: String, kind: String) {
        self.group = group
        self.version = version
        self.plural = plural
        self.kind = kind
    }

    package static let services = Self(group: "", version: "v1", plural: "services", kind: "Service")
    package static let endpoints = Self(group: "", version: "v1", plural: "endpoints", kind: "Endpoints")
    package static let endpointSlices = Self(
        group: "discovery.k8s.io",
        version: "v1",
        plural: "endpointslices",
        kind: "EndpointSlice"
    )

    /// The collection's path; in one namespace, or across all of them.
    package func path(namespace: String? = nil) -> String {
        let root = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        return if let namespace { "\(root)/namespaces/\(namespace)/\(plural)" } else { "\(root)/\(plural)" }
    }
}

/// The fields of ObjectMeta that are read.
package struct ObjectMetadata: Sendable, Hashable {
    package var namespace: String
    package var name: String
    /// Opaque: compared for equality only.
    package var resourceVersion: String

    package init(namespace: String, name: String, resourceVersion: String) {
        self.namespace = namespace
        self.name = name
        self.resourceVersion = resourceVersion
    }
}

/// The two encodings read from an API server.
package enum ObjectEncoding: Sendable, Hashable, CaseIterable {
    case json
    case protobuf

    package var mediaType: String {
        switch self {
        case .json: "application/json"
        case .protobuf: "application/vnd.kubernetes.protobuf"
        }
    }
}

/// A page of a list, or the whole of it.
package struct ObjectList<Object: KubernetesObject>: Sendable {
    package var items: [Object]
    package var resourceVersion: String
    /// Empty on the last page.
    package var continueToken: String
    /// Items that could not be read, by name where it is known: reported, and never a reason to lose the others.
    package var malformed: [MalformedObject]

    package init(
        items: [Object],
        resourceVersion: String,
        continueToken: String = "",
        malformed: [MalformedObject] = []
    ) {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
        self.malformed = malformed
    }
}

package struct MalformedObject: Sendable, Hashable {
    package var metadata: ObjectMetadata?
    package var reason: String

    package init(metadata: ObjectMetadata?, reason: String) {
        self.metadata = metadata
        self.reason = reason
    }
}

/// One event of a watch.
package enum WatchEvent<Object: KubernetesObject>: Sendable {
    case added(Object)
    case modified(Object)
    case deleted(Object)
    /// `initialEventsEnd` carries the annotation `k8s.io/initial-events-end` of a streamed list.
    case bookmark(resourceVersion: String, initialEventsEnd: Bool)
    case error(KubernetesStatus)
    /// An event whose object cannot be read; the watch goes on.
    case malformed(MalformedObject)
}

/// The v1 Status that API servers send for errors.
package struct KubernetesStatus: Sendable, Hashable {
    package var code: Int
    package var reason: String
    package var message: String
    package var retryAfterSeconds: Int?
    /// The fresh token that a 410 for an old continue token carries.
    package var continueToken: String

    package init(
        code: Int,
        reason: String = "",
        message: String = "",
        retryAfterSeconds: Int? = nil,
        continueToken: String = ""
    ) {
        self.code = code
        self.reason = reason
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
        self.continueToken = continueToken
    }
}
