internal import Crypto
internal import FoundationEssentials
internal import Glibc

/// A certificate for loopback that is its own authority, with its key: what a stand-in needs to speak TLS.
package struct SelfSignedCertificate: Sendable {
    /// PEM
    package let certificate: String
    /// PEM
    package let privateKey: String

    /// Good for `127.0.0.1`, `::1` and `localhost`, from an hour ago for `days`.
    package init(days: Int = 30) {
        let key = P256.Signing.PrivateKey()
        let ecdsaWithSHA256 = DER.sequence(DER.oid([1, 2, 840, 10045, 4, 3, 2]))
        let name = DER.sequence(
            DER.set(DER.sequence(DER.oid([2, 5, 4, 3]), DER.value(0x0C, Array("portolan sandbox".utf8))))
        )
        let now = time(nil)
        let validity = DER.sequence(DER.time(now - 3600), DER.time(now + days * 86_400))
        let body = DER.sequence(
            DER.value(0xA0, DER.value(0x02, [2])),
            DER.value(0x02, [1] + (0..<15).map { _ in UInt8.random(in: 0...255) }),
            ecdsaWithSHA256,
            name,
            validity,
            name,
            Array(key.publicKey.derRepresentation),
            DER.value(0xA3, Self.extensions)
        )
        let signature = (try? key.signature(for: body)).map { Array($0.derRepresentation) } ?? []
        let whole = DER.sequence(body, ecdsaWithSHA256, DER.value(0x03, [0] + signature))
        certificate = Self.pem("CERTIFICATE", whole)
        privateKey = key.pemRepresentation + "\n"
    }

    package var tls: ServerTLS { ServerTLS(certificateChain: certificate, privateKey: privateKey) }

    private static var extensions: [UInt8] {
        let names =
            DER.value(0x82, Array("localhost".utf8)) + DER.value(0x87, [127, 0, 0, 1])
            + DER.value(0x87, [UInt8](repeating: 0, count: 15) + [1])
        return DER.sequence(
            // An authority.
            DER.extension([2, 5, 29, 19], isCritical: true, DER.sequence(DER.value(0x01, [0xFF]))),
            // digitalSignature, keyCertSign
            DER.extension([2, 5, 29, 15], isCritical: true, DER.value(0x03, [2, 0x84])),
            // serverAuth
            DER.extension([2, 5, 29, 37], DER.sequence(DER.oid([1, 3, 6, 1, 5, 5, 7, 3, 1]))),
            DER.extension([2, 5, 29, 17], DER.value(0x30, names))
        )
    }

    private static func pem(_ label: String, _ bytes: [UInt8]) -> String {
        let text = Base64.encode(bytes)
        var lines = ["-----BEGIN \(label)-----"]
        var rest = text[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        return (lines + ["-----END \(label)-----", ""]).joined(separator: "\n")
    }
}

/// Distinguished Encoding Rules (X.690), as far as a certificate needs them.
private enum DER {
    static func value(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        if content.count < 0x80 {
            length = [UInt8(content.count)]
        } else {
            var rest = content.count
            while rest > 0 {
                length.insert(UInt8(rest & 0xFF), at: 0)
                rest >>= 8
            }
            length.insert(0x80 | UInt8(length.count), at: 0)
        }
        return [tag] + length + content
    }

    static func sequence(_ parts: [UInt8]...) -> [UInt8] { value(0x30, Array(parts.joined())) }

    static func set(_ content: [UInt8]) -> [UInt8] { value(0x31, content) }

    static func oid(_ numbers: [Int]) -> [UInt8] {
        var content = [UInt8(numbers[0] * 40 + numbers[1])]
        for number in numbers.dropFirst(2) {
            var digits = [UInt8(number & 0x7F)]
            var rest = number >> 7
            while rest > 0 {
                digits.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
                rest >>= 7
            }
            content += digits
        }
        return value(0x06, content)
    }

    static func `extension`(_ id: [Int], isCritical: Bool = false, _ content: [UInt8]) -> [UInt8] {
        sequence(oid(id), isCritical ? value(0x01, [0xFF]) : [], value(0x04, content))
    }

    /// GeneralizedTime is for dates from 2050 on; UTCTime does until then.
    static func time(_ seconds: time_t) -> [UInt8] {
        let text = Timestamp(seconds: Int64(seconds)).text.filter(\.isNumber)
        return value(0x17, Array((text.dropFirst(2) + "Z").utf8))
    }
}
