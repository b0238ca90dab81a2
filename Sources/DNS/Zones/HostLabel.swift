import DNSCore
import ServiceCatalog

/// The first label of an endpoint's own name.
///
/// Equal labels are equal values: a hostname that spells an address with dashes *is* that dashed address.
enum HostLabel: Hashable {
    /// The address with `-` for `.` or `:`, from its canonical text; a final `-` is followed by `0`, as CoreDNS does.
    case dashed(IPAddress)
    /// What the endpoint calls itself: 1 to 63 octets of a-z, 0-9 and inner `-`.
    case given(String)

    /// `nil` when `hostname` is not a host label (RFC 1123 section 2.1).
    init?(hostname: String) {
        var text = hostname
        let reading = text.withUTF8 { Self.read($0) }
        switch reading {
        case .invalid: return nil
        case .address(let address): self = .dashed(address)
        case .lowerCase: self = .given(hostname)
        // Read again: an address may be spelt in upper case.
        case .mixedCase: self.init(hostname: hostname.lowercased())
        }
    }

    private enum Reading {
        case invalid
        case lowerCase
        case mixedCase
        case address(IPAddress)
    }

    private static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Reading {
        guard (1...63).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else {
            return .invalid
        }
        var hasUpperCase = false
        var mayBeAddress = true
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "-"): break
            case UInt8(ascii: "g")...UInt8(ascii: "z"): mayBeAddress = false
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): (hasUpperCase, mayBeAddress) = (true, false)
            default: return .invalid
            }
        }
        if mayBeAddress, let address = IPAddress(dashed: bytes) { return .address(address) }
        return hasUpperCase ? .mixedCase : .lowerCase
    }

    /// Writes the label's octets, at most 63.
    ///
    /// - Returns: how many.
    @inline(__always)
    func write(to label: UnsafeMutableBufferPointer<UInt8>) -> Int {
        switch self {
        case .dashed(let address):
            return address.writeDashed(to: label)
        case .given(let text):
            var text = text
            return text.withUTF8 { label.update(fromContentsOf: $0) }
        }
    }

    /// The name of this label under `parent`; `nil` when it would be over 255 octets.
    func name(under parent: DomainName) -> DomainName? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64 + 255) { wire in
            let label = UnsafeMutableBufferPointer(rebasing: wire[1...])
            let length = write(to: label)
            let total = 1 + length + parent.wire.count
            guard total <= 255 else { return nil }
            wire[0] = UInt8(length)
            _ = UnsafeMutableBufferPointer(rebasing: label[length...]).update(fromContentsOf: parent.wire)
            return DomainName(uncheckedWire: Array(UnsafeBufferPointer(rebasing: wire[..<total])))
        }
    }
}
