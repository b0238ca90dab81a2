import KubernetesObjects

/// What the play is about: two services of a shop.
enum Script {
    static let namespace = "portolan-demo"
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

    var object: JSONValue {
        var spec: JSONValue = [
            "ports": [["name": .string(portName), "port": .integer(port), "protocol": "TCP"]]
        ]
        if isHeadless { spec["clusterIP"] = "None" }
        return [
            "apiVersion": "v1", "kind": "Service",
            "metadata": ["name": .string(name), "namespace": .string(Script.namespace)],
            "spec": spec,
        ]
    }

    func slice(_ addresses: [String]) -> JSONValue {
        [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": [
                "name": .string("\(name)-1"), "namespace": .string(Script.namespace),
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
