import DNSCore

/// Signs the messages of one exchange in their order: a request, or the response to one, in as many messages as it takes
/// (RFC 8945 section 5.3.1). Every message is signed.
package struct TSIGSigner: Sendable {
    /// Seconds that clocks may differ by.
    private static let fudge: UInt16 = 300

    package let key: TSIGKey
    /// The MAC before; empty for a request.
    private var previous: [UInt8]
    private var isFirst = true

    /// Signs requests.
    package init(key: TSIGKey) { self.init(key: key, previous: []) }

    init(key: TSIGKey, previous: [UInt8]) {
        self.key = key
        self.previous = previous
    }

    /// Octets that signing adds to a message.
    package var overhead: Int {
        TSIGRecord(key: key.name, algorithm: key.algorithm.name, time: 0, fudge: 0, id: 0).encoded.count
            + key.algorithm.length
    }

    /// Adds the TSIG record, and returns the MAC in it.
    ///
    /// - Parameters:
    ///   - message: at least a header; afterwards longer by ``overhead``.
    ///   - now: seconds since 1970.
    @discardableResult
    package mutating func sign(_ message: inout [UInt8], now: UInt64) -> [UInt8] {
        var record = TSIGRecord(
            key: key.name,
            algorithm: key.algorithm.name,
            time: now & (1 << 48 - 1),
            fudge: Self.fudge,
            id: UInt16(message[0]) << 8 | UInt16(message[1])
        )
        let before = previous.isEmpty ? [] : Self.prefixed(previous)
        record.code = key.code(for: before + message + (isFirst ? record.variables : record.timers))
        previous = record.code
        isFirst = false
        Self.append(record, to: &message)
        return record.code
    }

    static func prefixed(_ code: [UInt8]) -> [UInt8] { TSIGRecord.octets(UInt64(code.count), 2) + code }

    static func append(_ record: TSIGRecord, to message: inout [UInt8]) {
        message += record.encoded
        let additionals = (UInt16(message[10]) << 8 | UInt16(message[11])) &+ 1
        message.replaceSubrange(10..<12, with: TSIGRecord.octets(UInt64(additionals), 2))
    }
}
