package import DNSCore
package import ServiceCatalog

/// A zone made from the catalog: its name, the systems it shows and how it names what they hold.
package struct ZoneDefinition: Hashable, Sendable {
    /// How services become names.
    package enum Schema: Hashable, Sendable {
        /// Kubernetes DNS-Based Service Discovery 1.1.0: one Kubernetes cluster, or a directory of its manifests.
        case kubernetes
        /// `<service>.<zone>`: one registry.
        case registry
        /// Multi-Cluster Services DNS 1.0.0: several systems of any kind, a name for each service of all of them.
        case merged
    }

    package let name: DomainName
    package let schema: Schema
    /// One unless merged. In a merged zone their order decides between equals.
    package let systems: [SystemName]
    /// The system whose endpoints come first in a merged zone.
    package let prefer: SystemName?
    /// The topology zone whose endpoints come before those elsewhere; `nil` for no difference.
    package let near: String?
    /// Seconds, for every record but `dns-version`.
    package let ttl: UInt32
    /// Where PTR records of a Kubernetes zone's addresses go; an address in none of them has none.
    package let reverse: [ReverseZone]

    /// Added to the SRV priority of endpoints elsewhere: less than what tells one system from another.
    private static let distance: UInt16 = 5

    /// What its place adds to the SRV priority of `endpoint`. One whose place is not known counts as elsewhere.
    func distance(to endpoint: Endpoint) -> UInt16 { near == nil || endpoint.zone == near ? 0 : Self.distance }

    package init(
        name: DomainName,
        schema: Schema,
        systems: [SystemName],
        prefer: SystemName? = nil,
        near: String? = nil,
        ttl: UInt32,
        reverse: [ReverseZone] = []
    ) {
        self.name = name
        self.schema = schema
        self.systems = systems
        self.prefer = prefer
        self.near = near
        self.ttl = ttl
        self.reverse = reverse
    }
}

/// Changes to the names of one zone, in the order in which they are to be made.
package struct ZoneBatch: Hashable, Sendable {
    package let zone: DomainName
    package var changes: [OwnerChange]

    package init(zone: DomainName, changes: [OwnerChange]) {
        self.zone = zone
        self.changes = changes
    }
}
