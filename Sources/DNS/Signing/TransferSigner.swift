package import DNSCore

/// Signs a whole zone for a transfer, one name after the other: signatures over its sets, its place in the chain of NSEC records
/// (RFC 4035 section 2.3), and the signature over that.
///
/// The names come in canonical order, the apex first. Names without sets are no part of the chain and are not to be given.
/// Nothing is held between one name and the next.
package struct TransferSigner: Sendable {
    private let signer: ZoneSigner.Snapshot
    private let denialTTL: UInt32
    private let now: Int64

    /// Signs with the keys that are active at this moment, whatever becomes of them.
    ///
    /// - Parameters:
    ///   - denialTTL: of NSEC records in seconds, which is that of negative answers (RFC 9077).
    ///   - now: seconds since 1970.
    package init(_ signer: ZoneSigner, denialTTL: UInt32, at now: Int64) {
        self.signer = signer.snapshot
        self.denialTTL = denialTTL
        self.now = now
    }

    /// What a transfer has for one name beside its sets.
    ///
    /// - Parameters:
    ///   - next: the name after this one; after the last one the apex.
    /// - Returns: `nil` when there is no key to sign with.
    package func supplement(
        to owner: DomainName,
        _ sets: [RecordSet],
        next: DomainName
    ) -> [ResourceRecord]? {
        let types = sets.map(\.type) + [.rrsig, .nsec]
        let denial = RecordSet(type: .nsec, ttl: denialTTL, data: [Denial(next: next, types: types).data])
        var records = [ResourceRecord(owner: owner, type: .nsec, ttl: denialTTL, data: denial.data[0])]
        for set in sets + [denial] {
            let kind: SignatureCache.Kind = set.type == .soa ? .passing : .lasting
            guard let signatures = signer.signatures(over: set, of: owner, kind, at: now) else { return nil }
            records += signatures
        }
        return records
    }
}
