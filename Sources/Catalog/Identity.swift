/// The name the configuration gives to a system.
package struct SystemName: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let rawValue: String

    package init(_ rawValue: String) { self.rawValue = rawValue }
    package init(stringLiteral value: String) { self.rawValue = value }

    package var description: String { rawValue }

    package static func < (left: SystemName, right: SystemName) -> Bool { left.rawValue < right.rawValue }
}

/// Where an endpoint was first seen. It travels with the endpoint through every system, which is what breaks loops.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    /// The `cluster` id of the installation that first saw the endpoint.
    package let cluster: String
    /// The system, as that installation names it.
    package let system: SystemName

    package init(cluster: String, system: SystemName) {
        self.cluster = cluster
        self.system = system
    }

    /// `cluster/system`, the form written into registries.
    package var description: String { "\(cluster)/\(system)" }

    /// Reads the form that ``description`` writes; `nil` for anything else.
    package init?(_ description: String) {
        let parts = description.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(cluster: String(parts[0]), system: SystemName(String(parts[1])))
    }
}

/// A service within one system.
package struct ServiceKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The Kubernetes namespace, or the registry's nearest equal ("default" in Consul, the group in Nacos).
    package let namespace: String
    package let name: String

    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    package var description: String { "\(namespace)/\(name)" }

    package static func < (left: ServiceKey, right: ServiceKey) -> Bool {
        (left.namespace, left.name) < (right.namespace, right.name)
    }
}
