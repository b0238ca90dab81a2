/// Lets equal strings, read again and again from bytes, share one copy: node names and zones recur on every endpoint.
///
/// A small direct-mapped cache: a collision costs a copy, never a wrong answer.
struct StringInterner: Sendable {
    /// Strings up to this length are held inline and cost nothing to make.
    private static let inlineCapacity = 15
    private static let slotCount = 1024

    private var slots: [String] = []

    mutating func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard bytes.count > Self.inlineCapacity else { return String(decoding: bytes, as: UTF8.self) }
        if slots.isEmpty { slots = Array(repeating: "", count: Self.slotCount) }
        let slot = Int(truncatingIfNeeded: Self.hash(bytes) % UInt64(Self.slotCount))
        if Self.isEqual(slots[slot], bytes) { return slots[slot] }
        let string = String(decoding: bytes, as: UTF8.self)
        slots[slot] = string
        return string
    }

    private static func isEqual(_ string: String, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        string.utf8.count == bytes.count
            && string.utf8.withContiguousStorageIfAvailable { $0.elementsEqual(bytes) } ?? false
    }

    /// Word by word; the last word may overlap the one before.
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        let raw = UnsafeRawBufferPointer(bytes)
        var hash = UInt64(bytes.count)
        for offset in stride(from: 0, through: bytes.count - 8, by: 8) {
            hash = mix(hash, raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        return mix(hash, raw.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
    }

    private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return product.high ^ product.low
    }
}
