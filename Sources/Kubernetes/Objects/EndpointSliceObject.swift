package import ServiceCatalog

/// A discovery.k8s.io/v1 EndpointSlice.
package struct EndpointSliceObject: KubernetesObject {
    package static let resource = KubernetesResource.endpointSlices

    package var metadata: ObjectMetadata
    /// The label `kubernetes.io/service-name`; a slice without it belongs to no service.
    package var serviceName: String?
    /// Made by Kubernetes from a v1 Endpoints object, which must then not be counted as well.
    package var isMirrored: Bool
    /// In the catalog's order, each once. They share one array of ports.
    package private(set) var endpoints: [Endpoint]
    /// Values that were left out.
    package var problems: [Problem]

    package init(
        metadata: ObjectMetadata,
        serviceName: String? = nil,
        isMirrored: Bool = false,
        endpoints: [Endpoint] = [],
        problems: [Problem] = []
    ) {
        self.metadata = metadata
        self.serviceName = serviceName
        self.isMirrored = isMirrored
        self.endpoints = Endpoint.merging(endpoints)
        self.problems = problems
    }

    package var serviceKey: ServiceKey? {
        serviceName.map { ServiceKey(namespace: metadata.namespace, name: $0) }
    }
}
