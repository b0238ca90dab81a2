import DNSCore

/// What a TSIG record says (RFC 8945 section 4.2).
struct TSIGRecord: Sendable {
    /// Error codes that only TSIG has (RFC 8945 section 3).
    enum Failure: UInt16, Sendable {
        case badSignature = 16
        case badKey = 17
        case badTime = 18
        case badTruncation = 22
    }

    var key: DomainName
    var algorithm: DomainName
    /// Seconds since 1970, 48 bits.
    var time: UInt64
    /// Seconds.
    var fudge: UInt16
    var code: [UInt8]
    var originalID: UInt16
    var error: UInt16 = 0
    var other: [UInt8] = []

    /// The record without class and data of another kind than RFC 8945 says.
    init?(_ record: ResourceRecord) {
        guard record.type == .tsig, record.recordClass == .any, record.ttl == 0, case .opaque(let data) = record.data
        else { return nil }
        var reader = Reader(bytes: data)
        guard let algorithm = reader.name(), let time = reader.integer(6), let fudge = reader.integer(2),
            let codeLength = reader.integer(2), let code = reader.bytes(Int(codeLength)),
            let id = reader.integer(2), let error = reader.integer(2),
            let otherLength = reader.integer(2), let other = reader.bytes(Int(otherLength)), reader.isAtEnd
        else { return nil }
        key = record.owner
        self.algorithm = algorithm
        self.time = time
        self.fudge = UInt16(truncatingIfNeeded: fudge)
        self.code = code
        originalID = UInt16(truncatingIfNeeded: id)
        self.error = UInt16(truncatingIfNeeded: error)
        self.other = other
    }

    init(key: DomainName, algorithm: DomainName, time: UInt64, fudge: UInt16, id: UInt16) {
        self.key = key
        self.algorithm = algorithm
        self.time = time
        self.fudge = fudge
        code = []
        originalID = id
    }

    /// Time and fudge, which every MAC covers.
    var timers: [UInt8] { Self.octets(time, 6) + Self.octets(UInt64(fudge), 2) }

    /// All that a MAC covers beside the message (RFC 8945 section 4.3.3).
    var variables: [UInt8] {
        var bytes = key.wire
        bytes += Self.octets(UInt64(RecordClass.any.rawValue), 2) + Self.octets(0, 4)
        bytes += algorithm.wire + timers
        return bytes + Self.octets(UInt64(error), 2) + Self.octets(UInt64(other.count), 2) + other
    }

    /// The whole record in wire form.
    var encoded: [UInt8] {
        var data = algorithm.wire + timers
        data += Self.octets(UInt64(code.count), 2) + code
        data += Self.octets(UInt64(originalID), 2) + Self.octets(UInt64(error), 2)
        data += Self.octets(UInt64(other.count), 2) + other
        return key.wire + Self.octets(UInt64(RecordType.tsig.rawValue), 2)
            + Self.octets(UInt64(RecordClass.any.rawValue), 2) + Self.octets(0, 4)
            + Self.octets(UInt64(data.count), 2) + data
    }

    static func octets(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - $0))) }
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        var isAtEnd: Bool { offset == bytes.count }

        mutating func bytes(_ count: Int) -> [UInt8]? {
            guard count <= bytes.count - offset else { return nil }
            defer { offset += count }
            return Array(bytes[offset..<(offset + count)])
        }

        mutating func integer(_ count: Int) -> UInt64? { bytes(count)?.reduce(0) { $0 << 8 | UInt64($1) } }

        /// A name without compression, in lower case.
        mutating func name() -> DomainName? {
            var wire: [UInt8] = []
            while let length = integer(1).map({ UInt8(truncatingIfNeeded: $0) }), length < 64,
                let label = bytes(Int(length))
            {
                wire.append(length)
                wire += label.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
                guard wire.count <= 255 else { return nil }
                if length == 0 { return DomainName(uncheckedWire: wire) }
            }
            return nil
        }
    }
}
