internal import DNSCore
internal import DNSZones

/// Reading how a zone is signed.
extension ZoneConfiguration {
    static let signingKeys = ["dnssec"]

    mutating func readSigning(_ members: ConfigurationNode.Members) {
        keyDirectory = members["dnssec"]?.members(["keys"])?.required("keys")?.string()
    }

    /// The zone and its reverse zones, as far as they are named.
    private var names: [DomainName] { [zone] + (reverse ?? []).map(\.name) }

    /// A zone of `others` below this one or one of its reverse zones.
    private func below(in others: [ZoneConfiguration]) -> (upper: DomainName, lower: DomainName)? {
        for lower in others.flatMap(\.names) {
            if let upper = names.first(where: { lower != $0 && lower.isSubdomain(of: $0) }) { return (upper, lower) }
        }
        return nil
    }

    /// Reports what a signed copy of this zone would deny. Nothing in a zone says that others served here lie below it, so a
    /// secondary would prove that these do not exist.
    func checkCopies(besides others: [ZoneConfiguration], _ node: ConfigurationNode) {
        guard keyDirectory != nil, transfer != nil, let (upper, lower) = below(in: others) else { return }
        node.report(
            "zone \"\(upper)\" is signed and can be transferred, and secondaries of it would deny zone \"\(lower)\" below it: "
                + "leave out transfer or dnssec of \"\(zone)\""
        )
    }
}
