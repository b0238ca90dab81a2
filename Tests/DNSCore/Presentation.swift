import DNSCore
import Glibc

/// Presentation form (RFC 1035 section 5.1, RFC 3597) of the few types that the tests write, in both directions.

extension RecordType {
    static let names: [String: RecordType] = [
        "A": .a, "NS": .ns, "CNAME": .cname, "SOA": .soa, "PTR": .ptr, "TXT": .txt, "AAAA": .aaaa, "SRV": .srv,
        "OPT": .opt, "NXNAME": .nxname, "TKEY": .tkey, "TSIG": .tsig, "IXFR": .ixfr, "AXFR": .axfr, "ANY": .any,
    ]

    init?(text: String) {
        if let type = Self.names[text] {
            self = type
        } else {
            guard text.hasPrefix("TYPE"), let number = UInt16(text.dropFirst(4)) else { return nil }
            self.init(rawValue: number)
        }
    }

    var text: String { Self.names.first { $0.value == self }?.key ?? "TYPE\(rawValue)" }
}

extension ResponseCode {
    static let named = Dictionary(
        uniqueKeysWithValues: [
            ResponseCode.noError, .formErr, .servFail, .nxDomain, .notImp, .refused, .notAuth, .badVers, .badCookie,
        ].map { ($0.description, $0) }
    )
}

extension ClientAddress {
    init(text: String) {
        let type = text.contains(":") ? RecordType.aaaa : .a
        switch RecordData(type, [text], name: { DomainName($0)! }) {
        case .a(let address): self.init(ipv4: address)
        case .aaaa(let high, let low): self.init(high: high, low: low)
        default: fatalError("not an address: \(text)")
        }
    }
}

extension ResourceRecord {
    var text: String { "\(owner) \(ttl) \(type.text) \(data.text)" }
}

extension RecordData {
    var text: String {
        switch self {
        case .a(let address):
            return Self.format(address.bigEndian, AF_INET)
        case .aaaa(let high, let low):
            return Self.format((high.bigEndian, low.bigEndian), AF_INET6)
        case .ns(let name), .cname(let name), .ptr(let name):
            return name.description
        case .srv(let priority, let weight, let port, let target):
            return "\(priority) \(weight) \(port) \(target)"
        case .txt(let strings):
            return strings.map { "\"\(String(decoding: $0, as: UTF8.self))\"" }.joined(separator: " ")
        case .soa(let soa):
            let numbers = [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum].map(String.init)
            return "\(soa.primary) \(soa.mailbox) \(numbers.joined(separator: " "))"
        case .opaque(let bytes):
            return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    private static func format<Address>(_ address: Address, _ family: Int32) -> String {
        withUnsafeBytes(of: address) { bytes in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
                String(cString: inet_ntop(family, bytes.baseAddress, text.baseAddress, 64))
            }
        }
    }

    /// - Parameter name: reads a name that may be relative.
    init(_ type: RecordType, _ words: [String], name: (String) -> DomainName) {
        switch type {
        case .a:
            var address = in_addr()
            precondition(inet_pton(AF_INET, words[0], &address) == 1, words[0])
            self = .a(UInt32(bigEndian: address.s_addr))
        case .aaaa:
            var address = in6_addr()
            precondition(inet_pton(AF_INET6, words[0], &address) == 1, words[0])
            self = withUnsafeBytes(of: address) { bytes in
                .aaaa(
                    high: UInt64(bigEndian: bytes.load(as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self))
                )
            }
        case .ns: self = .ns(name(words[0]))
        case .cname: self = .cname(name(words[0]))
        case .ptr: self = .ptr(name(words[0]))
        case .srv:
            self = .srv(
                priority: UInt16(words[0])!,
                weight: UInt16(words[1])!,
                port: UInt16(words[2])!,
                target: name(words[3])
            )
        case .txt:
            let text = words.joined(separator: " ")
            self = .txt(text.split(separator: "\"").filter { $0 != " " }.map { Array($0.utf8) })
        default:
            self = .opaque(Fixtures.octets(words.joined()))
        }
    }
}
