/// What is asked: the one question of a query, its name lower-cased elsewhere.
struct Question {
    let type: RecordType
    let recordClass: RecordClass
    /// The length of the name in wire form, root label included.
    let nameLength: Int
    /// The offset of the first octet after the question.
    let end: Int

    /// Reads the question at offset 12 and leaves its name, lower-cased and padded, in `name`.
    ///
    /// `nil` when the name runs out of the message or over 255 octets or has a label of another kind than text. A
    /// compression pointer is such a label: there is nothing before the question that it could point to.
    @inline(__always)
    init?(_ message: Span<UInt8>, lowercasingInto name: UnsafeMutableRawPointer) {
        var offset = Header.size
        while true {
            guard offset < message.count else { return nil }
            let length = Int(message[offset])
            offset += 1
            if length == 0 { break }
            guard length < 64 else { return nil }
            offset += length
            guard offset - Header.size < 255 else { return nil }
        }
        guard offset + 4 <= message.count else { return nil }
        let nameLength = offset - Header.size
        message.withUnsafeBufferPointer { bytes in
            // The loop above has been through all of these octets; `name` has room for 255 and padding.
            name.copyMemory(from: bytes.baseAddress.unsafelyUnwrapped + Header.size, byteCount: nameLength)
        }
        NameBytes.lowercase(name, count: nameLength)
        self.nameLength = nameLength
        type = RecordType(rawValue: message.bigEndian(at: offset))
        recordClass = RecordClass(rawValue: message.bigEndian(at: offset + 2))
        end = offset + 4
    }
}

/// What a query says in its OPT record (RFC 6891 section 6.1).
struct QueryOptions {
    let udpPayloadSize: UInt16
    let version: UInt8
    let dnssecOK: Bool

    enum Search {
        case absent
        case found(QueryOptions)
        case malformed
    }

    /// Walks the records after the question. OPT may stand anywhere in the additional section, once, and owned by the root.
    @inline(__always)
    static func find(in message: Span<UInt8>, _ header: Header, from start: Int) -> Search {
        let before = Int(header.answers) + Int(header.authorities)
        let total = before + Int(header.additionals)
        guard total > 0 else { return .absent }
        var found: QueryOptions?
        var offset = start
        for index in 0..<total {
            let owner = offset
            guard skipName(message, &offset), offset + 10 <= message.count else { return .malformed }
            let type = RecordType(rawValue: message.bigEndian(at: offset))
            let dataEnd = offset + 10 + Int(message.bigEndian(at: offset + 8) as UInt16)
            guard dataEnd <= message.count else { return .malformed }
            if type == .opt {
                guard index >= before, found == nil, offset == owner + 1,
                    areWellFormed(message, from: offset + 10, to: dataEnd)
                else { return .malformed }
                found = QueryOptions(
                    udpPayloadSize: message.bigEndian(at: offset + 2),
                    version: message[offset + 5],
                    dnssecOK: message[offset + 6] & 0x80 != 0
                )
            }
            offset = dataEnd
        }
        guard let found else { return .absent }
        return .found(found)
    }

    /// Steps over a name without following its pointer. False when it runs out of the message.
    @inline(__always)
    private static func skipName(_ message: Span<UInt8>, _ offset: inout Int) -> Bool {
        while offset < message.count {
            let length = Int(message[offset])
            switch length {
            case 0:
                offset += 1
                return true
            case 1..<64:
                offset += 1 + length
            case 0xC0...:
                offset += 2
                return true
            default:
                return false
            }
        }
        return false
    }

    private static func areWellFormed(_ message: Span<UInt8>, from start: Int, to end: Int) -> Bool {
        var offset = start
        while offset < end {
            guard offset + 4 <= end else { return false }
            offset += 4 + Int(message.bigEndian(at: offset + 2) as UInt16)
        }
        return offset == end
    }
}
