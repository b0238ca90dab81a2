import ServiceCatalog

extension IPAddress {
    /// Reads what ``writeDashed(to:)`` writes, and nothing else.
    init?(dashed bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count <= 39, bytes.contains(UInt8(ascii: "-")) else { return nil }
        let found = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { copy -> IPAddress? in
            for separator in [UInt8(ascii: "."), UInt8(ascii: ":")] {
                for (index, byte) in bytes.enumerated() { copy[index] = byte == UInt8(ascii: "-") ? separator : byte }
                guard let address = IPAddress(utf8: UnsafeBufferPointer(rebasing: copy[..<bytes.count])) else {
                    continue
                }
                let length = address.writeDashed(to: copy)
                return copy[..<length].elementsEqual(bytes) ? address : nil
            }
            return nil
        }
        guard let found else { return nil }
        self = found
    }

    /// Writes at most 40 octets and returns how many.
    @inline(__always)
    func writeDashed(to label: UnsafeMutableBufferPointer<UInt8>) -> Int {
        switch self {
        case .v4(let address): Self.writeDashed(v4: address, to: label)
        case .v6(let high, let low): Self.writeDashed(v6: UInt128(high) << 64 | UInt128(low), to: label)
        }
    }

    @inline(__always)
    private static func writeDashed(v4 address: UInt32, to label: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var count = label.writeDecimal(UInt8(truncatingIfNeeded: address >> 24), at: 0)
        var shift: UInt32 = 16
        while true {
            label[count] = UInt8(ascii: "-")
            count += 1 + label.writeDecimal(UInt8(truncatingIfNeeded: address >> shift), at: count + 1)
            if shift == 0 { return count }
            shift -= 8
        }
    }

    private static func writeDashed(v6 address: UInt128, to label: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let zeros = longestZeroRun(address)
        var count = 0
        var group = 0
        while group < 8 {
            if group == zeros.lowerBound, !zeros.isEmpty {
                // The second dash of the pair; the first ended the group before, where there is one.
                for _ in 0..<(group == 0 ? 2 : 1) {
                    label[count] = UInt8(ascii: "-")
                    count += 1
                }
                group = zeros.upperBound
                continue
            }
            count += label.writeHex(UInt16(truncatingIfNeeded: address >> UInt128(112 - group * 16)), at: count)
            group += 1
            if group < 8 {
                label[count] = UInt8(ascii: "-")
                count += 1
            }
        }
        if label[count - 1] == UInt8(ascii: "-") {
            label[count] = UInt8(ascii: "0")
            count += 1
        }
        return count
    }

    /// The first longest run of two or more zero groups; empty when there is none (RFC 5952 section 4.2).
    private static func longestZeroRun(_ address: UInt128) -> Range<Int> {
        var best = 0..<0
        var start = 0
        for group in 0..<8 {
            guard UInt16(truncatingIfNeeded: address >> UInt128(112 - group * 16)) == 0 else {
                start = group + 1
                continue
            }
            if group + 1 - start > max(best.count, 1) { best = start..<(group + 1) }
        }
        return best
    }
}

extension UnsafeMutableBufferPointer<UInt8> {
    /// Writes `number` without leading zeros and returns how many digits it has.
    @inline(__always)
    func writeDecimal(_ number: UInt8, at index: Int) -> Int {
        let zero = UInt8(ascii: "0")
        if number >= 100 {
            self[index] = zero + number / 100
            self[index + 1] = zero + number / 10 % 10
            self[index + 2] = zero + number % 10
            return 3
        }
        if number >= 10 {
            self[index] = zero + number / 10
            self[index + 1] = zero + number % 10
            return 2
        }
        self[index] = zero + number
        return 1
    }

    @inline(__always)
    fileprivate func writeHex(_ number: UInt16, at index: Int) -> Int {
        let digits = number >= 0x1000 ? 4 : number >= 0x100 ? 3 : number >= 0x10 ? 2 : 1
        for digit in 0..<digits {
            self[index + digit] = hexDigit(UInt8(truncatingIfNeeded: number >> UInt16((digits - 1 - digit) * 4) & 0xf))
        }
        return digits
    }
}

/// The lower-case digit of a number below 16.
@inline(__always)
func hexDigit(_ number: UInt8) -> UInt8 {
    number < 10 ? UInt8(ascii: "0") + number : UInt8(ascii: "a") + number - 10
}
