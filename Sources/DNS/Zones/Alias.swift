import DNSCore
import ServiceCatalog

/// The target of a CNAME record.
enum Alias {
    static func read(_ text: String, of owner: DomainName) throws(Refusal) -> DomainName {
        guard IPAddress(text) == nil else {
            throw Refusal(
                .addressUnusable,
                "\(owner) cannot be an alias of the address \(text): externalName takes a DNS name"
            )
        }
        guard let target = DomainName(hostName: text) else {
            throw Refusal(.addressUnusable, "\(owner) cannot be an alias of \"\(text)\": externalName takes a DNS name")
        }
        guard target != owner else { throw Refusal(.addressUnusable, "\(owner) is an alias of itself") }
        return target
    }
}

/// That a part of a service cannot be shown.
struct Refusal: Error {
    let problem: Problem

    init(_ code: Problem.Code, _ message: String) { problem = Problem(code, message) }
}

extension DomainName {
    /// Reads a host name: letters, digits, `-` and `_` in labels, a final dot at will.
    init?(hostName text: String) {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isPlain, let name = DomainName(text), name != .root else { return nil }
        self = name
    }
}
