import DNSCore

extension DomainName {
    /// As RRSIG counts them: without the root and without a leading `*` (RFC 4034 section 3.1.3).
    var signedLabelCount: UInt8 {
        var count: UInt8 = 0
        var offset = 0
        while wire[offset] != 0 {
            if offset > 0 || wire[0...1] != [1, UInt8(ascii: "*")] { count += 1 }
            offset += 1 + Int(wire[offset])
        }
        return count
    }
}

extension RecordData {
    /// The data in canonical form (RFC 4034 section 6.2): names in full and lower case, which they are throughout.
    var canonicalOctets: [UInt8] {
        var octets: [UInt8] = []
        switch self {
        case .a(let address): octets.append(bigEndian: address)
        case .aaaa(let high, let low):
            octets.append(bigEndian: high)
            octets.append(bigEndian: low)
        case .ns(let name), .cname(let name), .ptr(let name): octets = name.wire
        case .srv(let priority, let weight, let port, let target):
            octets.append(bigEndian: priority)
            octets.append(bigEndian: weight)
            octets.append(bigEndian: port)
            octets += target.wire
        case .txt(let strings):
            for string in strings {
                octets.append(UInt8(truncatingIfNeeded: string.count))
                octets += string
            }
        case .soa(let authority):
            octets = authority.primary.wire + authority.mailbox.wire
            let numbers = [
                authority.serial, authority.refresh, authority.retry, authority.expire, authority.minimum,
            ]
            for number in numbers { octets.append(bigEndian: number) }
        case .opaque(let data): octets = data
        }
        return octets
    }
}

extension RecordSet {
    /// The set's records as they are signed (RFC 4034 section 3.1.8.1): in canonical form and order, each once.
    func canonicalOctets(owner: DomainName) -> [UInt8] {
        var prefix = owner.wire
        prefix.append(bigEndian: type.rawValue)
        prefix.append(bigEndian: RecordClass.in.rawValue)
        prefix.append(bigEndian: ttl)
        var sorted = data.map(\.canonicalOctets)
        if sorted.count > 1 { sorted.sort { $0.lexicographicallyPrecedes($1) } }
        var octets: [UInt8] = []
        octets.reserveCapacity(sorted.reduce(0) { $0 + prefix.count + 2 + $1.count })
        var last: [UInt8]?
        for data in sorted where data != last {
            octets += prefix
            octets.append(bigEndian: UInt16(truncatingIfNeeded: data.count))
            octets += data
            last = data
        }
        return octets
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
