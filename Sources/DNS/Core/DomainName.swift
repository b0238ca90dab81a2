/// A domain name in wire form: length-prefixed labels, lower case, ending in the root label (RFC 1035 section 3.1).
///
/// Lower-cased once, here, so that comparing and hashing names is comparing and hashing bytes (RFC 4343).
package struct DomainName: Hashable, Sendable {
    /// 1 to 255 octets, the last of them zero.
    package let wire: [UInt8]

    package static let root = DomainName(uncheckedWire: [0])

    /// Wraps bytes already known to be a valid, lower-case name.
    package init(uncheckedWire wire: [UInt8]) {
        self.wire = wire
    }

    /// Reads presentation form, with or without the final dot; `\.` and `\DDD` escapes as in RFC 1035 section 5.1.
    /// `nil` when a label is empty or longer than 63 octets, or the name longer than 255.
    package init?(_ text: String) {
        var wire: [UInt8] = []
        wire.reserveCapacity(text.utf8.count + 2)
        var labelStart = 0
        wire.append(0)
        var bytes = Array(text.utf8)[...]
        if bytes.isEmpty || bytes == [UInt8(ascii: ".")] {
            self = .root
            return
        }
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "."):
                guard Self.close(&wire, labelStart: labelStart) else { return nil }
                labelStart = wire.count
                wire.append(0)
            case UInt8(ascii: "\\"):
                guard let escaped = bytes.popFirst() else { return nil }
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(escaped) else {
                    wire.append(Self.lowercase(escaped))
                    continue
                }
                let digits = [escaped] + bytes.prefix(2)
                guard let number = UInt8(String(decoding: digits, as: UTF8.self)), digits.count == 3 else { return nil }
                bytes = bytes.dropFirst(2)
                wire.append(Self.lowercase(number))
            default:
                wire.append(Self.lowercase(byte))
            }
        }
        if wire.count - labelStart > 1 {
            guard Self.close(&wire, labelStart: labelStart) else { return nil }
            wire.append(0)
        }
        guard wire.count <= 255 else { return nil }
        self.wire = wire
    }

    private static func close(_ wire: inout [UInt8], labelStart: Int) -> Bool {
        let length = wire.count - labelStart - 1
        guard (1...63).contains(length) else { return false }
        wire[labelStart] = UInt8(length)
        return true
    }

    @inline(__always)
    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// This name with `label` before it; `nil` when the label is empty or over 63 octets, or the name would be over 255.
    package func prefixed(by label: some Collection<UInt8>) -> DomainName? {
        guard (1...63).contains(label.count), wire.count + label.count + 1 <= 255 else { return nil }
        var longer: [UInt8] = []
        longer.reserveCapacity(wire.count + label.count + 1)
        longer.append(UInt8(label.count))
        for byte in label { longer.append(Self.lowercase(byte)) }
        longer.append(contentsOf: wire)
        return DomainName(uncheckedWire: longer)
    }

    package func prefixed(by label: String) -> DomainName? { prefixed(by: label.utf8) }

    /// True when this name is `ancestor` or stands below it.
    package func isSubdomain(of ancestor: DomainName) -> Bool {
        guard wire.count >= ancestor.wire.count else { return false }
        let cut = wire.count - ancestor.wire.count
        var offset = 0
        while offset < cut { offset += Int(wire[offset]) + 1 }
        return offset == cut && wire[cut...].elementsEqual(ancestor.wire)
    }
}

extension DomainName: CustomStringConvertible {
    /// Presentation form with the final dot.
    package var description: String {
        guard wire.count > 1 else { return "." }
        var text = ""
        var offset = 0
        while wire[offset] != 0 {
            let end = offset + 1 + Int(wire[offset])
            for byte in wire[(offset + 1)..<end] {
                switch byte {
                case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: ";"):
                    text += "\\" + String(UnicodeScalar(byte))
                case 0x21...0x7e: text.unicodeScalars.append(UnicodeScalar(byte))
                default: text += "\\" + String(repeating: "0", count: byte < 10 ? 2 : byte < 100 ? 1 : 0) + "\(byte)"
                }
            }
            text += "."
            offset = end
        }
        return text
    }
}
