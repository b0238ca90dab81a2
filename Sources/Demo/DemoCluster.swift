import Foundation
import HTTPTransport
import KubernetesClient
import KubernetesObjects

/// The API server, as the person who deploys would use it.
struct DemoCluster: Sendable {
    private static let namespaces = KubernetesResource(
        group: "",
        version: "v1",
        plural: "namespaces",
        kind: "Namespace"
    )

    private let api: KubernetesAPI
    private let namespace: String
    let server: String

    init(kubeconfig: String, namespace: String, environment: [String: String]) throws {
        self.namespace = namespace
        let files = kubeconfig.split(separator: ":").map(String.init)
        let configuration = try ClusterConfiguration.kubeconfig(files: files)
        let credentials = CredentialProvider(configuration.credentials, environment: environment)
        api = KubernetesAPI(ClusterConnection(configuration, credentials: credentials))
        server = configuration.server
    }

    func version() async throws -> String { try await api.version() }

    func createNamespace() async throws {
        let object: JSONValue = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)]]
        _ = try await api.create(object, as: ObjectReference(Self.namespaces, namespace: nil, name: namespace))
    }

    func create(_ service: DemoService, _ addresses: [String]) async throws {
        _ = try await api.create(service.object(in: namespace), as: reference(.services, service.name))
        _ = try await api.create(
            service.slice(addresses, in: namespace),
            as: reference(.endpointSlices, "\(service.name)-1")
        )
    }

    /// Gives a service these addresses and returns when the API server has acknowledged it.
    func roll(_ service: DemoService, to addresses: [String]) async throws {
        let endpoints = JSONValue.array(addresses.map { DemoService.endpoint($0) })
        _ = try await api.patch(reference(.endpointSlices, "\(service.name)-1"), .merge(["endpoints": endpoints]))
    }

    /// Takes away what the play made. A real server takes its time to delete a namespace, which is not waited for.
    func removeAll() async {
        for service in Script.services {
            try? await api.delete(reference(.endpointSlices, "\(service.name)-1"))
            try? await api.delete(reference(.services, service.name))
        }
        try? await api.delete(ObjectReference(Self.namespaces, namespace: nil, name: namespace))
    }

    private func reference(_ resource: KubernetesResource, _ name: String) -> ObjectReference {
        ObjectReference(resource, namespace: namespace, name: name)
    }
}
