/// Reading how a zone is signed.
extension ZoneConfiguration {
    static let signingKeys = ["dnssec"]

    mutating func readSigning(_ members: ConfigurationNode.Members) {
        keyDirectory = members["dnssec"]?.members(["keys"])?.required("keys")?.string()
    }
}
