extension Message {
    /// The message in wire form. Owners and the names in NS, CNAME, PTR and SOA data are compressed (RFC 1035 section 4.1.4),
    /// names in other data are not (RFC 3597 section 4).
    ///
    /// Counts above 65,535 and data above 65,535 octets do not fit into a message and trap.
    package func encoded() -> [UInt8] {
        var encoder = MessageEncoder()
        encoder.append(id)
        encoder.append(flags.rawValue & ~0xf | code.rawValue & 0xf)
        encoder.append(UInt16(questions.count))
        encoder.append(UInt16(answers.count))
        encoder.append(UInt16(authorities.count))
        encoder.append(UInt16(additionals.count + (edns == nil ? 0 : 1)))
        for question in questions {
            encoder.append(compressing: question.name)
            encoder.append(question.type.rawValue)
            encoder.append(question.recordClass.rawValue)
        }
        for record in answers { encoder.append(record) }
        for record in authorities { encoder.append(record) }
        for record in additionals { encoder.append(record) }
        if let edns { encoder.append(edns.record(code)) }
        return encoder.bytes
    }
}

extension Message.Extension {
    fileprivate func record(_ code: ResponseCode) -> ResourceRecord {
        var encoder = MessageEncoder()
        for option in options {
            encoder.append(option.code)
            encoder.append(UInt16(option.data.count))
            encoder.bytes += option.data
        }
        return ResourceRecord(
            owner: .root,
            type: .opt,
            recordClass: RecordClass(rawValue: udpPayloadSize),
            ttl: UInt32(code.rawValue >> 4) << 24 | UInt32(version) << 16 | (dnssecOK ? 0x8000 : 0),
            data: .opaque(encoder.bytes)
        )
    }
}

private struct MessageEncoder {
    var bytes: [UInt8] = []
    /// Where each name already in the message begins, suffixes included.
    private var names: [ArraySlice<UInt8>: Int] = [:]

    mutating func append<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(compressing name: DomainName) {
        var rest = name.wire[...]
        while let length = rest.first, length != 0 {
            if let offset = names[rest] {
                append(0xC000 | UInt16(offset))
                return
            }
            if bytes.count < 0x4000 { names[rest] = bytes.count }
            bytes += rest.prefix(1 + Int(length))
            rest = rest.dropFirst(1 + Int(length))
        }
        bytes.append(0)
    }

    mutating func append(_ record: ResourceRecord) {
        append(compressing: record.owner)
        append(record.type.rawValue)
        append(record.recordClass.rawValue)
        append(record.ttl)
        let length = bytes.count
        append(0 as UInt16)
        append(record.data)
        let dataLength = UInt16(bytes.count - length - 2)
        bytes[length] = UInt8(dataLength >> 8)
        bytes[length + 1] = UInt8(dataLength & 0xff)
    }

    private mutating func append(_ data: RecordData) {
        switch data {
        case .a(let address):
            append(address)
        case .aaaa(let high, let low):
            append(high)
            append(low)
        case .ns(let name), .cname(let name), .ptr(let name):
            append(compressing: name)
        case .srv(let priority, let weight, let port, let target):
            append(priority)
            append(weight)
            append(port)
            bytes += target.wire
        case .txt(let strings):
            for string in strings {
                append(UInt8(string.count))
                bytes += string
            }
        case .soa(let authority):
            append(compressing: authority.primary)
            append(compressing: authority.mailbox)
            append(authority.serial)
            append(authority.refresh)
            append(authority.retry)
            append(authority.expire)
            append(authority.minimum)
        case .opaque(let octets):
            bytes += octets
        }
    }
}
