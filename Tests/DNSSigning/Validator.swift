import Crypto
import DNSCore
import DNSSigning

/// Verifies answers as RFC 4035 section 5 has it, written apart from what signs them.
struct Validator {
    struct Signature {
        var covered: RecordType
        var algorithm: UInt8
        var labels: UInt8
        var ttl: UInt32
        var expiration: Int64
        var inception: Int64
        var tag: UInt16
        var signer: DomainName
        var fields: [UInt8]
        var octets: [UInt8]

        init?(_ record: ResourceRecord) {
            guard record.type == .rrsig, case .opaque(let data) = record.data, data.count > 82 else { return nil }
            func number(_ range: Range<Int>) -> UInt32 { data[range].reduce(0) { $0 << 8 | UInt32($1) } }
            covered = RecordType(rawValue: UInt16(number(0..<2)))
            algorithm = data[2]
            labels = data[3]
            ttl = number(4..<8)
            expiration = Int64(number(8..<12))
            inception = Int64(number(12..<16))
            tag = UInt16(number(16..<18))
            signer = DomainName(uncheckedWire: Array(data[18..<(data.count - 64)]))
            fields = Array(data[..<(data.count - 64)])
            octets = Array(data.suffix(64))
        }
    }

    /// By zone; what lies in none of them is not signed.
    let keys: [DomainName: [DNSKey]]
    /// Zones that are not signed.
    var unsigned: [DomainName] = []
    let now: Int64

    /// The zone that has to sign a name; `nil` where none does.
    func signer(of name: DomainName) -> DomainName? {
        let zones = (Array(keys.keys) + unsigned).filter { name.isSubdomain(of: $0) }
        let zone = zones.max { $0.wire.count < $1.wire.count }
        return zone.flatMap { keys[$0] == nil ? nil : $0 }
    }

    /// The sets of one section that have no good signature, and what is wrong with those that have one.
    func faults(_ section: [ResourceRecord]) -> [String] {
        var faults: [String] = []
        var seen: Set<[UInt8]> = []
        for record in section where record.type != .rrsig {
            guard seen.insert(record.owner.wire + [UInt8(record.type.rawValue & 0xff)]).inserted else { continue }
            let upper = record.type == .ds ? record.owner.parent : record.owner
            guard let zone = signer(of: upper) else { continue }
            let set = section.filter { $0.owner == record.owner && $0.type == record.type }
            let signatures = section.filter { $0.owner == record.owner }.compactMap { Signature($0) }
                .filter { $0.covered == record.type }
            if signatures.isEmpty { faults.append("\(record.owner) \(record.type.rawValue): no signature") }
            for signature in signatures {
                if let fault = fault(signature, over: set, zone) {
                    faults.append("\(record.owner) \(record.type.rawValue): \(fault)")
                }
            }
        }
        for record in section where record.type == .rrsig {
            guard let signature = Signature(record) else {
                faults.append("\(record.owner): an RRSIG that does not read")
                continue
            }
            if !section.contains(where: { $0.owner == record.owner && $0.type == signature.covered }) {
                faults.append("\(record.owner): a signature over nothing")
            }
        }
        return faults
    }

    private func fault(_ signature: Signature, over set: [ResourceRecord], _ zone: DomainName) -> String? {
        guard signature.signer == zone else { return "signed by \(signature.signer)" }
        guard signature.inception <= now, now <= signature.expiration else { return "not valid now" }
        guard signature.ttl == set[0].ttl, set.allSatisfy({ $0.ttl == set[0].ttl }) else { return "another TTL" }
        guard Int(signature.labels) == set[0].owner.labels.count else { return "another number of labels" }
        guard let key = keys[zone]?.first(where: { $0.tag == signature.tag }) else { return "no such key" }
        var octets = signature.fields
        for data in set.map(\.wireData).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            octets += set[0].owner.wire + [UInt8(set[0].type.rawValue >> 8), UInt8(set[0].type.rawValue & 0xff), 0, 1]
            octets += (0..<4).map { UInt8(truncatingIfNeeded: set[0].ttl >> (24 - 8 * $0)) }
            octets += [UInt8(data.count >> 8), UInt8(data.count & 0xff)] + data
        }
        guard let publicKey = try? P256.Signing.PublicKey(rawRepresentation: key.publicKey),
            let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature.octets)
        else { return "key or signature does not read" }
        return publicKey.isValidSignature(parsed, for: SHA256.hash(data: octets)) ? nil : "does not verify"
    }
}

/// What an NSEC record says.
struct Proof: Equatable {
    var owner: DomainName
    var next: DomainName
    var types: Set<RecordType>

    init?(_ records: [ResourceRecord]) {
        let denials = records.filter { $0.type == .nsec }
        guard denials.count == 1, case .opaque(let data) = denials[0].data else { return nil }
        owner = denials[0].owner
        var offset = 0
        while data[offset] != 0 { offset += 1 + Int(data[offset]) }
        next = DomainName(uncheckedWire: Array(data[...offset]))
        types = []
        offset += 1
        while offset < data.count {
            for index in 0..<(8 * Int(data[offset + 1]))
            where data[offset + 2 + index / 8] & 0x80 >> UInt8(index % 8) != 0 {
                types.insert(RecordType(rawValue: UInt16(data[offset]) << 8 | UInt16(index)))
            }
            offset += 2 + Int(data[offset + 1])
        }
    }
}

extension DomainName {
    var labels: [[UInt8]] {
        var labels: [[UInt8]] = []
        var rest = wire[...]
        while let length = rest.first, length > 0 {
            labels.append(Array(rest.dropFirst().prefix(Int(length))))
            rest = rest.dropFirst(1 + Int(length))
        }
        return labels
    }

    var parent: DomainName { DomainName(uncheckedWire: Array(wire.dropFirst(1 + Int(wire[0])))) }
}

extension ResourceRecord {
    /// As it stands in a message of its own, where nothing is compressed.
    var wireData: [UInt8] {
        let alone = ResourceRecord(owner: .root, type: type, ttl: ttl, data: data)
        let octets = Message(id: 0, answers: [alone]).encoded().dropFirst(12 + 11)
        guard case .soa(let authority) = data else { return Array(octets) }
        return authority.primary.wire + authority.mailbox.wire + octets.suffix(20)
    }
}
