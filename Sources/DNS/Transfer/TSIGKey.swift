internal import Crypto
package import DNSCore

/// The algorithms that keys may have (RFC 8945 section 6).
package enum TSIGAlgorithm: String, Sendable, CaseIterable {
    case hmacSHA256 = "hmac-sha256"
    case hmacSHA384 = "hmac-sha384"
    case hmacSHA512 = "hmac-sha512"

    /// Octets of a MAC.
    package var length: Int {
        switch self {
        case .hmacSHA256: 32
        case .hmacSHA384: 48
        case .hmacSHA512: 64
        }
    }

    /// As it stands in messages.
    var name: DomainName { DomainName(uncheckedWire: [UInt8(rawValue.utf8.count)] + Array(rawValue.utf8) + [0]) }
}

/// A secret that two servers share, under the name by which both know it. It does not print its secret.
package struct TSIGKey: Sendable, Equatable {
    package let name: DomainName
    package let algorithm: TSIGAlgorithm
    private let secret: [UInt8]

    package init(name: DomainName, algorithm: TSIGAlgorithm, secret: [UInt8]) {
        self.name = name
        self.algorithm = algorithm
        self.secret = secret
    }

    func code(for bytes: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: secret)
        return switch algorithm {
        case .hmacSHA256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        case .hmacSHA384: Array(HMAC<SHA384>.authenticationCode(for: bytes, using: key))
        case .hmacSHA512: Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
        }
    }
}

extension TSIGKey: CustomStringConvertible, CustomReflectable {
    package var description: String { "\(name) (\(algorithm.rawValue))" }

    package var customMirror: Mirror { Mirror(self, children: ["name": name, "algorithm": algorithm]) }
}
