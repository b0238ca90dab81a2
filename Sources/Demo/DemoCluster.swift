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
    let server: String

    init(kubeconfig: String, environment: [String: String]) throws {
        let files = kubeconfig.split(separator: ":").map(String.init)
        let configuration = try ClusterConfiguration.kubeconfig(files: files)
        let credentials = CredentialProvider(configuration.credentials, environment: environment)
        api = KubernetesAPI(ClusterConnection(configuration, credentials: credentials))
        server = configuration.server
    }

    func version() async throws -> String { try await api.version() }

    /// Creates the namespace, or finds it there.
    func createNamespace() async throws {
        let name = Script.namespace
        let object: JSONValue = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]]
        try await create(object, ObjectReference(Self.namespaces, namespace: nil, name: name))
    }

    func create(_ service: DemoService, _ addresses: [String]) async throws {
        try await create(service.object, reference(.services, service.name))
        try await create(service.slice(addresses), reference(.endpointSlices, "\(service.name)-1"))
    }

    /// Gives a service these addresses and returns when the API server has acknowledged it.
    func roll(_ service: DemoService, to addresses: [String]) async throws {
        let endpoints = JSONValue.array(addresses.map { DemoService.endpoint($0) })
        _ = try await api.patch(reference(.endpointSlices, "\(service.name)-1"), .merge(["endpoints": endpoints]))
    }

    /// Takes away what the play made. The namespace stays on real servers' own terms: its deletion takes long.
    func removeAll() async {
        for service in Script.services {
            try? await api.delete(reference(.endpointSlices, "\(service.name)-1"))
            try? await api.delete(reference(.services, service.name))
        }
        try? await api.delete(ObjectReference(Self.namespaces, namespace: nil, name: Script.namespace))
    }

    private func create(_ value: JSONValue, _ object: ObjectReference) async throws {
        do {
            _ = try await api.create(value, as: object)
        } catch .refused(let status) where status.code == 409 {
            // Left over from an earlier run that was killed: made as it should be.
            _ = try await api.patch(object, .merge(value))
        }
    }

    private func reference(_ resource: KubernetesResource, _ name: String) -> ObjectReference {
        ObjectReference(resource, namespace: Script.namespace, name: name)
    }
}
