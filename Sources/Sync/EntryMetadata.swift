package import ServiceCatalog

/// The text form of a registration's mark and description: the same key-value pairs in every registry that keeps
/// metadata with an instance.
package struct EntryMetadata: Hashable, Sendable {
    /// All keys Portolan writes begin so; users' keys may not.
    package static let prefix = "portolan-"

    package enum Key: String, CaseIterable, Sendable {
        case owner = "portolan-owner"
        case from = "portolan-from"
        case namespace = "portolan-namespace"
        case service = "portolan-service"
        case origin = "portolan-origin"
        /// `cluster/system` items, separated by commas.
        case via = "portolan-via"
        case instance = "portolan-instance"
        case node = "portolan-node"
        case zone = "portolan-zone"
        case portName = "portolan-port"
        /// Absent for TCP.
        case transport = "portolan-protocol"
        case appProtocol = "portolan-app-protocol"
    }

    /// The installation that wrote the entry; `nil` when no Portolan did.
    package let owner: String?
    /// `nil` when the entry has an owner but its mark cannot be read as a whole.
    package let mark: Mark?
    package let origin: Origin?
    package let instance: String?
    package let node: String?
    package let zone: String?
    package let portName: String
    package let transport: TransportProtocol
    package let appProtocol: String?
    /// What is not Portolan's.
    package let rest: [String: String]

    package init(_ metadata: [String: String]) {
        func value(_ key: Key) -> String? { metadata[key.rawValue] }
        owner = value(.owner)
        origin = value(.origin).flatMap { Origin($0) }
        if let owner, let origin, let from = value(.from), let namespace = value(.namespace),
            let service = value(.service)
        {
            mark = Mark(
                owner: owner,
                from: SystemName(from),
                key: ServiceKey(namespace: namespace, name: service),
                origin: origin,
                via: Self.path(value(.via))
            )
        } else {
            mark = nil
        }
        instance = value(.instance)
        node = value(.node)
        zone = value(.zone)
        portName = value(.portName) ?? ""
        transport =
            switch value(.transport) {
            case "udp": .udp
            case "sctp": .sctp
            default: .tcp
            }
        appProtocol = value(.appProtocol)
        rest = metadata.filter { !$0.key.hasPrefix(Self.prefix) }
    }

    /// Reads a ``Key/via`` value. Items that are no origin are passed over.
    package static func path(_ text: String?) -> [Origin] {
        guard let text else { return [] }
        return text.split(separator: ",").compactMap { Origin(String($0)) }
    }

    package static func text(of path: [Origin]) -> String {
        path.map(\.description).joined(separator: ",")
    }
}

extension Registration {
    /// Mark, description and the users' metadata as they are stored. ``EntryMetadata/init(_:)`` reads them back.
    package var storedMetadata: [String: String] {
        var pairs = metadata
        func set(_ key: EntryMetadata.Key, _ value: String?) {
            if let value, !value.isEmpty { pairs[key.rawValue] = value }
        }
        set(.owner, mark.owner)
        set(.from, mark.from.rawValue)
        set(.namespace, mark.key.namespace)
        set(.service, mark.key.name)
        set(.origin, mark.origin.description)
        set(.via, EntryMetadata.text(of: mark.via))
        set(.instance, instance)
        set(.node, node)
        set(.zone, zone)
        set(.portName, portName)
        set(.transport, transport == .tcp ? nil : transport.label)
        set(.appProtocol, appProtocol)
        return pairs
    }
}
