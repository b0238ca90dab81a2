/// Gzip made by hand (RFC 1951 and 1952), as the tests need it: a text stored, and a bomb.
enum Gzip {
    /// `bytes` in one stored block.
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        let length = UInt16(bytes.count)
        return header + [1] + little(UInt32(length) | UInt32(~length) << 16) + bytes + trailer(bytes.lazy.map(\.self))
    }

    /// At least `count` zeros, a hundredth and less of that in size: one literal, then matches of 258 bytes each.
    static func zeros(atLeast count: Int) -> [UInt8] {
        let matches = (count + 257) / 258
        var bits = BitWriter()
        bits.write(0b011, 3)  // final block, fixed codes
        bits.write(0b0000_1100, 8)  // literal 0: code 0x30, sent from its highest bit
        for _ in 0..<matches {
            bits.write(0b1010_0011, 8)  // length 258: code 285, 0b11000101
            bits.write(0, 5)  // distance 1
        }
        bits.write(0, 7)  // end of block
        return header + bits.finished() + trailer(repeatElement(0, count: 1 + matches * 258))
    }

    private static let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]

    private static func trailer(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var crc = ~UInt32(0)
        var count: UInt32 = 0
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
            count &+= 1
        }
        return little(~crc) + little(count)
    }

    private static func little(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private struct BitWriter {
        private var bytes: [UInt8] = []
        private var pending: UInt32 = 0
        private var count = 0

        mutating func write(_ bits: UInt32, _ width: Int) {
            pending |= bits << count
            count += width
            while count >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: pending))
                pending >>= 8
                count -= 8
            }
        }

        func finished() -> [UInt8] { count > 0 ? bytes + [UInt8(truncatingIfNeeded: pending)] : bytes }
    }
}
