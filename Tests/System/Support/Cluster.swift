import HTTPTransport
import KubernetesClient
import KubernetesObjects

/// A Service as a test makes it, with one slice of endpoints.
struct TestService: Sendable {
    var name: String
    var port = 8080
    var portName = "grpc"
    var isHeadless = true

    static let cart = TestService(name: "cart")
    static let web = TestService(name: "web", port: 80, portName: "http", isHeadless: false)

    func object(in namespace: String) -> JSONValue {
        var spec: JSONValue = ["ports": [["name": .string(portName), "port": .integer(port), "targetPort": 8080]]]
        if isHeadless { spec["clusterIP"] = "None" }
        return [
            "apiVersion": "v1", "kind": "Service",
            "metadata": ["name": .string(name), "namespace": .string(namespace)], "spec": spec,
        ]
    }

    func slice(_ addresses: [String], in namespace: String) -> JSONValue {
        [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": [
                "name": .string("\(name)-1"), "namespace": .string(namespace),
                "labels": ["kubernetes.io/service-name": .string(name)],
            ],
            "addressType": "IPv4", "ports": [["name": .string(portName), "port": 8080, "protocol": "TCP"]],
            "endpoints": Self.endpoints(addresses),
        ]
    }

    static func endpoints(_ addresses: [String], areReady: Bool = true) -> JSONValue {
        .array(addresses.map { ["addresses": [.string($0)], "conditions": ["ready": .boolean(areReady)]] })
    }
}

/// The API server, as the person who deploys into one namespace uses it.
struct Cluster: Sendable {
    private static let namespaces = KubernetesResource(
        group: "",
        version: "v1",
        plural: "namespaces",
        kind: "Namespace"
    )

    private static let configMaps = KubernetesResource(
        group: "",
        version: "v1",
        plural: "configmaps",
        kind: "ConfigMap"
    )
    private static let serviceAccounts = KubernetesResource(
        group: "",
        version: "v1",
        plural: "serviceaccounts",
        kind: "ServiceAccount"
    )

    let api: KubernetesAPI
    let namespace: String

    init(kubeconfig: String, namespace: String) throws {
        let configuration = try ClusterConfiguration.kubeconfig(files: [kubeconfig])
        let credentials = CredentialProvider(configuration.credentials, environment: [:])
        api = KubernetesAPI(ClusterConnection(configuration, credentials: credentials))
        self.namespace = namespace
    }

    func createNamespace() async throws {
        let object: JSONValue = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)]]
        _ = try await api.create(object, as: ObjectReference(Self.namespaces, namespace: nil, name: namespace))
    }

    /// Takes the namespace away with what the test and the bridge made in it.
    func removeNamespace() async throws {
        for resource in [KubernetesResource.services, .endpointSlices, .events] {
            for name in try await names(of: resource) { try await api.delete(reference(resource, name)) }
        }
        let object = ObjectReference(Self.namespaces, namespace: nil, name: namespace)
        try await api.delete(object)
        // Where no controller runs, as shows in that it never put anything here, nobody else finishes the deletion.
        guard var rest = try? await api.get(object), try await names(of: Self.configMaps).isEmpty,
            try await names(of: Self.serviceAccounts).isEmpty
        else { return }
        rest["spec"] = ["finalizers": []]
        let headers: HTTPHeaders = ["Content-Type": "application/json", "Accept": "application/json"]
        let path = "/api/v1/namespaces/\(namespace)/finalize"
        do {
            _ = try await api.send(APIRequest(.put, path, headers: headers, body: rest.encoded))
        } catch {
            // Somebody does, after all.
            guard case .refused(let status) = error, [404, 409].contains(status.code) else { throw error }
        }
    }

    private func names(of resource: KubernetesResource) async throws -> [String] {
        let list = try await api.get(reference(resource, ""))
        return list["items"]?.array?.compactMap { $0["metadata"]?["name"]?.string } ?? []
    }

    func create(
        _ service: TestService,
        _ addresses: [String],
        annotations: [String: JSONValue] = [:]
    ) async throws {
        var object = service.object(in: namespace)
        if !annotations.isEmpty { object["metadata"]?["annotations"] = .object(annotations) }
        _ = try await api.create(object, as: reference(.services, service.name))
        _ = try await api.create(
            service.slice(addresses, in: namespace),
            as: reference(.endpointSlices, "\(service.name)-1")
        )
    }

    func setAddresses(_ service: TestService, _ addresses: [String]) async throws {
        try await change(service, ["endpoints": TestService.endpoints(addresses)])
    }

    func setReadiness(_ service: TestService, _ addresses: [String], isReady: Bool) async throws {
        try await change(service, ["endpoints": TestService.endpoints(addresses, areReady: isReady)])
    }

    /// Changes what nobody reads: the slice has a new version and the same endpoints.
    func touch(_ service: TestService) async throws {
        try await change(service, ["metadata": ["annotations": ["touched": .string("\(ContinuousClock.now)")]]])
    }

    private func change(_ service: TestService, _ patch: JSONValue) async throws {
        _ = try await api.patch(reference(.endpointSlices, "\(service.name)-1"), .merge(patch))
    }

    func delete(_ service: TestService) async throws {
        try await api.delete(reference(.services, service.name))
        try await api.delete(reference(.endpointSlices, "\(service.name)-1"))
    }

    func clusterIP(of service: TestService) async throws -> String {
        try await api.get(reference(.services, service.name))["spec"]?["clusterIP"]?.string ?? ""
    }

    /// What Events in the namespace say.
    func eventMessages() async throws -> [String] {
        let list = try await api.get(reference(.events, ""))
        return list["items"]?.array?.compactMap { $0["message"]?.string } ?? []
    }

    private func reference(_ resource: KubernetesResource, _ name: String) -> ObjectReference {
        ObjectReference(resource, namespace: namespace, name: name)
    }
}
