extension Message {
    /// Reads a whole message and nothing after it.
    package init(decoding bytes: [UInt8]) throws(MessageError) {
        var decoder = MessageDecoder(bytes: bytes)
        let id = try decoder.uint16()
        let flags = try decoder.uint16()
        let counts = (try decoder.uint16(), try decoder.uint16(), try decoder.uint16(), try decoder.uint16())
        var message = Message(
            id: id,
            flags: HeaderFlags(rawValue: flags & ~0xf),
            code: ResponseCode(rawValue: flags & 0xf)
        )
        for _ in 0..<counts.0 {
            message.questions.append(
                Question(
                    name: try decoder.name(),
                    type: RecordType(rawValue: try decoder.uint16()),
                    recordClass: RecordClass(rawValue: try decoder.uint16())
                )
            )
        }
        for _ in 0..<counts.1 { message.answers.append(try decoder.record()) }
        for _ in 0..<counts.2 { message.authorities.append(try decoder.record()) }
        for _ in 0..<counts.3 {
            let start = decoder.offset
            let record = try decoder.record(allowingOPT: true)
            guard record.type == .opt else {
                message.additionals.append(record)
                continue
            }
            guard message.edns == nil, record.owner == .root else {
                throw MessageError(reason: .misplacedOPT, offset: start)
            }
            message.edns = try Extension(record, at: start)
            message.code = ResponseCode(rawValue: UInt16(record.ttl >> 24) << 4 | message.code.rawValue)
        }
        guard decoder.offset == bytes.count else {
            throw MessageError(reason: .trailingBytes, offset: decoder.offset)
        }
        self = message
    }
}

extension RecordSet {
    /// Reads records of one owner and type from `start` to the end of a message; `nil` where there are none.
    init?(decoding bytes: [UInt8], from start: Int) throws(MessageError) {
        var decoder = MessageDecoder(bytes: bytes, offset: start)
        guard start < bytes.count else { return nil }
        let first = try decoder.record()
        self.init(type: first.type, ttl: first.ttl, data: [first.data])
        while decoder.offset < bytes.count { data.append(try decoder.record().data) }
    }
}

extension Message.Extension {
    fileprivate init(_ record: ResourceRecord, at offset: Int) throws(MessageError) {
        self.init(
            udpPayloadSize: record.recordClass.rawValue,
            version: UInt8(truncatingIfNeeded: record.ttl >> 16),
            dnssecOK: record.ttl & 0x8000 != 0,
            compactAnswersOK: record.ttl & 0x4000 != 0
        )
        guard case .opaque(let bytes) = record.data else { return }
        var decoder = MessageDecoder(bytes: bytes)
        do throws(MessageError) {
            while decoder.offset < bytes.count {
                let code = try decoder.uint16()
                options.append(Option(code: code, data: try decoder.bytes(Int(try decoder.uint16()))))
            }
        } catch {
            throw MessageError(reason: .badData, offset: offset)
        }
    }
}

/// A cursor over the octets of a message.
private struct MessageDecoder {
    let bytes: [UInt8]
    var offset = 0

    mutating func uint8() throws(MessageError) -> UInt8 {
        guard offset < bytes.count else { throw MessageError(reason: .truncated, offset: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func uint16() throws(MessageError) -> UInt16 {
        UInt16(try uint8()) << 8 | UInt16(try uint8())
    }

    mutating func uint32() throws(MessageError) -> UInt32 {
        UInt32(try uint16()) << 16 | UInt32(try uint16())
    }

    mutating func uint64() throws(MessageError) -> UInt64 {
        UInt64(try uint32()) << 32 | UInt64(try uint32())
    }

    mutating func bytes(_ count: Int) throws(MessageError) -> [UInt8] {
        guard count <= bytes.count - offset else { throw MessageError(reason: .truncated, offset: bytes.count) }
        defer { offset += count }
        return Array(bytes[offset..<(offset + count)])
    }

    /// Reads a name, following pointers. Every pointer must lead before the part of the name it ends, so there is an end.
    mutating func name() throws(MessageError) -> DomainName {
        var wire: [UInt8] = []
        var position = offset
        var partStart = offset
        var end: Int?
        while true {
            guard position < bytes.count else { throw MessageError(reason: .truncated, offset: position) }
            let length = Int(bytes[position])
            switch length {
            case 0:
                wire.append(0)
                offset = end ?? position + 1
                return DomainName(uncheckedWire: wire)
            case 1..<64:
                guard position + 1 + length <= bytes.count else {
                    throw MessageError(reason: .truncated, offset: position)
                }
                guard wire.count + 1 + length < 255 else { throw MessageError(reason: .nameTooLong, offset: position) }
                wire.append(UInt8(length))
                for byte in bytes[(position + 1)...(position + length)] { wire.append(byte.lowercasedASCII) }
                position += 1 + length
            case 0xC0...:
                guard position + 1 < bytes.count else { throw MessageError(reason: .truncated, offset: position) }
                let target = (length & 0x3f) << 8 | Int(bytes[position + 1])
                guard target < partStart else { throw MessageError(reason: .pointerNotBackwards, offset: position) }
                end = end ?? position + 2
                position = target
                partStart = target
            default:
                throw MessageError(reason: .badLabel, offset: position)
            }
        }
    }

    mutating func record(allowingOPT: Bool = false) throws(MessageError) -> ResourceRecord {
        let start = offset
        let owner = try name()
        let type = RecordType(rawValue: try uint16())
        guard type != .opt || allowingOPT else { throw MessageError(reason: .misplacedOPT, offset: start) }
        let recordClass = RecordClass(rawValue: try uint16())
        let ttl = try uint32()
        let length = Int(try uint16())
        guard length <= bytes.count - offset else { throw MessageError(reason: .truncated, offset: offset) }
        let dataStart = offset
        let data = try data(of: type, length)
        guard offset == dataStart + length else { throw MessageError(reason: .badData, offset: dataStart) }
        return ResourceRecord(owner: owner, type: type, recordClass: recordClass, ttl: ttl, data: data)
    }

    private mutating func data(of type: RecordType, _ length: Int) throws(MessageError) -> RecordData {
        switch type {
        case .a: return .a(try uint32())
        case .aaaa: return .aaaa(high: try uint64(), low: try uint64())
        case .ns: return .ns(try name())
        case .cname: return .cname(try name())
        case .ptr: return .ptr(try name())
        case .srv:
            return .srv(priority: try uint16(), weight: try uint16(), port: try uint16(), target: try name())
        case .soa:
            return .soa(
                StartOfAuthority(
                    primary: try name(),
                    mailbox: try name(),
                    serial: try uint32(),
                    refresh: try uint32(),
                    retry: try uint32(),
                    expire: try uint32(),
                    minimum: try uint32()
                )
            )
        case .txt:
            let end = offset + length
            guard length > 0 else { throw MessageError(reason: .badData, offset: offset) }
            var strings: [[UInt8]] = []
            while offset < end { strings.append(try bytes(Int(try uint8()))) }
            return .txt(strings)
        default:
            return .opaque(try bytes(length))
        }
    }
}

extension UInt8 {
    /// RFC 4343: only A to Z have another case.
    var lowercasedASCII: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}
