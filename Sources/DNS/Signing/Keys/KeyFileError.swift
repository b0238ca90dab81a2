package import DNSCore

/// What is wrong with a key file, for the one who has to mend it.
package struct KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        case unsupportedAlgorithm(Int)
        /// The file has no DNSKEY record, or more than one.
        case noKeyRecord
        /// What does not read, as it stands.
        case unreadableRecord(String)
        case wrongZone(found: DomainName, expected: DomainName)
        case unsupportedFlags(UInt16)
        case tagMismatch(found: UInt16, expected: UInt16)
        /// The text does not begin with a private key format of version 1.
        case notPrivateKeyFormat
        case missingField(String)
        case unreadableField(String)
        case badPrivateKey
        case keysDoNotBelongTogether(String)
        case unreadableFile(String)
        case notText
    }

    /// The name of the file, without its directory.
    package let file: String
    package let reason: Reason

    package init(file: String, reason: Reason) {
        self.file = file
        self.reason = reason
    }

    package var description: String { "\(file): \(reason.text)" }
}

extension KeyFileError.Reason {
    private static let remedy = "make one with dnssec-keygen -a ECDSAP256SHA256 or portolan dnssec keygen"

    fileprivate var text: String {
        switch self {
        case .unsupportedAlgorithm(let number):
            "algorithm \(number) is not supported, only 13 (ECDSAP256SHA256); \(Self.remedy)"
        case .noKeyRecord: "there must be exactly one DNSKEY record in it"
        case .unreadableRecord(let line): "\"\(line)\" is not a DNSKEY record of 64 octets in base64"
        case .wrongZone(let found, let expected): "the key is of the zone \(found), the file's name says \(expected)"
        case .unsupportedFlags(let flags): "flags \(flags) are not supported, only 256 (ZSK) and 257 (KSK)"
        case .tagMismatch(let found, let expected):
            "the key's tag is \(found), the file's name says \(expected); was the file changed or renamed?"
        case .notPrivateKeyFormat: "it does not begin with \"Private-key-format: v1.\""
        case .missingField(let name): "it has no line \"\(name):\""
        case .unreadableField(let name): "what follows \"\(name):\" cannot be read"
        case .badPrivateKey: "the private key is not one of P-256"
        case .keysDoNotBelongTogether(let other): "the private key does not belong to the public one in \(other)"
        case .unreadableFile(let cause): "it cannot be read: \(cause)"
        case .notText: "it is not text, or larger than 64 KiB"
        }
    }
}
