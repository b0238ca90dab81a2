/// The kind of a message (RFC 1035 section 4.1.1 and its registry).
package struct Opcode: Hashable, Sendable, RawRepresentable {
    /// Four bits.
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue & 0xf }

    package static let query = Opcode(rawValue: 0)
    package static let notify = Opcode(rawValue: 4)
    package static let update = Opcode(rawValue: 5)
}

/// How a question was met. Codes above 15 need EDNS (RFC 6891 section 6.1.3).
package struct ResponseCode: Hashable, Sendable, RawRepresentable {
    /// Twelve bits.
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue & 0xfff }

    package static let noError = ResponseCode(rawValue: 0)
    package static let formErr = ResponseCode(rawValue: 1)
    package static let servFail = ResponseCode(rawValue: 2)
    package static let nxDomain = ResponseCode(rawValue: 3)
    package static let notImp = ResponseCode(rawValue: 4)
    package static let refused = ResponseCode(rawValue: 5)
    package static let notAuth = ResponseCode(rawValue: 9)
    package static let badVers = ResponseCode(rawValue: 16)
    package static let badCookie = ResponseCode(rawValue: 23)
}

extension ResponseCode: CustomStringConvertible {
    /// The mnemonic of the IANA registry, or `RCODE` and the number.
    package var description: String {
        switch self {
        case .noError: "NOERROR"
        case .formErr: "FORMERR"
        case .servFail: "SERVFAIL"
        case .nxDomain: "NXDOMAIN"
        case .notImp: "NOTIMP"
        case .refused: "REFUSED"
        case .notAuth: "NOTAUTH"
        case .badVers: "BADVERS"
        case .badCookie: "BADCOOKIE"
        default: "RCODE\(rawValue)"
        }
    }
}

/// The second 16 bits of a message: QR, opcode, AA, TC, RD, RA, Z, AD, CD and RCODE (RFC 1035 section 4.1.1, RFC 4035).
package struct HeaderFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let response = HeaderFlags(rawValue: 0x8000)
    package static let authoritative = HeaderFlags(rawValue: 0x0400)
    package static let truncated = HeaderFlags(rawValue: 0x0200)
    package static let recursionDesired = HeaderFlags(rawValue: 0x0100)
    package static let recursionAvailable = HeaderFlags(rawValue: 0x0080)
    package static let authenticData = HeaderFlags(rawValue: 0x0020)
    package static let checkingDisabled = HeaderFlags(rawValue: 0x0010)

    package var opcode: Opcode { Opcode(rawValue: UInt8(rawValue >> 11 & 0xf)) }
}

/// The 12 octets every message begins with, read from bytes known to hold them.
struct Header {
    static let size = 12

    let id: UInt16
    let flags: HeaderFlags
    let questions: UInt16
    let answers: UInt16
    let authorities: UInt16
    let additionals: UInt16

    init(_ message: Span<UInt8>) {
        id = message.bigEndian(at: 0)
        flags = HeaderFlags(rawValue: message.bigEndian(at: 2))
        questions = message.bigEndian(at: 4)
        answers = message.bigEndian(at: 6)
        authorities = message.bigEndian(at: 8)
        additionals = message.bigEndian(at: 10)
    }
}

extension Span<UInt8> {
    @inline(__always)
    func bigEndian(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    @inline(__always)
    func bigEndian(at offset: Int) -> UInt32 {
        UInt32(bigEndian(at: offset) as UInt16) << 16 | UInt32(bigEndian(at: offset + 2) as UInt16)
    }
}
