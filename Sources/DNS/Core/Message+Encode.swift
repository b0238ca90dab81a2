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
    func record(_ code: ResponseCode) -> ResourceRecord {
        var encoder = MessageEncoder()
        for option in options {
            encoder.append(option.code)
            encoder.append(UInt16(option.data.count))
            encoder.append(octets: option.data)
        }
        return ResourceRecord(
            owner: .root,
            type: .opt,
            recordClass: RecordClass(rawValue: udpPayloadSize),
            ttl: UInt32(code.rawValue >> 4) << 24 | UInt32(version) << 16 | (dnssecOK ? 0x8000 : 0)
                | (compactAnswersOK ? 0x4000 : 0),
            data: .opaque(encoder.bytes)
        )
    }
}
