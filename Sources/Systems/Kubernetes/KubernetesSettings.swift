package import KubernetesClient
import KubernetesObjects
package import ServiceCatalog

/// What is read of a cluster, and how.
package struct KubernetesSettings: Sendable {
    /// Where endpoints come from.
    package enum Endpoints: String, Sendable {
        /// EndpointSlices where the API server has them, else Endpoints.
        case auto
        case slices
        case endpoints
    }

    package var origin: Origin
    /// Patterns, as ``NamespaceFilter`` reads them.
    package var include: [String]
    package var exclude: [String]
    /// Which Services, by their labels; the API server chooses.
    package var services: LabelSelector?
    package var endpoints: Endpoints
    /// How long the API server may be out of reach before what is known counts as stale. Servers restart, watches are
    /// cut: that is routine.
    package var grace: Duration

    package init(
        origin: Origin,
        include: [String] = ["*"],
        exclude: [String] = ["kube-system"],
        services: LabelSelector? = nil,
        endpoints: Endpoints = .auto,
        grace: Duration = .seconds(10)
    ) {
        self.origin = origin
        self.include = include
        self.exclude = exclude
        self.services = services
        self.endpoints = endpoints
        self.grace = grace
    }
}

extension KubernetesSettings {
    var namespaces: NamespaceFilter { NamespaceFilter(include: include, exclude: exclude) }

    /// The namespaces that are read one by one; `[nil]` for all of them at once. One by one wherever the configuration
    /// names them: rights in those namespaces are enough then.
    var watchedNamespaces: [String?] {
        let named = include.map { $0.prefix { $0 != "/" } }
        guard !named.contains(where: { $0.contains("*") }) else { return [nil] }
        return Set(named.map(String.init)).subtracting(exclude).sorted()
    }

    /// The resource that endpoints are read from first.
    var firstEndpointSource: ServiceAssembler.EndpointSource { endpoints == .endpoints ? .endpoints : .slices }

    func scope(_ resource: KubernetesResource, in namespace: String?) -> CollectionScope {
        CollectionScope(resource, namespace: namespace, labelSelector: resource == .services ? services : nil)
    }
}

extension ServiceAssembler.EndpointSource {
    var resource: KubernetesResource { self == .endpoints ? .endpoints : .endpointSlices }
    var other: Self { self == .endpoints ? .slices : .endpoints }
}
