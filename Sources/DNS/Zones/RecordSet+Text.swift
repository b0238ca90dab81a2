package import DNSCore
import ServiceCatalog

extension OwnerChange {
    /// Its records in zone file form (RFC 1035 section 5.1), one a line.
    package var lines: [String] { sets.flatMap { $0.lines(owner: owner) } }
}

extension RecordSet {
    /// The records of `owner` in zone file form, one a line.
    package func lines(owner: DomainName) -> [String] {
        data.map { "\(owner) \(ttl) IN \(type.text) \($0.text(of: type))" }
    }
}

extension RecordType {
    /// The mnemonic, else `TYPEnnn` (RFC 3597 section 5).
    package var text: String {
        switch self {
        case .a: "A"
        case .ns: "NS"
        case .cname: "CNAME"
        case .soa: "SOA"
        case .ptr: "PTR"
        case .txt: "TXT"
        case .aaaa: "AAAA"
        case .srv: "SRV"
        case .svcb: "SVCB"
        case .https: "HTTPS"
        default: "TYPE\(rawValue)"
        }
    }
}

extension RecordData {
    /// In zone file form, that of the type where the data alone does not tell it.
    package func text(of type: RecordType) -> String {
        guard case .opaque(let bytes) = self, type == .svcb || type == .https,
            let binding = ServiceBinding(wire: bytes)
        else { return text }
        return binding.text { address in
            let (high, low) = (UInt64(truncatingIfNeeded: address >> 64), UInt64(truncatingIfNeeded: address))
            return IPAddress.v6(high: high, low: low).description
        }
    }

    /// In zone file form.
    package var text: String {
        switch self {
        case .a(let address): IPAddress.v4(address).description
        case .aaaa(let high, let low): IPAddress.v6(high: high, low: low).description
        case .ns(let name), .cname(let name), .ptr(let name): name.description
        case .srv(let priority, let weight, let port, let target): "\(priority) \(weight) \(port) \(target)"
        case .txt(let strings): strings.map(Self.quoted).joined(separator: " ")
        case .soa(let soa):
            "\(soa.primary) \(soa.mailbox) \(soa.serial) \(soa.refresh) \(soa.retry) \(soa.expire) \(soa.minimum)"
        // RFC 3597 section 5.
        case .opaque(let bytes):
            "\\# \(bytes.count)" + (bytes.isEmpty ? "" : " ")
                + String(decoding: bytes.flatMap { [hexDigit($0 >> 4), hexDigit($0 & 0xf)] }, as: UTF8.self)
        }
    }

    private static func quoted(_ string: [UInt8]) -> String {
        var text = "\""
        for byte in string {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
            case 0x20...0x7e: text.unicodeScalars.append(UnicodeScalar(byte))
            default: text += "\\" + String(repeating: "0", count: byte < 10 ? 2 : byte < 100 ? 1 : 0) + "\(byte)"
            }
        }
        return text + "\""
    }
}
