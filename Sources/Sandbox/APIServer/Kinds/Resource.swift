/// One resource the server serves: where it is, what its objects look like, and how they behave.
struct Resource: Sendable {
    struct Subresource: Sendable {
        let name: String
        let verbs: [String]
    }

    let group: String
    let version: String
    /// Plural, as in paths.
    let name: String
    let singular: String
    let kind: String
    var shortNames: [String] = []
    var categories: [String] = []
    var isNamespaced = true
    var verbs = Resource.allVerbs
    var subresources: [Subresource] = []
    var storageVersionHash = ""
    let schema: Schema
    let strategy: any ResourceStrategy
    /// The collection its objects are kept in, named as in etcd; Events of both groups share one.
    let storagePrefix: String
    /// Served through a watch cache; Events are not.
    var isCached = true

    static let allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

    /// The shape of stored objects.
    var storageSchema: Schema { strategy.conversion?.storageSchema ?? schema }

    /// `v1`, `discovery.k8s.io/v1`.
    var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// `services`, `endpointslices.discovery.k8s.io`.
    var qualifiedName: String { group.isEmpty ? name : "\(name).\(group)" }

    func details(_ objectName: String) -> APIStatus.Details {
        APIStatus.Details(name: objectName, group: group, kind: name)
    }

    func invalid(_ objectName: String, _ errors: [FieldError]) -> APIStatus {
        .invalid(kind: kind, group: strategy.groupInErrors ?? group, name: objectName, errors)
    }
}

/// The resources by path, and in the order discovery tells them.
enum Resources {
    static let services = Resource(
        group: "",
        version: "v1",
        name: "services",
        singular: "service",
        kind: "Service",
        shortNames: ["svc"],
        categories: ["all"],
        subresources: [.init(name: "status", verbs: ["get", "patch", "update"])],
        storageVersionHash: "0/CO1lhkEBI=",
        schema: Schemas.service,
        strategy: ServiceStrategy(),
        storagePrefix: "services/specs"
    )

    static let endpoints = Resource(
        group: "",
        version: "v1",
        name: "endpoints",
        singular: "endpoints",
        kind: "Endpoints",
        shortNames: ["ep"],
        storageVersionHash: "fWeeMqaN/OA=",
        schema: Schemas.endpoints,
        strategy: EndpointsStrategy(),
        storagePrefix: "services/endpoints"
    )

    static let endpointSlices = Resource(
        group: "discovery.k8s.io",
        version: "v1",
        name: "endpointslices",
        singular: "endpointslice",
        kind: "EndpointSlice",
        storageVersionHash: "qgS0xkrxYAI=",
        schema: Schemas.endpointSlice,
        strategy: EndpointSliceStrategy(),
        storagePrefix: "endpointslices"
    )

    static let leases = Resource(
        group: "coordination.k8s.io",
        version: "v1",
        name: "leases",
        singular: "lease",
        kind: "Lease",
        storageVersionHash: "gqkMMb/YqFM=",
        schema: Schemas.lease,
        strategy: LeaseStrategy(),
        storagePrefix: "leases"
    )

    static let namespaces = Resource(
        group: "",
        version: "v1",
        name: "namespaces",
        singular: "namespace",
        kind: "Namespace",
        shortNames: ["ns"],
        isNamespaced: false,
        verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
        subresources: [
            .init(name: "finalize", verbs: ["update"]), .init(name: "status", verbs: ["get", "patch", "update"]),
        ],
        storageVersionHash: "Q3oi5N2YM8M=",
        schema: Schemas.namespace,
        strategy: NamespaceStrategy(),
        storagePrefix: "namespaces"
    )

    static let events = Resource(
        group: "",
        version: "v1",
        name: "events",
        singular: "event",
        kind: "Event",
        shortNames: ["ev"],
        storageVersionHash: "r2yiGXH7wu8=",
        schema: Schemas.event,
        strategy: EventStrategy(),
        storagePrefix: "events",
        isCached: false
    )

    static let eventsOfEventsGroup = Resource(
        group: "events.k8s.io",
        version: "v1",
        name: "events",
        singular: "event",
        kind: "Event",
        shortNames: ["ev"],
        storageVersionHash: "r2yiGXH7wu8=",
        schema: Schemas.eventOfEventsGroup,
        strategy: EventStrategy(isOfEventsGroup: true),
        storagePrefix: "events",
        isCached: false
    )

    static let configMaps = Resource(
        group: "",
        version: "v1",
        name: "configmaps",
        singular: "configmap",
        kind: "ConfigMap",
        shortNames: ["cm"],
        storageVersionHash: "qFsyl6wFWjQ=",
        schema: Schemas.configMap,
        strategy: ConfigMapStrategy(),
        storagePrefix: "configmaps"
    )

    static let pods = Resource(
        group: "",
        version: "v1",
        name: "pods",
        singular: "pod",
        kind: "Pod",
        shortNames: ["po"],
        categories: ["all"],
        subresources: [.init(name: "status", verbs: ["get", "patch", "update"])],
        storageVersionHash: "xPOwRZ+Yhw8=",
        schema: Schemas.pod,
        strategy: PodStrategy(),
        storagePrefix: "pods"
    )

    static let nodes = Resource(
        group: "",
        version: "v1",
        name: "nodes",
        singular: "node",
        kind: "Node",
        shortNames: ["no"],
        isNamespaced: false,
        subresources: [.init(name: "status", verbs: ["get", "patch", "update"])],
        storageVersionHash: "XwShjMxG9Fs=",
        schema: Schemas.node,
        strategy: NodeStrategy(),
        storagePrefix: "minions"
    )

    static let all = [
        configMaps, endpoints, events, namespaces, nodes, pods, services, eventsOfEventsGroup, leases, endpointSlices,
    ]

    static func find(group: String, version: String, name: String) -> Resource? {
        all.first { $0.name == name && $0.group == group && $0.version == version }
    }

    static func find(apiVersion: String, kind: String) -> Resource? {
        all.first { $0.kind == kind && $0.apiVersion == apiVersion }
    }
}
