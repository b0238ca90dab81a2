import ArgumentParser
import Foundation
import HTTPTransport
import KubernetesClient
import KubernetesObjects

/// Which API server a command works on: the sandbox's, or a real one.
struct ClusterOptions: ParsableArguments {
    @Option(help: "The kubeconfig file; KUBECONFIG where not given.")
    var kubeconfig: String?

    @Option(help: "The namespace worked in.")
    var namespace = "load"

    func connect() throws -> Cluster {
        let environment = ProcessInfo.processInfo.environment
        guard let path = kubeconfig ?? environment["KUBECONFIG"], !path.isEmpty else {
            throw ValidationError("name the API server: --kubeconfig FILE, or KUBECONFIG in the environment")
        }
        let configuration = try ClusterConfiguration.kubeconfig(files: path.split(separator: ":").map(String.init))
        let credentials = CredentialProvider(configuration.credentials, environment: environment)
        return Cluster(
            api: KubernetesAPI(ClusterConnection(configuration, credentials: credentials)),
            namespace: namespace
        )
    }
}

/// Services and slices of one namespace, as the commands make and change them.
struct Cluster: Sendable {
    static let namespaces = KubernetesResource(group: "", version: "v1", plural: "namespaces", kind: "Namespace")
    static let endpointsPerSlice = 100

    let api: KubernetesAPI
    let namespace: String

    func reference(_ resource: KubernetesResource, _ name: String) -> ObjectReference {
        ObjectReference(resource, namespace: namespace, name: name)
    }

    /// Creates an object, or leaves it as it is.
    func create(_ object: JSONValue, _ reference: ObjectReference) async throws {
        do {
            _ = try await api.create(object, as: reference)
        } catch .refused(let status) where status.code == 409 {
            return
        }
    }

    func createNamespace() async throws {
        try await create(
            ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)]],
            ObjectReference(Self.namespaces, namespace: nil, name: namespace)
        )
    }

    /// The slices of a Service, by name.
    func slices(of service: String) async throws -> [(name: String, endpoints: [JSONValue])] {
        let path = "/apis/discovery.k8s.io/v1/namespaces/\(namespace)/endpointslices"
        let response = try await api.send(
            APIRequest(
                .get,
                path,
                query: [.init("labelSelector", "kubernetes.io/service-name=\(service)")],
                headers: ["Accept": "application/json"]
            )
        )
        let list = try JSONValue(parsing: response.body)
        return (list["items"]?.array ?? []).compactMap { slice in
            slice["metadata"]?["name"]?.string.map { ($0, slice["endpoints"]?.array ?? []) }
        }.sorted { $0.0 < $1.0 }
    }

    func setEndpoints(_ endpoints: [JSONValue], ofSlice name: String) async throws {
        _ = try await api.patch(reference(.endpointSlices, name), .merge(["endpoints": .array(endpoints)]))
    }
}

/// Addresses one after another, from 10.128.0.1 on.
struct AddressSequence: Sequence, IteratorProtocol {
    var last: UInt32

    init(after text: String = "10.128.0.0") {
        last = 0
        for octet in text.split(separator: ".") { last = last << 8 | (UInt32(octet) ?? 0) }
    }

    mutating func next() -> String? {
        last += 1
        return "\(last >> 24).\(last >> 16 & 0xFF).\(last >> 8 & 0xFF).\(last & 0xFF)"
    }
}

func endpoint(_ address: String, ready: Bool = true, terminating: Bool = false) -> JSONValue {
    [
        "addresses": [.string(address)],
        "conditions": [
            "ready": .boolean(ready), "serving": .boolean(ready || terminating), "terminating": .boolean(terminating),
        ],
    ]
}
