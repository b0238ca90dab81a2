extension APIServer {
    /// Makes `services` headless Services with `endpoints` ready endpoints each, a slice per hundred, in one namespace:
    /// `load-0` with `load-0-0`, `load-0-1`, … Addresses are unique from 10.128.0.1 on.
    package func fill(services: Int, endpoints: Int, namespace: String = "load") throws {
        try load(yaml: "{apiVersion: v1, kind: Namespace, metadata: {name: \(namespace)}}")
        var address = UInt32(10 << 24 | 128 << 16)
        for number in 0..<services {
            let name = "load-\(number)"
            try create(
                Resources.services,
                namespace: namespace,
                [
                    "metadata": ["name": .string(name)],
                    "spec": [
                        "clusterIP": "None", "selector": ["app": .string(name)],
                        "ports": [["name": "grpc", "port": 9090]],
                    ],
                ]
            )
            for (slice, start) in stride(from: 0, to: max(endpoints, 1), by: 100).enumerated() {
                let list = (start..<min(start + 100, endpoints)).map { index -> JSON in
                    address += 1
                    let bytes = (0..<4).map { UInt8(address >> (24 - 8 * UInt32($0)) & 0xFF) }
                    return [
                        "addresses": [.string(IPRules.text(bytes))],
                        "conditions": ["ready": true, "serving": true, "terminating": false],
                        "nodeName": .string("node-\(index % 50)"), "zone": .string("zone-\(index % 3)"),
                        "targetRef": [
                            "kind": "Pod", "namespace": .string(namespace), "name": .string("\(name)-\(index)"),
                            "uid": .string(uniqueIdentifier()),
                        ],
                    ]
                }
                try create(
                    Resources.endpointSlices,
                    namespace: namespace,
                    [
                        "metadata": [
                            "name": .string("\(name)-\(slice)"),
                            "labels": [
                                "kubernetes.io/service-name": .string(name),
                                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                            ],
                        ],
                        "addressType": "IPv4", "endpoints": .array(list),
                        "ports": [["name": "grpc", "port": 9090, "protocol": "TCP"]],
                    ]
                )
            }
        }
    }
}
