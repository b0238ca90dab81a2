package import DNSCore

/// All keys of a zone; which are used follows from the time.
package struct ZoneKeys: Sendable {
    package let zone: DomainName
    package let keys: [SigningKey]
    /// Seconds, where no key file has one. Long beside the records' own: resolvers keep keys, not their changes.
    private static let defaultTTL: UInt32 = 3600

    package init(zone: DomainName, keys: [SigningKey]) {
        self.zone = zone
        self.keys = keys.sorted { ($0.key.tag, $0.key.flags) < ($1.key.tag, $1.key.flags) }
    }

    package func published(at now: Int64) -> [SigningKey] { keys.filter { $0.timing.isPublished(at: now) } }

    private func active(at now: Int64) -> [SigningKey] { keys.filter { $0.timing.isActive(at: now) } }

    /// What signs the key sets: KSKs, or what there is.
    package func keySigning(at now: Int64) -> [SigningKey] {
        let active = active(at: now)
        let keySigning = active.filter(\.key.isKeySigning)
        return keySigning.isEmpty ? active : keySigning
    }

    /// What signs all other sets: ZSKs, or what there is.
    package func zoneSigning(at now: Int64) -> [SigningKey] {
        let active = active(at: now)
        let zoneSigning = active.filter { !$0.key.isKeySigning }
        return zoneSigning.isEmpty ? active : zoneSigning
    }

    /// The keys that the parent's DS records are to lead to: the published KSKs, or all published keys where none is one.
    package func delegated(at now: Int64) -> [DNSKey] {
        let published = published(at: now).map(\.key)
        let keySigning = published.filter(\.isKeySigning)
        return keySigning.isEmpty ? published : keySigning
    }

    /// The sets that the apex holds for its keys: DNSKEY and, where the files ask for it, CDS and CDNSKEY.
    package func apexSets(at now: Int64) -> [RecordSet] {
        let published = published(at: now)
        let synchronised = published.filter { $0.timing.isSynchronised(at: now) }.map(\.key)
        let ttl = published.compactMap(\.ttl).min() ?? Self.defaultTTL
        let sets = [
            RecordSet(type: .dnskey, ttl: ttl, data: published.map { .opaque($0.key.data) }),
            RecordSet(type: .cds, ttl: ttl, data: synchronised.map { .opaque($0.delegation) }),
            RecordSet(type: .cdnskey, ttl: ttl, data: synchronised.map { .opaque($0.data) }),
        ]
        return sets.filter { !$0.data.isEmpty }
    }
}
