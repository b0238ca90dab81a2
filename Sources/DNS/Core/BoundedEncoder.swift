/// Encodes a response record set by record set within a limit: what does not fit leaves no trace.
package struct BoundedEncoder {
    package enum Section { case answer, authority, additional }

    private var encoder = MessageEncoder()
    private let limit: Int
    private let edns: Message.Extension?
    private let code: ResponseCode
    private var answers: UInt16 = 0
    private var authorities: UInt16 = 0
    private var additionals: UInt16 = 0

    /// - Parameters:
    ///   - head: the header and the one question of the response, as they are to be sent but for flags, code and counts.
    ///   - name: the name in the question.
    ///   - edns: the OPT record that ends the response; room is kept for it.
    ///   - limit: 512 octets or more.
    package init(head: [UInt8], name: DomainName, edns: Message.Extension?, code: ResponseCode, limit: Int) {
        self.edns = edns
        self.code = code
        self.limit = limit - (edns?.record(code).wireCount ?? 0)
        encoder.append(octets: head)
        encoder.note(name, at: Header.size)
    }

    /// Appends records of one owner and type and the signatures over them, all or none.
    ///
    /// - Parameters:
    ///   - room: how many octets `signatures` will take at most; it is not called where they would not fit.
    ///   - signatures: `nil` when there can be none.
    /// - Returns: false when they do not fit, or there are no signatures.
    package mutating func append(
        _ records: [ResourceRecord],
        to section: Section,
        room: Int = 0,
        signatures: () -> [ResourceRecord]? = { [] }
    ) -> Bool {
        let start = encoder.bytes.count
        for record in records { encoder.append(record) }
        guard encoder.bytes.count + room <= limit, let signatures = signatures() else {
            encoder.cut(to: start)
            return false
        }
        for record in signatures { encoder.append(record) }
        guard encoder.bytes.count <= limit else {
            encoder.cut(to: start)
            return false
        }
        let count = UInt16(truncatingIfNeeded: records.count + signatures.count)
        switch section {
        case .answer: answers &+= count
        case .authority: authorities &+= count
        case .additional: additionals &+= count
        }
        return true
    }

    /// The message. Its opcode and bits are those of `flags`.
    package consuming func finish(_ flags: HeaderFlags) -> [UInt8] {
        if let edns {
            encoder.append(edns.record(code))
            additionals += 1
        }
        encoder.overwrite(at: 2, with: flags.rawValue & ~0xf | code.rawValue & 0xf)
        encoder.overwrite(at: 6, with: answers)
        encoder.overwrite(at: 8, with: authorities)
        encoder.overwrite(at: 10, with: additionals)
        return encoder.bytes
    }
}

extension ResourceRecord {
    /// Octets in a message of its own.
    fileprivate var wireCount: Int {
        var encoder = MessageEncoder()
        encoder.append(self)
        return encoder.bytes.count
    }
}
