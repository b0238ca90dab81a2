internal import Crypto
package import DNSCore

/// A key pair with the times at which it is used.
package struct SigningKey: Sendable {
    package let key: DNSKey
    package var timing: KeyTiming
    /// Seconds, of the DNSKEY set; `nil` where the key file has none.
    package var ttl: UInt32?
    private let privateKey: P256.Signing.PrivateKey

    init(zone: DomainName, isKeySigning: Bool, privateKey: P256.Signing.PrivateKey) {
        key = DNSKey(
            zone: zone,
            isKeySigning: isKeySigning,
            publicKey: Array(privateKey.publicKey.rawRepresentation)
        )
        timing = KeyTiming()
        self.privateKey = privateKey
    }

    /// A new key pair, from the system's random numbers.
    package static func generate(for zone: DomainName, isKeySigning: Bool) -> SigningKey {
        SigningKey(zone: zone, isKeySigning: isKeySigning, privateKey: P256.Signing.PrivateKey())
    }

    /// The private number, 32 octets.
    var secret: [UInt8] { Array(privateKey.rawRepresentation) }

    /// r and s, 64 octets (RFC 6605 section 4). `nil` when the cryptographic library fails, which has no known cause.
    func signature(over octets: [UInt8]) -> [UInt8]? {
        guard let signature = try? privateKey.signature(for: SHA256.hash(data: octets)) else { return nil }
        return Array(signature.rawRepresentation)
    }
}
