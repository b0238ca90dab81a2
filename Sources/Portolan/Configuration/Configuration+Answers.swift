internal import DNSCore
internal import ServiceCatalog

/// Reading what says how DNS queries are answered, and whose.
extension DNSConfiguration {
    static let answerKeys = ["nsid", "cookies", "rateLimit"]

    mutating func readAnswers(_ members: ConfigurationNode.Members) {
        if let node = members["nsid"], let text = node.string() {
            if ServerIdentifier(text) == nil {
                let limit = ServerIdentifier.maximumLength
                node.report("\(node.path) may have at most \(limit) octets, not \(text.utf8.count)")
            }
            nsid = text
        }
        if let node = members["cookies"], let cookies = node.members(["secret"]) {
            cookieSecret = cookies.required("secret")?.secret()
        }
        rateLimit = members["rateLimit"].flatMap { RateLimitConfiguration($0) }
    }
}

extension RateLimitConfiguration {
    fileprivate init?(_ node: ConfigurationNode) {
        guard let members = node.members(["perSecond", "slip", "ipv4Prefix", "ipv6Prefix", "exempt"]),
            let perSecond = members.required("perSecond")?.integer(1...1_000_000)
        else { return nil }
        self.init(perSecond: perSecond)
        if let slip = members["slip"]?.integer(0...1000) { self.slip = slip }
        if let prefix = members["ipv4Prefix"]?.integer(1...32) { ipv4Prefix = prefix }
        if let prefix = members["ipv6Prefix"]?.integer(1...128) { ipv6Prefix = prefix }
        exempt = members["exempt"]?.addressRanges() ?? []
    }
}

extension ConfigurationNode {
    /// A list of `10.0.0.0/8`, `2001:db8::/32` or single addresses.
    func addressRanges() -> [AddressRange]? {
        elements()?.compactMap { element in
            guard let text = element.string() else { return nil }
            do throws(AddressRangeError) {
                return try AddressRange(text)
            } catch {
                element.report("\(element.path): \(error)")
                return nil
            }
        }
    }
}
