/// One resource record (RFC 1035 section 4.1.3).
package struct ResourceRecord: Hashable, Sendable {
    package var owner: DomainName
    package var type: RecordType
    package var recordClass: RecordClass
    /// Seconds.
    package var ttl: UInt32
    package var data: RecordData

    package init(
        owner: DomainName,
        type: RecordType,
        recordClass: RecordClass = .in,
        ttl: UInt32,
        data: RecordData
    ) {
        self.owner = owner
        self.type = type
        self.recordClass = recordClass
        self.ttl = ttl
        self.data = data
    }
}

/// A whole DNS message as values: for tools, transfers and tests. The server's answer path does not use it.
package struct Message: Hashable, Sendable {
    package struct Question: Hashable, Sendable {
        package var name: DomainName
        package var type: RecordType
        package var recordClass: RecordClass

        package init(name: DomainName, type: RecordType, recordClass: RecordClass = .in) {
            self.name = name
            self.type = type
            self.recordClass = recordClass
        }
    }

    /// The OPT record (RFC 6891).
    package struct Extension: Hashable, Sendable {
        package struct Option: Hashable, Sendable {
            package var code: UInt16
            package var data: [UInt8]

            package init(code: UInt16, data: [UInt8]) {
                self.code = code
                self.data = data
            }
        }

        package var udpPayloadSize: UInt16
        package var version: UInt8
        package var dnssecOK: Bool
        /// CO (RFC 9824 section 5.1).
        package var compactAnswersOK: Bool
        package var options: [Option]

        package init(
            udpPayloadSize: UInt16,
            version: UInt8 = 0,
            dnssecOK: Bool = false,
            compactAnswersOK: Bool = false,
            options: [Option] = []
        ) {
            self.udpPayloadSize = udpPayloadSize
            self.version = version
            self.dnssecOK = dnssecOK
            self.compactAnswersOK = compactAnswersOK
            self.options = options
        }
    }

    package var id: UInt16
    /// Opcode and bits. The response code stands in ``code``.
    package var flags: HeaderFlags
    package var code: ResponseCode
    package var questions: [Question]
    package var answers: [ResourceRecord]
    package var authorities: [ResourceRecord]
    /// Without OPT, which is ``edns``.
    package var additionals: [ResourceRecord]
    package var edns: Extension?

    package init(
        id: UInt16,
        flags: HeaderFlags = [],
        code: ResponseCode = .noError,
        questions: [Question] = [],
        answers: [ResourceRecord] = [],
        authorities: [ResourceRecord] = [],
        additionals: [ResourceRecord] = [],
        edns: Extension? = nil
    ) {
        self.id = id
        self.flags = flags
        self.code = code
        self.questions = questions
        self.answers = answers
        self.authorities = authorities
        self.additionals = additionals
        self.edns = edns
    }
}

/// Why bytes are no DNS message, and where that shows.
package struct MessageError: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// The message ends inside of what it announces.
        case truncated
        /// A label that is neither text nor a pointer.
        case badLabel
        /// A compression pointer that does not point before the name it is in.
        case pointerNotBackwards
        case nameTooLong
        /// Data that does not fill its announced length exactly.
        case badData
        /// More than one OPT record, or one not owned by the root, or not in the additional section.
        case misplacedOPT
        case trailingBytes
    }

    package var reason: Reason
    package var offset: Int

    package init(reason: Reason, offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}
