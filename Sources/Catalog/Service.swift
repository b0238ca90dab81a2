/// A port a service offers.
package struct ServicePort: Hashable, Sendable {
    /// Empty when unnamed. Endpoint ports carry the same name.
    package var name: String
    package var number: UInt16
    package var transport: TransportProtocol
    package var appProtocol: String?
    /// The port opened on every node, for NodePort and LoadBalancer services.
    package var nodePort: UInt16?

    package init(
        name: String = "",
        number: UInt16,
        transport: TransportProtocol = .tcp,
        appProtocol: String? = nil,
        nodePort: UInt16? = nil
    ) {
        self.name = name
        self.number = number
        self.transport = transport
        self.appProtocol = appProtocol
        self.nodePort = nodePort
    }
}

/// A service of one system, with its endpoints.
package struct Service: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// Has addresses of its own in ``Service/clusterAddresses``; NodePort and LoadBalancer services are this too.
        case clusterAddress
        /// Known by its endpoints alone. All services of registries are headless.
        case headless
        /// An alias for a DNS name outside.
        case alias(String)
    }

    package var key: ServiceKey
    package var origin: Origin
    package var kind: Kind
    /// Primary family first, as the system lists them.
    package var clusterAddresses: [IPAddress]
    /// `externalIPs`, then load balancer ingress addresses and names.
    package var externalHosts: [Host]
    package var ports: [ServicePort]
    /// What its annotations ask for.
    package var settings: ServiceSettings
    /// In a fixed order: by address, then by target. An address appears once per distinct endpoint.
    package var endpoints: [Endpoint]

    package init(
        key: ServiceKey,
        origin: Origin,
        kind: Kind,
        clusterAddresses: [IPAddress] = [],
        externalHosts: [Host] = [],
        ports: [ServicePort] = [],
        settings: ServiceSettings = .none,
        endpoints: [Endpoint] = []
    ) {
        self.key = key
        self.origin = origin
        self.kind = kind
        self.clusterAddresses = clusterAddresses
        self.externalHosts = externalHosts
        self.ports = ports
        self.settings = settings
        self.endpoints = endpoints
    }

    /// Where `endpoint` was first seen: what its entry says, else where the service is.
    package func origin(of endpoint: Endpoint) -> Origin { endpoint.attributes?.origin ?? origin }
}
