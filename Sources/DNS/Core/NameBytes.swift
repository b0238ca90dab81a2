/// Lower-case name bytes as eight-byte words.
///
/// Every pointer given here may be read up to seven bytes past the name: scratch buffers and blocks are padded for it.
enum NameBytes {
    /// Bytes that must be readable after a name.
    static let padding = 8

    @inline(__always)
    private static func word(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return product.high ^ product.low
    }

    /// A keyed hash, good in its low and high bits. Names in a table are the zone's own, so a question cannot fill it with
    /// collisions; the key keeps whoever may create names from choosing them to collide.
    ///
    /// Never zero.
    @inline(__always)
    static func hash(_ bytes: UnsafeRawPointer, count: Int, key: UInt64) -> UInt64 {
        var hash = key ^ UInt64(truncatingIfNeeded: count)
        var offset = 0
        while offset + 8 <= count {
            hash = mix(hash ^ word(bytes, offset))
            offset += 8
        }
        if offset < count {
            hash = mix(hash ^ (word(bytes, offset) & tailMask(count - offset)))
        }
        return mix(hash ^ key) | 1 << 63
    }

    @inline(__always)
    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
        var offset = 0
        while offset + 8 <= count {
            if word(left, offset) != word(right, offset) { return false }
            offset += 8
        }
        return offset == count || (word(left, offset) ^ word(right, offset)) & tailMask(count - offset) == 0
    }

    /// Selects the first `count` bytes, 1 to 7, of a word.
    @inline(__always)
    private static func tailMask(_ count: Int) -> UInt64 {
        ~0 &>> UInt64(truncatingIfNeeded: 64 - 8 * count)
    }

    /// Lower-cases `count` bytes of a wire name in place, eight at a time. Length octets are below 64 and no letters, so a
    /// name needs no splitting into labels.
    @inline(__always)
    static func lowercase(_ bytes: UnsafeMutableRawPointer, count: Int) {
        var offset = 0
        while offset < count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let low = word & 0x7f7f_7f7f_7f7f_7f7f
            // Per octet, bit 7: at least "A"; above "Z"; ASCII.
            let fromA = low &+ 0x3f3f_3f3f_3f3f_3f3f
            let beyondZ = low &+ 0x2525_2525_2525_2525
            let upper = (fromA ^ beyondZ) & ~word & 0x8080_8080_8080_8080
            bytes.storeBytes(of: word | upper &>> 2, toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
    }
}
