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
    over transport: Transport,
    zones: borrowing ServedZones,
    options: AnswerOptions,
    scratch: inout AnswerScratch,
    into response: UnsafeMutableRawBufferPointer
) -> Outcome {
    guard request.count >= Header.size else { return .dropped }
    let header = Header(request)
    guard !header.flags.contains(.response) else { return .dropped }

    // RFC 1035 section 4.2.1: what a datagram may hold until EDNS says more.
    let limit = transport == .datagram ? 512 : Int(UInt16.max)
    var writer = ResponseWriter(response, limit: limit, replyingTo: header, opt: scratch.opt)
    guard header.flags.opcode == .query else { return writer.finish(.notImp) }
    guard header.questions == 1 else { return writer.finish(.formErr) }  // RFC 9619
    guard let question = Question(request, lowercasingInto: scratch.name) else { return writer.finish(.formErr) }
    writer.echo(question, of: request)

    guard let extras = QueryExtras(of: request, header, from: question.end) else { return writer.finish(.formErr) }
    if extras.isAuthenticated { writer.elaboration = .authentication }
    if let query = extras.options {
        let stated = max(512, min(query.udpPayloadSize, options.udpPayloadSize))
        writer.negotiate(
            query,
            ownPayloadSize: options.udpPayloadSize,
            limit: transport == .datagram ? Int(stated) : limit
        )
        guard query.version == 0 else { return writer.finish(.badVers) }
    }

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
    let code = resolve(question, in: zones, options, scratch: &scratch, writer: &writer)
    return writer.finish(code)
}
