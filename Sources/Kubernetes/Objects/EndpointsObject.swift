package import ServiceCatalog

/// A v1 Endpoints. Its name is that of its Service.
package struct EndpointsObject: KubernetesObject {
    package static let resource = KubernetesResource.endpoints

    package var metadata: ObjectMetadata
    /// Of all subsets, in the catalog's order, each once.
    package private(set) var endpoints: [Endpoint]
    /// Values that were left out.
    package var problems: [Problem]

    package init(metadata: ObjectMetadata, endpoints: [Endpoint] = [], problems: [Problem] = []) {
        self.metadata = metadata
        self.endpoints = Endpoint.merging(endpoints)
        self.problems = problems
    }
}
