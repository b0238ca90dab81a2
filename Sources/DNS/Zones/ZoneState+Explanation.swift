package import DNSCore
package import ServiceCatalog

/// What a zone shows of a service, or why it shows nothing.
package struct ZoneExplanation: Hashable, Sendable {
    package let zone: DomainName
    /// In zone file form, the service's own name first.
    package let records: [String]
    /// Why there are no records, or not those one would expect.
    package let reasons: [String]
}

extension ZoneState {
    /// Explains what the zone makes of a service of `system`; `nil` when the zone is not made from that system.
    package func explain(_ key: ServiceKey, in system: SystemName) -> ZoneExplanation? {
        guard zone.systems.contains(system) else { return nil }
        guard isReady else {
            let systems = awaited.map(\.rawValue).joined(separator: ", ")
            return explanation(reasons: ["the zone is not answered yet: \(systems) has not been read completely"])
        }
        guard hasEntry(key) else { return explanation(reasons: ["no system of the zone has the service"]) }
        let projected = present(key)
        let isHolder = name(of: key).map { holder(of: $0) == key } ?? false
        var reasons = (problems[key] ?? []).map(\.message)
        guard isHolder, let layout = projected.layout else {
            if let absence = projected.absence { reasons.append("there are no records: \(absence)") }
            return explanation(reasons: reasons)
        }
        var changes = ForwardChanges()
        ServiceLayout.compare(nil, layout, into: &changes)
        let own = changes.present.filter { $0.owner == layout.name }
        let rest = changes.present.filter { $0.owner != layout.name }
        return ZoneExplanation(
            zone: zone.name,
            records: (own + rest + pointers(layout)).flatMap(\.lines),
            reasons: reasons
        )
    }

    private func explanation(reasons: [String]) -> ZoneExplanation {
        ZoneExplanation(zone: zone.name, records: [], reasons: reasons)
    }

    /// The PTR records that lead to names of `layout`.
    private func pointers(_ layout: ServiceLayout) -> [OwnerChange] {
        layout.pointers().filter { hasReverseName($0.address) }.map { pointer in
            let target = pointer.host.map { layout.hostName($0) } ?? layout.name
            let set = RecordSet(type: .ptr, ttl: zone.ttl, data: [.ptr(target)])
            return OwnerChange(owner: pointer.address.reverseName, sets: [set])
        }
    }
}
