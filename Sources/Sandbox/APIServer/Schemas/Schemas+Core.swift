// Group "": Services, Endpoints, Namespaces and what stands beside them.
extension Schemas {
    static let objectReference = Schema(
        "ObjectReference",
        [
            .value("kind", 1, .string),
            .value("namespace", 2, .string),
            .value("name", 3, .string),
            .value("uid", 4, .string),
            .value("apiVersion", 5, .string),
            .value("resourceVersion", 6, .string),
            .value("fieldPath", 7, .string),
        ]
    )

    static let servicePort = Schema(
        "ServicePort",
        [
            .value("name", 1, .string),
            .value("protocol", 2, .string),
            .pointer("appProtocol", 6, .string),
            .always("port", 3, .int32),
            .always("targetPort", 4, .intOrString),
            .value("nodePort", 5, .int32),
        ]
    )

    static let clientIPConfig = Schema("ClientIPConfig", [.pointer("timeoutSeconds", 1, .int32)])

    static let sessionAffinityConfig = Schema(
        "SessionAffinityConfig",
        [.pointer("clientIP", 1, .object(clientIPConfig))]
    )

    static let serviceSpec = Schema(
        "ServiceSpec",
        [
            .value("ports", 1, .objects(servicePort, .keyed(["port", .init("protocol", fallback: "TCP")]))),
            .value("selector", 2, .map(isAtomic: true)),
            .value("clusterIP", 3, .string),
            .value("clusterIPs", 18, .strings),
            .value("type", 4, .string),
            .value("externalIPs", 5, .strings),
            .value("sessionAffinity", 7, .string),
            .value("loadBalancerIP", 8, .string),
            .value("loadBalancerSourceRanges", 9, .strings),
            .value("externalName", 10, .string),
            .value("externalTrafficPolicy", 11, .string),
            .value("healthCheckNodePort", 12, .int32),
            .value("publishNotReadyAddresses", 13, .bool),
            .pointer("sessionAffinityConfig", 14, .object(sessionAffinityConfig)),
            .value("ipFamilies", 19, .strings),
            .pointer("ipFamilyPolicy", 17, .string),
            .pointer("allocateLoadBalancerNodePorts", 20, .bool),
            .pointer("loadBalancerClass", 21, .string),
            .pointer("internalTrafficPolicy", 22, .string),
            .pointer("trafficDistribution", 23, .string),
        ]
    )

    static let portStatus = Schema(
        "PortStatus",
        [.always("port", 1, .int32), .always("protocol", 2, .string), .pointer("error", 3, .string)]
    )

    static let loadBalancerIngress = Schema(
        "LoadBalancerIngress",
        [
            .value("ip", 1, .string),
            .value("hostname", 2, .string),
            .pointer("ipMode", 3, .string),
            .value("ports", 4, .objects(portStatus)),
        ]
    )

    static let loadBalancerStatus = Schema("LoadBalancerStatus", [.value("ingress", 1, .objects(loadBalancerIngress))])

    static let serviceStatus = Schema(
        "ServiceStatus",
        [
            .value("loadBalancer", 1, .object(loadBalancerStatus)),
            .value("conditions", 2, .objects(condition, .keyed(["type"]))),
        ]
    )

    static let service = Schema(
        "Service",
        [
            .value("metadata", 1, .object(objectMeta)),
            .value("spec", 2, .object(serviceSpec)),
            .value("status", 3, .object(serviceStatus)),
        ]
    )

    static let endpointAddress = Schema(
        "EndpointAddress",
        [
            .always("ip", 1, .string),
            .value("hostname", 3, .string),
            .pointer("nodeName", 4, .string),
            .pointer("targetRef", 2, .object(objectReference, isAtomic: true)),
        ]
    )

    static let endpointPort = Schema(
        "EndpointPort",
        [
            .value("name", 1, .string),
            .always("port", 2, .int32),
            .value("protocol", 3, .string),
            .pointer("appProtocol", 4, .string),
        ]
    )

    static let endpointSubset = Schema(
        "EndpointSubset",
        [
            .value("addresses", 1, .objects(endpointAddress)),
            .value("notReadyAddresses", 2, .objects(endpointAddress)),
            .value("ports", 3, .objects(endpointPort)),
        ]
    )

    static let endpoints = Schema(
        "Endpoints",
        [.value("metadata", 1, .object(objectMeta)), .value("subsets", 2, .objects(endpointSubset))]
    )

    static let namespaceSpec = Schema("NamespaceSpec", [.value("finalizers", 1, .strings)])

    static let namespaceStatus = Schema(
        "NamespaceStatus",
        [.value("phase", 1, .string), .value("conditions", 2, .objects(looseCondition, .keyed(["type"])))]
    )

    static let namespace = Schema(
        "Namespace",
        [
            .value("metadata", 1, .object(objectMeta)),
            .value("spec", 2, .object(namespaceSpec)),
            .value("status", 3, .object(namespaceStatus)),
        ]
    )

    static let configMap = Schema(
        "ConfigMap",
        [
            .value("metadata", 1, .object(objectMeta)),
            .pointer("immutable", 4, .bool),
            .value("data", 2, .map(isAtomic: false)),
        ]
    )

    /// Only what an endpoint's `targetRef` needs; the rest of a Pod is kept, in JSON only.
    static let pod = Schema(
        "Pod",
        isOpen: true,
        [
            .value("metadata", 1, .object(objectMeta)),
            .value(
                "spec",
                2,
                .object(
                    Schema(
                        "PodSpec",
                        isOpen: true,
                        [
                            .value("nodeName", 10, .string),
                            .value("hostname", 16, .string),
                            .value("subdomain", 17, .string),
                        ]
                    )
                )
            ),
            .value(
                "status",
                3,
                .object(
                    Schema(
                        "PodStatus",
                        isOpen: true,
                        [
                            .value("phase", 1, .string),
                            .value("conditions", 2, .objects(looseCondition, .keyed(["type"]))),
                            .value("podIP", 6, .string),
                        ]
                    )
                )
            ),
        ]
    )

    /// Only what topology needs; the rest of a Node is kept, in JSON only.
    static let node = Schema(
        "Node",
        isOpen: true,
        [
            .value("metadata", 1, .object(objectMeta)),
            .value(
                "spec",
                2,
                .object(
                    Schema(
                        "NodeSpec",
                        isOpen: true,
                        [.value("podCIDR", 1, .string), .value("providerID", 3, .string)]
                    )
                )
            ),
            .value(
                "status",
                3,
                .object(
                    Schema(
                        "NodeStatus",
                        isOpen: true,
                        [
                            .value("conditions", 4, .objects(looseCondition, .keyed(["type"]))),
                            .value(
                                "addresses",
                                5,
                                .objects(
                                    Schema(
                                        "NodeAddress",
                                        [.always("type", 1, .string), .always("address", 2, .string)]
                                    )
                                )
                            ),
                        ]
                    )
                )
            ),
        ]
    )
}
