/// How a query came and its answer goes.
package enum Transport: Sendable {
    /// Limited by what the asker can take and by ``AnswerOptions/udpPayloadSize``.
    case datagram
    /// TCP or TLS: up to 65,535 octets.
    case stream
}

package struct AnswerOptions: Hashable, Sendable {
    /// The largest UDP response in octets, 512 or more, also stated in EDNS. The default avoids IP fragments.
    package var udpPayloadSize: UInt16 = 1232 {
        didSet { udpPayloadSize = max(512, udpPayloadSize) }
    }
    /// Whether the order of address records moves on with every query.
    package var rotatesAddresses = true
    /// What server cookies are made from (RFC 7873); COOKIE options are passed over without.
    package var cookies: CookieSecrets?
    /// What the server calls itself; NSID options are passed over without.
    package var identifier: ServerIdentifier?
    /// Signatures that one thread makes for denials in a second; 1 or more.
    package var denialsPerSecond = 8000
    /// How long a connection may be idle, in units of 100 ms, as it is told to those who ask over a stream (RFC 7828); zero
    /// tells nothing.
    package var keepalive: UInt16 = 0

    package init() {}
}

/// What a query asks for that ``answer`` does not do, since it takes memory. The answer written all the same is the one of a
/// server that knows nothing of it.
package enum Elaboration: UInt8, Sendable {
    case none
    /// The last record is a TSIG (RFC 8945).
    case authentication
    /// AXFR or IXFR (RFC 5936, RFC 1995).
    case transfer
    /// The asker wants signatures and a zone that took part is signed (RFC 4035 section 3.1); or DS at the apex of a zone
    /// that is served beside the one above it.
    case signatures
}

/// What became of a query, for the one who sends the answer and the one who counts.
package struct Outcome: Hashable, Sendable {
    /// Octets of the response; zero when none must be sent.
    package var length: Int
    /// Extended codes whole.
    package var code: ResponseCode
    /// What was asked for; zero when the question could not be read.
    package var type: RecordType
    /// The label of the answering zone in ``ZoneStore/labels``; zero for none.
    package var zone: UInt16
    /// What more there is to do before the answer is sent.
    package var elaboration = Elaboration.none
    /// What the query's cookie was worth.
    package var cookie = CookieStatus.absent
    /// Where the question of the response ends.
    package var questionEnd: UInt16 = 0
    /// How many octets at the end of the response are its OPT record.
    package var optLength: UInt16 = 0
    /// What the rate limit has done to it.
    package var limit = LimitAction.none

    static let dropped = Outcome(length: 0, code: .noError, type: RecordType(rawValue: 0), zone: 0)
}

/// The memory one thread needs to answer, made once.
package struct AnswerScratch: ~Copyable {
    /// Enough for every SRV record to which a compression pointer can reach.
    static let visitedCapacity = 640
    /// Enough for an OPT record with every option that answers carry.
    static let optCapacity = 192

    /// The name looked up: 255 octets and padding.
    let name: UnsafeMutableRawPointer
    /// How many octets of it count.
    var nameLength = 0
    /// Blocks whose records the answer already holds.
    let visited: UnsafeMutablePointer<UnsafeMutableRawPointer>
    var visitedCount = 0
    /// Where the OPT record of an answer is put together.
    let opt: UnsafeMutableRawPointer
    private var turn: UInt32 = 0

    package init() {
        name = .allocate(byteCount: 256 + NameBytes.padding, alignment: 8)
        name.initializeMemory(as: UInt8.self, repeating: 0, count: 256 + NameBytes.padding)
        visited = .allocate(capacity: Self.visitedCapacity)
        opt = .allocate(byteCount: Self.optCapacity, alignment: 8)
    }

    deinit {
        name.deallocate()
        visited.deallocate()
        opt.deallocate()
    }

    /// Remembers a block. False when it was there before, or there is no room to tell.
    @inline(__always)
    mutating func visit(_ block: NameBlock) -> Bool {
        guard visitedCount < Self.visitedCapacity else { return false }
        for index in 0..<visitedCount where visited[index] == block.base { return false }
        visited[visitedCount] = block.base
        visitedCount += 1
        return true
    }

    /// An index below `count`, each as often as the others.
    @inline(__always)
    mutating func nextTurn(_ count: Int) -> Int {
        turn &+= 0x9e37_79b9
        return Int(truncatingIfNeeded: (UInt64(turn) &* UInt64(truncatingIfNeeded: count)) &>> 32)
    }
}

/// Begins to load what answering a request will read first, and changes nothing but how long that takes. Where requests come
/// together, anticipating all before the first is answered has them wait for memory together.
package func anticipate(_ request: Span<UInt8>, zones: borrowing ServedZones, scratch: inout AnswerScratch) {
    guard request.count > Header.size,
        let question = Question(request, lowercasingInto: scratch.name),
        let match = zones.find(scratch.name, count: question.nameLength), match.cut > 0
    else { return }
    match.zone.table.prefetch(hash: match.zone.hash(scratch.name, count: match.cut))
}

/// Answers one DNS message. Pure: the same arguments give the same octets, nothing else is touched, nothing is allocated.
///
/// - Parameters:
///   - request: a message as received, of any content.
///   - response: where the answer goes, at least 512 octets; its size is a limit as well.
package func answer(
    _ request: Span<UInt8>,
    from client: ClientAddress,
    over transport: Transport,
    at time: QueryTime,
    zones: borrowing ServedZones,
    options: borrowing AnswerOptions,
    scratch: inout AnswerScratch,
    into response: UnsafeMutableRawBufferPointer
) -> Outcome {
    guard request.count >= Header.size else { return .dropped }
    let header = Header(request)
    guard !header.flags.contains(.response) else { return .dropped }

    // RFC 1035 section 4.2.1: what a datagram may hold until EDNS says more.
    let limit = transport == .datagram ? 512 : Int(UInt16.max)
    var writer = ResponseWriter(response, limit: limit, replyingTo: header, opt: scratch.opt)
    guard header.flags.opcode == .query, header.questions == 1,
        let question = Question(request, lowercasingInto: scratch.name)
    else { return answerWithoutQuestion(request, header, client, transport, time, options, &writer) }
    writer.echo(question, of: request)

    let extras = QueryExtras(of: request, header, from: question.end, over: transport)
    if let query = extras.options {
        query.negotiate(request, from: client, over: transport, at: time, options, writer: &writer)
        guard query.version == 0 else { return writer.finish(.badVers) }
    }
    guard !extras.isMalformed else { return writer.finish(.formErr) }
    if extras.isAuthenticated { writer.elaboration = .authentication }

    guard question.recordClass == .in else { return writer.refuse(.notAuthoritative) }
    switch question.type {
    case .axfr, .ixfr:
        if !extras.isAuthenticated { writer.elaboration = .transfer }
        return writer.refuse(.prohibited)
    case .opt, .nxname, .tkey, .tsig: return writer.finish(.formErr)
    case .any: break
    default:
        if question.type.isMeta {
            writer.report(.notSupported)
            return writer.finish(.notImp)
        }
    }
    let code = resolve(question, from: client, in: zones, options, scratch: &scratch, writer: &writer)
    return writer.finish(code)
}

/// Answers what is no query with one question that can be read: with a header, and OPT for whoever has sent one.
@inline(never)
private func answerWithoutQuestion(
    _ request: Span<UInt8>,
    _ header: Header,
    _ client: ClientAddress,
    _ transport: Transport,
    _ time: QueryTime,
    _ options: borrowing AnswerOptions,
    _ writer: inout ResponseWriter
) -> Outcome {
    let extras = QueryExtras(of: request, header, over: transport)
    if let query = extras.options {
        query.negotiate(request, from: client, over: transport, at: time, options, writer: &writer)
        guard query.version == 0 else { return writer.finish(.badVers) }
    }
    guard header.flags.opcode == .query else {
        writer.report(.notSupported)
        return writer.finish(.notImp)
    }
    // RFC 9619 allows one question, and none to those who only ask for a cookie (RFC 7873 section 5.4).
    guard header.questions == 0, !extras.isMalformed, !extras.isAuthenticated, writer.cookie != .absent else {
        return writer.finish(.formErr)
    }
    return writer.finish(writer.cookie == .invalid ? .badCookie : .noError)
}
