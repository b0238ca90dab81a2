/// An IPv4 or IPv6 address, held as numbers so that comparing and hashing touch no memory.
package enum IPAddress: Hashable, Sendable {
    /// Four octets, the first in the highest byte.
    case v4(UInt32)
    /// Sixteen octets, the first in the highest byte of `high`.
    case v6(high: UInt64, low: UInt64)

    @inlinable package var isIPv4: Bool {
        if case .v4 = self { true } else { false }
    }

    // Spelt out so that other modules compare in place.
    @inlinable package static func == (left: IPAddress, right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left == right
        case (.v6(let leftHigh, let leftLow), .v6(let rightHigh, let rightLow)):
            leftHigh == rightHigh && leftLow == rightLow
        default: false
        }
    }
}

extension IPAddress: Comparable {
    /// IPv4 sorts before IPv6; within a family the order is numeric.
    @inlinable package static func < (left: IPAddress, right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left < right
        case (.v4, .v6): true
        case (.v6, .v4): false
        case (.v6(let leftHigh, let leftLow), .v6(let rightHigh, let rightLow)):
            (leftHigh, leftLow) < (rightHigh, rightLow)
        }
    }
}

// MARK: - Text

extension IPAddress: LosslessStringConvertible {
    /// Reads dotted-quad IPv4 without leading zeros, or IPv6 as of RFC 4291 section 2.2. Zone indices are refused.
    package init?(_ text: some StringProtocol) {
        var copy = String(text)
        let parsed = copy.withUTF8 { IPAddress(utf8: $0) }
        guard let parsed else { return nil }
        self = parsed
    }

    package init?(_ description: String) {
        var copy = description
        let parsed = copy.withUTF8 { IPAddress(utf8: $0) }
        guard let parsed else { return nil }
        self = parsed
    }

    /// As ``init(_:)``, from UTF-8 bytes and without allocating.
    package init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        if bytes.contains(UInt8(ascii: ":")) {
            guard let address = Self.parseIPv6(bytes) else { return nil }
            self = address
        } else {
            guard let address = Self.parseIPv4(bytes[...]) else { return nil }
            self = .v4(address)
        }
    }

    private static func parseIPv4(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> UInt32? {
        guard bytes.count >= 7, bytes.count <= 15 else { return nil }
        var address: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard digits == 0 || octet != 0 else { return nil }
                octet = octet * 10 + UInt32(byte &- UInt8(ascii: "0"))
                digits += 1
                guard octet <= 255 else { return nil }
            case UInt8(ascii: "."):
                guard digits > 0, dots < 3 else { return nil }
                address = address << 8 | octet
                octet = 0
                digits = 0
                dots += 1
            default:
                return nil
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        return address << 8 | octet
    }

    private static func parseIPv6(_ bytes: UnsafeBufferPointer<UInt8>) -> IPAddress? {
        var groups: (high: UInt64, low: UInt64) = (0, 0)
        var count = 0
        /// The number of groups before `::`, once seen.
        var gap: Int?
        var index = 0

        func append(_ group: UInt64) {
            groups.high = groups.high << 16 | groups.low >> 48
            groups.low = groups.low << 16 | group
            count += 1
        }

        if bytes.count >= 2, bytes[0] == UInt8(ascii: ":") {
            guard bytes[1] == UInt8(ascii: ":") else { return nil }
            gap = 0
            index = 2
        }
        while index < bytes.count {
            guard count < 8 else { return nil }
            var group: UInt64 = 0
            let start = index
            while index < bytes.count, index - start < 4, let digit = hexDigit(bytes[index]) {
                group = group << 4 | digit
                index += 1
            }
            guard index > start else { return nil }
            if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
                guard count <= 6, let embedded = parseIPv4(bytes[start...]) else { return nil }
                append(UInt64(embedded >> 16))
                append(UInt64(embedded & 0xffff))
                index = bytes.count
                break
            }
            append(group)
            guard index < bytes.count else { break }
            guard bytes[index] == UInt8(ascii: ":") else { return nil }
            index += 1
            guard index < bytes.count else { return nil }
            if bytes[index] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            }
        }
        guard let gap else { return count == 8 ? .v6(high: groups.high, low: groups.low) : nil }
        guard count < 8 else { return nil }
        // The groups after the gap stand at the bottom already; those before it move up to the top.
        let before = gap
        let after = count - gap
        let value = UInt128(groups.high) << 64 | UInt128(groups.low)
        let tailMask: UInt128 = after == 0 ? 0 : (1 << (UInt128(after) * 16)) - 1
        let tail = value & tailMask
        let head = before == 0 ? 0 : (value >> (UInt128(after) * 16)) << (UInt128(8 - before) * 16)
        let whole = head | tail
        return .v6(high: UInt64(truncatingIfNeeded: whole >> 64), low: UInt64(truncatingIfNeeded: whole))
    }

    private static func hexDigit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// Canonical text: dotted quad, or RFC 5952.
    package var description: String {
        switch self {
        case .v4(let address):
            return "\(address >> 24).\(address >> 16 & 0xff).\(address >> 8 & 0xff).\(address & 0xff)"
        case .v6(let high, let low):
            let groups = (0..<8).map { index in
                UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64((3 - index % 4) * 16))
            }
            let run = Self.longestZeroRun(groups)
            func hex(_ range: Range<Int>) -> String {
                groups[range].map { String($0, radix: 16) }.joined(separator: ":")
            }
            return run.isEmpty ? hex(0..<8) : hex(0..<run.lowerBound) + "::" + hex(run.upperBound..<8)
        }
    }

    /// The first longest run of two or more zero groups; empty when there is none (RFC 5952 section 4.2).
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
        var best = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8, groups[index] == 0 {
                start = start ?? index
            } else if let begun = start {
                if index - begun > max(best.count, 1) { best = begun..<index }
                start = nil
            }
        }
        return best
    }
}
