internal import Crypto
package import DNSCore

/// A public key as a zone publishes it (RFC 4034 section 2): ECDSA on P-256 with SHA-256 (RFC 6605).
package struct DNSKey: Hashable, Sendable {
    /// ECDSAP256SHA256.
    package static let algorithm: UInt8 = 13
    /// SHA-256, as a digest type of DS records (RFC 4509).
    package static let digestType: UInt8 = 2

    package let zone: DomainName
    /// Whether the SEP bit is set: it signs the key sets, and the parent's DS leads to it.
    package let isKeySigning: Bool
    /// The point's two coordinates, 64 octets.
    package let publicKey: [UInt8]
    package let tag: UInt16

    package init(zone: DomainName, isKeySigning: Bool, publicKey: [UInt8]) {
        self.zone = zone
        self.isKeySigning = isKeySigning
        self.publicKey = publicKey
        tag = Self.tag(of: Self.data(isKeySigning: isKeySigning, publicKey))
    }

    package var flags: UInt16 { isKeySigning ? 257 : 256 }

    /// The data of the DNSKEY record, and of CDNSKEY.
    package var data: [UInt8] { Self.data(isKeySigning: isKeySigning, publicKey) }

    private static func data(isKeySigning: Bool, _ publicKey: [UInt8]) -> [UInt8] {
        [1, isKeySigning ? 1 : 0, 3, algorithm] + publicKey
    }

    /// RFC 4034 appendix B.
    static func tag(of data: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for (index, octet) in data.enumerated() { sum &+= index & 1 == 0 ? UInt32(octet) << 8 : UInt32(octet) }
        return UInt16(truncatingIfNeeded: sum &+ sum >> 16)
    }

    /// The data of the DS record that belongs into the parent, and of CDS (RFC 4034 section 5.1).
    package var delegation: [UInt8] {
        var octets: [UInt8] = []
        octets.append(bigEndian: tag)
        octets += [Self.algorithm, Self.digestType]
        octets += Array(SHA256.hash(data: zone.wire + data))
        return octets
    }

    /// The DS record in presentation form.
    package var delegationText: String {
        let digest = delegation.dropFirst(4).map { octet in
            (octet < 16 ? "0" : "") + String(octet, radix: 16, uppercase: true)
        }
        return "\(zone) IN DS \(tag) \(Self.algorithm) \(Self.digestType) \(digest.joined())"
    }
}
