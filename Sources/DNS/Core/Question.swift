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

    /// Reads the record whose type stands at `offset` and whose data is `data`. `nil` when its options run out of it.
    @inline(__always)
    fileprivate init?(_ message: Span<UInt8>, at offset: Int, data: Range<Int>) {
        var option = data.lowerBound
        while option < data.upperBound {
            guard option + 4 <= data.upperBound else { return nil }
            option += 4 + Int(message.bigEndian(at: option + 2) as UInt16)
        }
        guard option == data.upperBound else { return nil }
        udpPayloadSize = message.bigEndian(at: offset + 2)
        version = message[offset + 5]
        dnssecOK = message[offset + 6] & 0x80 != 0
    }
}

/// What a query carries beside its question.
struct QueryExtras {
    private(set) var options: QueryOptions?
    /// Whether a TSIG record ends the message (RFC 8945 section 5.1).
    private(set) var isAuthenticated = false

    /// Walks the records after the question. OPT may stand anywhere in the additional section, once, and owned by the root.
    /// `nil` when something is malformed or in the wrong place.
    @inline(__always)
    init?(of message: Span<UInt8>, _ header: Header, from start: Int) {
        let before = Int(header.answers) + Int(header.authorities)
        let total = before + Int(header.additionals)
        var offset = start
        for index in 0..<total {
            let owner = offset
            guard Self.skipName(message, &offset), offset + 10 <= message.count else { return nil }
            let type = RecordType(rawValue: message.bigEndian(at: offset))
            let data = (offset + 10)..<(offset + 10 + Int(message.bigEndian(at: offset + 8) as UInt16))
            guard data.upperBound <= message.count else { return nil }
            if type == .opt {
                guard index >= before, options == nil, offset == owner + 1,
                    let read = QueryOptions(message, at: offset, data: data)
                else { return nil }
                options = read
            } else if type == .tsig {
                guard index == total - 1, index >= before else { return nil }
                isAuthenticated = true
            }
            offset = data.upperBound
        }
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
}
