internal import DNSCore
internal import DNSZones
internal import PortolanConfiguration
internal import ServiceCatalog

/// A configured zone with everything its records depend on. Two that are equal need no new publisher.
struct ZonePlan: Equatable {
    let definition: ZoneDefinition
    let nameServer: NameServer
    /// `nil` for an unsigned zone.
    let keyDirectory: String?
    /// How long the last state of a lost system is answered.
    let maxStale: Duration

    /// The zones of a configuration. Unless it says otherwise, the first Kubernetes zone has all reverse names, as the DNS
    /// of a cluster does.
    static func zones(of configuration: Configuration) -> [ZonePlan] {
        guard let dns = configuration.dns else { return [] }
        let taken = Set(dns.zones.flatMap { zone in [zone.zone] + (zone.reverse ?? []).map(\.name) })
        var isReverseGiven = dns.zones.contains { $0.reverse != nil }
        return dns.zones.map { zone in
            let schema = configuration.schema(of: zone)
            var reverse = zone.reverse ?? []
            if schema == .kubernetes, !isReverseGiven {
                reverse = ReverseZone.all.filter { !taken.contains($0.name) }
                isReverseGiven = true
            }
            return ZonePlan(
                definition: ZoneDefinition(
                    name: zone.zone,
                    schema: schema,
                    systems: zone.from,
                    prefer: zone.prefer,
                    near: zone.near,
                    ttl: dns.ttl,
                    reverse: reverse
                ),
                nameServer: NameServer(for: zone.zone, addresses: dns.listen.map(\.address)),
                keyDirectory: zone.keyDirectory,
                maxStale: dns.maxStale
            )
        }
    }
}
