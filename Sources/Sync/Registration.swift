package import ServiceCatalog

/// The key of an entry within a target. Never empty, and in lower case, because registries such as Consul take ids that
/// differ in case only for the same.
package struct EntryID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String

    /// `nil` for an empty text: some registries read an empty id as "everything".
    package init?(_ rawValue: String) {
        guard !rawValue.isEmpty else { return nil }
        self.rawValue = rawValue.lowercased()
    }

    /// `service@host:port`, which no two instances share: host and port hold no `@`.
    package init(service: String, host: Host, port: UInt16) {
        rawValue =
            switch host {
            case .address(let address) where !address.isIPv4: "\(service)@[\(address)]:\(port)".lowercased()
            default: "\(service)@\(host):\(port)".lowercased()
            }
    }

    package var description: String { rawValue }

    package static func < (left: EntryID, right: EntryID) -> Bool { left.rawValue < right.rawValue }
}

/// One instance of a service as it stands, or should stand, in a target.
///
/// Desired and observed registrations compare by value once both are in the target's normal form
/// (``Target/normalise(_:)``).
package struct Registration: Hashable, Sendable {
    package enum Health: String, Hashable, Sendable {
        case passing
        /// Still serves, and should be chosen last.
        case draining
        case critical
    }

    package var id: EntryID
    /// The service's name in the target.
    package var service: String
    package var host: Host
    /// 0 when the service declares no port.
    package var port: UInt16
    /// The name of the service port; empty when unnamed.
    package var portName: String
    package var transport: TransportProtocol
    package var appProtocol: String?
    package var health: Health
    /// 0…65535; 0 takes no traffic.
    package var weight: Int
    package var tags: [String]
    /// What users gave. Never holds keys that begin with ``EntryMetadata/prefix``.
    package var metadata: [String: String]
    package var mark: Mark
    /// The object behind the instance: the Pod, or the instance id of the registry it came from.
    package var instance: String?
    package var node: String?
    package var zone: String?

    package init(
        id: EntryID,
        service: String,
        host: Host,
        port: UInt16,
        portName: String = "",
        transport: TransportProtocol = .tcp,
        appProtocol: String? = nil,
        health: Health = .passing,
        weight: Int = 1,
        tags: [String] = [],
        metadata: [String: String] = [:],
        mark: Mark,
        instance: String? = nil,
        node: String? = nil,
        zone: String? = nil
    ) {
        self.id = id
        self.service = service
        self.host = host
        self.port = port
        self.portName = portName
        self.transport = transport
        self.appProtocol = appProtocol
        self.health = health
        self.weight = weight
        self.tags = tags
        self.metadata = metadata
        self.mark = mark
        self.instance = instance
        self.node = node
        self.zone = zone
    }
}

/// Who wrote an entry and for which service. It is stored with every entry and read before the entry is changed or
/// removed.
package struct Mark: Hashable, Sendable {
    /// The `cluster` id of the installation that wrote the entry.
    package var owner: String
    /// The system the sync reads from, as the owner names it.
    package var from: SystemName
    /// The service within ``from``.
    package var key: ServiceKey
    /// Where the endpoint was first seen.
    package var origin: Origin
    /// The systems between the origin and this target, oldest first; empty when ``from`` is the origin.
    package var via: [Origin]

    package init(owner: String, from: SystemName, key: ServiceKey, origin: Origin, via: [Origin] = []) {
        self.owner = owner
        self.from = from
        self.key = key
        self.origin = origin
        self.via = via
    }
}
