package import ServiceCatalog

/// A v1 Service.
package struct ServiceObject: KubernetesObject {
    package static let resource = KubernetesResource.services

    package enum ServiceType: UInt8, Sendable, Hashable {
        case clusterIP
        case nodePort
        case loadBalancer
        case externalName
    }

    package var metadata: ObjectMetadata
    package var type: ServiceType
    /// `clusterIP: None`, or no cluster IP at all: nobody gave the service an address.
    package var isHeadless: Bool
    /// Primary family first.
    package var clusterAddresses: [IPAddress]
    /// `externalIPs`, then load balancer ingress.
    package var externalHosts: [Host]
    /// Not empty for the type ExternalName.
    package var externalName: String
    package var ports: [ServicePort]
    /// Without a selector, someone other than Kubernetes writes the endpoints.
    package var hasSelector: Bool
    package var publishesNotReadyAddresses: Bool
    package var settings: ServiceSettings
    /// Values that were left out, other than those of ``settings``.
    package var problems: [Problem]

    package init(
        metadata: ObjectMetadata,
        type: ServiceType = .clusterIP,
        isHeadless: Bool = false,
        clusterAddresses: [IPAddress] = [],
        externalHosts: [Host] = [],
        externalName: String = "",
        ports: [ServicePort] = [],
        hasSelector: Bool = false,
        publishesNotReadyAddresses: Bool = false,
        settings: ServiceSettings = .none,
        problems: [Problem] = []
    ) {
        self.metadata = metadata
        self.type = type
        self.isHeadless = isHeadless
        self.clusterAddresses = clusterAddresses
        self.externalHosts = externalHosts
        self.externalName = externalName
        self.ports = ports
        self.hasSelector = hasSelector
        self.publishesNotReadyAddresses = publishesNotReadyAddresses
        self.settings = settings
        self.problems = problems
    }
}
