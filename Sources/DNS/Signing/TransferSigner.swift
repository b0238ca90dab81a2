package import DNSCore

/// Signs a whole zone for a transfer, one name after the other: its sets, its place in the chain of NSEC records (RFC 4035
/// section 2.3), and signatures over all of them.
///
/// The names come in canonical order, see ``DomainName/canonicalKey``, the apex first. Names without sets are no part of the
/// chain and are not to be given. Nothing is held between one name and the next.
package struct TransferSigner: Sendable {
    private let signer: ZoneSigner
    private let denialTTL: UInt32
    private let now: Int64

    /// - Parameters:
    ///   - authority: of the zone; its `minimum` bounds the TTL of NSEC records (RFC 9077).
    ///   - ttl: of the SOA record.
    ///   - now: seconds since 1970.
    package init(_ signer: ZoneSigner, authority: StartOfAuthority, ttl: UInt32, at now: Int64) {
        self.signer = signer
        self.now = now
        denialTTL = min(authority.minimum, ttl)
    }

    /// The records that a transfer has for one name: each set followed by its signatures.
    ///
    /// - Parameters:
    ///   - next: the name after this one; after the last one the apex.
    /// - Returns: `nil` when there is no key to sign with.
    package func records(of owner: DomainName, _ sets: [RecordSet], next: DomainName) -> [ResourceRecord]? {
        let denial = Denial(next: next, types: sets.map(\.type) + [.rrsig, .nsec])
        let all = sets + [RecordSet(type: .nsec, ttl: denialTTL, data: [denial.data])]
        var records: [ResourceRecord] = []
        for set in all {
            let kind: SignatureCache.Kind = set.type == .soa ? .passing : .lasting
            guard let signatures = signer.signatures(over: set, of: owner, kind, at: now) else { return nil }
            records += set.data.map { ResourceRecord(owner: owner, type: set.type, ttl: set.ttl, data: $0) }
            records += signatures
        }
        return records
    }
}
