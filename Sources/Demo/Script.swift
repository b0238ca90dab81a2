import KubernetesObjects

/// What the play is about: two services of a shop.
struct Script: Sendable {
    /// Where the services are.
    let namespace: String
    /// The id of the demo's installation.
    let cluster: String

    /// Between stand-ins, where nothing else has a name.
    static let amongStandIns = Script(namespace: "shop", cluster: "demo")

    /// In servers of the user's: with names that nothing there has, not even what a demo that was killed has left.
    static func amongOthers() -> Script {
        let mark = String(UInt32.random(in: .min ... .max), radix: 36)
        return Script(namespace: "portolan-demo-\(mark)", cluster: "demo-\(mark)")
    }

    /// What the bridge writes to in Consul.
    var node: String { "portolan-\(cluster)" }

    /// What a service is called in Consul, where others may have a cart of their own.
    func entry(_ service: DemoService) -> String { "\(service.name)-\(namespace)" }

    func name(_ service: DemoService) -> String { "\(service.name).\(namespace).svc.cluster.local" }

    static let cart = DemoService(name: "cart", portName: "grpc", port: 8080, isHeadless: true)
    static let web = DemoService(name: "web", portName: "http", port: 80, isHeadless: false)
    static let services = [cart, web]

    static let first = ["10.244.1.11", "10.244.1.12", "10.244.2.13"]
    /// The addresses that take the place of ``first``, one after the other.
    static let next = ["10.244.3.21", "10.244.3.22", "10.244.3.23"]
    static let webAddresses = ["10.244.1.31", "10.244.2.32"]
}

struct DemoService: Sendable {
    let name: String
    let portName: String
    let port: Int
    let isHeadless: Bool

    func object(in namespace: String) -> JSONValue {
        var spec: JSONValue = [
            "ports": [["name": .string(portName), "port": .integer(port), "protocol": "TCP"]]
        ]
        if isHeadless { spec["clusterIP"] = "None" }
        return [
            "apiVersion": "v1", "kind": "Service",
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "spec": spec,
        ]
    }

    func slice(_ addresses: [String], in namespace: String) -> JSONValue {
        [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": [
                "name": .string("\(name)-1"), "namespace": .string(namespace),
                "labels": [
                    "kubernetes.io/service-name": .string(name),
                    "endpointslice.kubernetes.io/managed-by": "portolan-demo",
                ],
            ],
            "addressType": "IPv4",
            "ports": [["name": .string(portName), "port": 8080, "protocol": "TCP"]],
            "endpoints": .array(addresses.map { Self.endpoint($0) }),
        ]
    }

    static func endpoint(_ address: String) -> JSONValue {
        ["addresses": [.string(address)], "conditions": ["ready": true]]
    }
}
