/// What a query says in its OPT record (RFC 6891 section 6.1). Options that are not listed here are passed over.
struct QueryOptions {
    private static let keepaliveOption: UInt16 = 11

    let udpPayloadSize: UInt16
    let version: UInt8
    let dnssecOK: Bool
    /// CO (RFC 9824 section 5.1).
    let compactAnswersOK: Bool
    /// Whether an option is not what its definition says it is.
    private(set) var isMalformed = false
    /// Where the data of the first COOKIE option stands; zero without one (RFC 7873 section 5.2).
    private(set) var cookieOffset = 0
    private(set) var cookieLength = 0
    private(set) var asksIdentifier = false
    private(set) var asksKeepalive = false

    /// Reads the record whose type stands at `offset` and whose data is `data`.
    @inline(__always)
    fileprivate init(_ message: Span<UInt8>, at offset: Int, data: Range<Int>, over transport: Transport) {
        udpPayloadSize = message.bigEndian(at: offset + 2)
        version = message[offset + 5]
        dnssecOK = message[offset + 6] & 0x80 != 0
        compactAnswersOK = message[offset + 6] & 0x40 != 0
        // Another version's options may mean anything.
        if version == 0, !data.isEmpty { isMalformed = !read(message, data, transport) }
    }

    /// False when an option is malformed.
    private mutating func read(_ message: Span<UInt8>, _ data: Range<Int>, _ transport: Transport) -> Bool {
        var offset = data.lowerBound
        while offset < data.upperBound {
            guard offset + 4 <= data.upperBound else { return false }
            let code: UInt16 = message.bigEndian(at: offset)
            let length = Int(message.bigEndian(at: offset + 2) as UInt16)
            offset += 4
            guard offset + length <= data.upperBound else { return false }
            switch code {
            case Cookie.option where cookieOffset == 0:
                guard length == Cookie.clientLength || Cookie.lengths.contains(length) else {
                    return false
                }
                cookieOffset = offset
                cookieLength = length
            case ServerIdentifier.option:
                asksIdentifier = true
            case Self.keepaliveOption where transport == .stream:
                // Nothing, or a timeout that is the server's to say (RFC 7828 section 3.2.1).
                guard length == 0 || length == 2 else { return false }
                asksKeepalive = true
            default: break
            }
            offset += length
        }
        return true
    }
}

extension QueryOptions {
    /// Begins OPT in the answer and adds the options that were asked for.
    @inline(__always)
    func negotiate(
        _ request: Span<UInt8>,
        from client: ClientAddress,
        over transport: Transport,
        at time: QueryTime,
        _ options: borrowing AnswerOptions,
        writer: inout ResponseWriter
    ) {
        let limit =
            transport == .datagram ? max(512, Int(min(udpPayloadSize, options.udpPayloadSize))) : Int(UInt16.max)
        writer.negotiate(self, ownPayloadSize: options.udpPayloadSize, limit: limit)
        if isMalformed { return }
        if cookieOffset > 0, let secrets = options.cookies { appendCookie(request, client, time, secrets, &writer) }
        if asksIdentifier, let identifier = options.identifier,
            let data = writer.appendOption(ServerIdentifier.option, length: identifier.count)
        {
            identifier.write(to: data)
        }
        if asksKeepalive, options.keepalive > 0, let data = writer.appendOption(Self.keepaliveOption, length: 2) {
            data.storeBytes(of: options.keepalive.bigEndian, as: UInt16.self)
        }
    }

    private func appendCookie(
        _ request: Span<UInt8>,
        _ client: ClientAddress,
        _ time: QueryTime,
        _ secrets: CookieSecrets,
        _ writer: inout ResponseWriter
    ) {
        guard let data = writer.appendOption(Cookie.option, length: Cookie.length) else { return }
        request.withUnsafeBytes { bytes in
            // The option has been found to lie within the message.
            let option = bytes.baseAddress.unsafelyUnwrapped + cookieOffset
            let (cookie, status) = Cookie.answering(
                option,
                count: cookieLength,
                from: client,
                at: time.seconds,
                secrets
            )
            cookie.write(to: data)
            writer.cookie = status
        }
    }
}

/// What a query carries beside its question.
struct QueryExtras {
    private(set) var options: QueryOptions?
    /// Whether a TSIG record ends the message (RFC 8945 section 5.1).
    private(set) var isAuthenticated = false
    /// Whether something is malformed or in the wrong place. What stood before it has been read.
    private(set) var isMalformed = false

    /// Walks the records after the question. OPT may stand anywhere in the additional section, once, and owned by the root.
    @inline(__always)
    init(of message: Span<UInt8>, _ header: Header, from start: Int, over transport: Transport) {
        isMalformed = !walk(message, header, start, transport)
    }

    @inline(__always)
    private mutating func walk(
        _ message: Span<UInt8>,
        _ header: Header,
        _ start: Int,
        _ transport: Transport
    ) -> Bool {
        let before = Int(header.answers) + Int(header.authorities)
        let total = before + Int(header.additionals)
        var offset = start
        for index in 0..<total {
            let owner = offset
            guard Self.skipName(message, &offset), offset + 10 <= message.count else { return false }
            let type = RecordType(rawValue: message.bigEndian(at: offset))
            let data = (offset + 10)..<(offset + 10 + Int(message.bigEndian(at: offset + 8) as UInt16))
            guard data.upperBound <= message.count else { return false }
            if type == .opt {
                guard index >= before, options == nil, offset == owner + 1 else { return false }
                let read = QueryOptions(message, at: offset, data: data, over: transport)
                options = read
                guard !read.isMalformed else { return false }
            } else if type == .tsig {
                guard index == total - 1, index >= before else { return false }
                isAuthenticated = true
            }
            offset = data.upperBound
        }
        return true
    }

    /// As above for a message with any number of questions, from its header on.
    init(of message: Span<UInt8>, _ header: Header, over transport: Transport) {
        var offset = Header.size
        for _ in 0..<Int(header.questions) {
            guard Self.skipName(message, &offset), offset + 4 <= message.count else {
                self.init()
                return
            }
            offset += 4
        }
        self.init(of: message, header, from: offset, over: transport)
    }

    private init() { isMalformed = true }

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
