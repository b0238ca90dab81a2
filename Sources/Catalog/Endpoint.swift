/// Where an endpoint is reached. Registries may hold a host name in place of an address.
package enum Host: Hashable, Sendable, CustomStringConvertible {
    case address(IPAddress)
    case name(String)

    /// An address when `text` reads as one, a name otherwise.
    package init(_ text: String) {
        self = IPAddress(text).map(Host.address) ?? .name(text)
    }

    package var description: String {
        switch self {
        case .address(let address): address.description
        case .name(let name): name
        }
    }

    package var address: IPAddress? {
        if case .address(let address) = self { address } else { nil }
    }
}

/// Whether an endpoint may be given traffic.
package enum Readiness: UInt8, Hashable, Sendable {
    /// Takes traffic. Also every endpoint whose readiness its system does not say.
    case ready
    /// Terminating but still serving: kept, and marked so that clients choose it last.
    case draining
    /// Takes no traffic.
    case notReady
}

package enum TransportProtocol: UInt8, Hashable, Sendable {
    case tcp
    case udp
    case sctp

    /// The lower-case name, as in the SRV label without its underscore.
    package var label: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }
}

/// A port on which an endpoint listens.
package struct EndpointPort: Hashable, Sendable {
    /// The name of the service port this one backs; empty when unnamed.
    package var name: String
    package var number: UInt16
    package var transport: TransportProtocol
    /// Kubernetes' `appProtocol`, when given.
    package var appProtocol: String?

    package init(
        name: String = "",
        number: UInt16,
        transport: TransportProtocol = .tcp,
        appProtocol: String? = nil
    ) {
        self.name = name
        self.number = number
        self.transport = transport
        self.appProtocol = appProtocol
    }
}

/// What only registries (and mirrored entries) say of an endpoint. Kept apart so that the many endpoints of Kubernetes
/// pay one word for it.
package final class EndpointAttributes: Hashable, Sendable {
    /// The origin written into the entry, when it differs from the origin of the service it was found in.
    package let origin: Origin?
    /// The registry's weight; 1 is the common default, 0 takes no traffic.
    package let weight: Int?
    package let tags: [String]
    package let metadata: [String: String]

    package init(
        origin: Origin? = nil,
        weight: Int? = nil,
        tags: [String] = [],
        metadata: [String: String] = [:]
    ) {
        self.origin = origin
        self.weight = weight
        self.tags = tags
        self.metadata = metadata
    }

    package static func == (left: EndpointAttributes, right: EndpointAttributes) -> Bool {
        left === right
            || (left.origin == right.origin && left.weight == right.weight && left.tags == right.tags
                && left.metadata == right.metadata)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(origin)
        hasher.combine(weight)
        hasher.combine(tags)
        hasher.combine(metadata)
    }
}

/// Where an endpoint runs. Kept apart so that the endpoints of one node can share it: they are many, and pay one word.
package final class EndpointPlace: Hashable, Sendable {
    package let nodeName: String?
    /// The topology zone.
    package let zone: String?

    package init(nodeName: String? = nil, zone: String? = nil) {
        self.nodeName = nodeName
        self.zone = zone
    }

    package static func == (left: EndpointPlace, right: EndpointPlace) -> Bool {
        left === right || (left.nodeName == right.nodeName && left.zone == right.zone)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(nodeName)
        hasher.combine(zone)
    }
}

/// One address of a service. Value-equal endpoints are the same to every projection.
package struct Endpoint: Hashable, Sendable {
    package var host: Host
    package var readiness: Readiness
    /// The DNS label the endpoint asks for (`hostname` in Kubernetes).
    package var hostname: String?
    /// The name of the object behind the address: the Pod in Kubernetes, the instance id in a registry.
    package var targetName: String?
    /// Nil where neither node nor zone is known.
    package var place: EndpointPlace?
    /// Shared between the endpoints of one slice.
    package var ports: [EndpointPort]
    package var attributes: EndpointAttributes?

    package init(
        host: Host,
        readiness: Readiness = .ready,
        hostname: String? = nil,
        targetName: String? = nil,
        nodeName: String? = nil,
        zone: String? = nil,
        ports: [EndpointPort] = [],
        attributes: EndpointAttributes? = nil
    ) {
        self.host = host
        self.readiness = readiness
        self.hostname = hostname
        self.targetName = targetName
        place = nodeName == nil && zone == nil ? nil : EndpointPlace(nodeName: nodeName, zone: zone)
        self.ports = ports
        self.attributes = attributes
    }

    package var nodeName: String? { place?.nodeName }
    /// The topology zone.
    package var zone: String? { place?.zone }
}
