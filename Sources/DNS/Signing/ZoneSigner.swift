package import DNSCore
internal import Synchronization

/// Signs the record sets of one zone with the keys of the moment.
package final class ZoneSigner: Sendable {
    /// The keys of one moment, and what they have signed.
    struct Snapshot: Sendable {
        let apex: DomainName
        fileprivate let cache: SignatureCache
        fileprivate var keySigning: [SigningKey] = []
        fileprivate var zoneSigning: [SigningKey] = []
        fileprivate var delegated: [DNSKey] = []
    }

    package let apex: DomainName
    private let active: Mutex<Snapshot>

    /// Without keys; see ``use(_:at:)``.
    package init(apex: DomainName, cache: SignatureCache) {
        self.apex = apex
        active = Mutex(Snapshot(apex: apex, cache: cache))
    }

    /// Signs with what is active at `now` of `keys`, until the next call.
    ///
    /// - Returns: whether that are other keys than before, for whatever they sign.
    @discardableResult
    package func use(_ keys: ZoneKeys, at now: Int64) -> Bool {
        active.withLock { active in
            let before = [active.keySigning, active.zoneSigning].map { $0.map(\.key) }
            active.keySigning = keys.keySigning(at: now)
            active.zoneSigning = keys.zoneSigning(at: now)
            active.delegated = keys.delegated(at: now)
            return before != [active.keySigning, active.zoneSigning].map { $0.map(\.key) }
        }
    }

    /// The DS set that the zone above has for this one.
    package var delegation: [RecordData] { snapshot.delegated.map { .opaque($0.delegation) } }

    var snapshot: Snapshot { active.withLock { $0 } }
}

extension ZoneSigner.Snapshot {
    private func keys(for type: RecordType) -> [SigningKey] {
        switch type {
        case .dnskey, .cds, .cdnskey: keySigning
        default: zoneSigning
        }
    }

    /// What the signatures over a set take in a message at most.
    func room(for set: RecordSet, of owner: DomainName) -> Int {
        // Owner, type, class, TTL and length, the fixed fields, the signer's name, the signature.
        keys(for: set.type).count * (owner.wire.count + 10 + 18 + apex.wire.count + 64)
    }

    /// One signature by each key over a set (RFC 4034 section 3), as records beside it.
    ///
    /// - Parameters:
    ///   - set: the whole set.
    ///   - now: seconds since 1970.
    ///   - permit: asked before a signature is made that is not there yet; false leaves everything unsigned.
    /// - Returns: `nil` when not permitted, or when there is no key to sign with.
    func signatures(
        over set: RecordSet,
        of owner: DomainName,
        _ kind: SignatureCache.Kind,
        at now: Int64,
        permit: () -> Bool = { true }
    ) -> [ResourceRecord]? {
        let octets = set.canonicalOctets(owner: owner)
        var records: [ResourceRecord] = []
        for key in keys(for: set.type) {
            let cacheKey = SignatureCache.Key(octets, signedBy: key.key.publicKey)
            var entry = cache.find(cacheKey, kind)
            if entry?.window.isFresh(at: now) != true {
                guard permit() else { return nil }
                let window = SignatureWindow(at: now, spread: cacheKey.words.1)
                let fields = fields(of: set, owner, key.key, window)
                guard let signature = key.signature(over: fields + octets) else { return nil }
                let made = SignatureCache.Entry(window: window, signature: signature)
                cache.insert(made, for: cacheKey, kind)
                entry = made
            }
            guard let entry else { return nil }
            let data = fields(of: set, owner, key.key, entry.window) + entry.octets
            records.append(ResourceRecord(owner: owner, type: .rrsig, ttl: set.ttl, data: .opaque(data)))
        }
        return records.isEmpty ? nil : records
    }

    /// The data of an RRSIG record up to the signature.
    private func fields(
        of set: RecordSet,
        _ owner: DomainName,
        _ key: DNSKey,
        _ window: SignatureWindow
    ) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(18 + apex.wire.count + 64)
        octets.append(bigEndian: set.type.rawValue)
        octets.append(DNSKey.algorithm)
        octets.append(owner.signedLabelCount)
        octets.append(bigEndian: set.ttl)
        // Serial arithmetic (RFC 4034 section 3.1.5): these wrap in 2106.
        octets.append(bigEndian: UInt32(truncatingIfNeeded: window.expiration))
        octets.append(bigEndian: UInt32(truncatingIfNeeded: window.inception))
        octets.append(bigEndian: key.tag)
        octets += apex.wire
        return octets
    }
}

/// The signers of all signed zones, as every thread that answers sees them.
package final class ZoneSigners: Sendable {
    private let signers = Mutex<[DomainName: ZoneSigner]>([:])

    package init() {}

    /// Signs exactly the zones of these signers from now on.
    package func use(_ new: [ZoneSigner]) {
        let byApex = Dictionary(new.map { ($0.apex, $0) }) { first, _ in first }
        signers.withLock { $0 = byApex }
    }

    package subscript(apex: DomainName) -> ZoneSigner? { signers.withLock { $0[apex] } }
}
