/// What a server calls itself to those who ask (NSID, RFC 5001): which of many behind one address has answered.
///
/// Held in place and not as a string, so that an answer copies it without counting references.
package struct ServerIdentifier: Hashable, Sendable {
    static let option: UInt16 = 3
    package static let maximumLength = 64

    private let octets: SIMD64<UInt8>
    let count: Int

    /// `nil` for an empty text and for one above ``maximumLength`` octets of UTF-8.
    package init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard (1...Self.maximumLength).contains(utf8.count) else { return nil }
        count = utf8.count
        octets = SIMD64(utf8 + Array(repeating: 0, count: Self.maximumLength - utf8.count))
    }

    func write(to data: UnsafeMutableRawPointer) {
        withUnsafeBytes(of: octets) { octets in
            // Never empty, and `count` is within.
            data.copyMemory(from: octets.baseAddress.unsafelyUnwrapped, byteCount: count)
        }
    }
}
