import DNSCore
import FuzzSupport

@testable import DNSTables

/// Any octets as a query to the zones of the packet tables, over UDP and TCP.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let query = Query([UInt8](input: start, count))
    let stream = server.ask(query, over: .stream, limit: 65_535)
    for limit in [512, 1232, 4096] {
        let datagram = server.ask(query, over: .datagram, limit: limit)
        require((datagram == nil) == (stream == nil), "UDP and TCP agree on what gets no answer")
        guard let stream, let datagram else { continue }
        guard datagram.code == stream.code else {
            require(
                stream.code == .formErr && query.mayHaveKeepalive,
                "UDP and TCP agree on the code, but for what only TCP has (RFC 7828)"
            )
            continue
        }
        if !datagram.flags.contains(.truncated) {
            require(datagram.answers == stream.answers, "what is not truncated has all answers")
            require(datagram.authorities == stream.authorities, "and the whole authority section")
        }
    }
    return 0
}

/// Made once: queries change nothing.
nonisolated(unsafe) private var server = Server()

/// A query, and what is known of it without the code under test.
private struct Query {
    let bytes: [UInt8]
    /// `nil` where it is malformed.
    let message: Message?

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        message = try? Message(decoding: bytes)
    }

    /// Whether the first question's name is made of labels alone. There is nothing before it to point to.
    var hasPlainName: Bool {
        var offset = 12
        while offset < bytes.count, bytes[offset] != 0 {
            guard bytes[offset] < 64 else { return false }
            offset += 1 + Int(bytes[offset])
        }
        return true
    }

    /// Whether the number of the edns-tcp-keepalive option is in it.
    var mayHaveKeepalive: Bool { zip(bytes, bytes.dropFirst()).contains { $0 == 0 && $1 == 11 } }

    /// One of few clients, which depends on the query alone: some may ask `private.test`.
    var client: ClientAddress {
        switch bytes.reduce(0, &+) % 3 {
        case 0: ZoneFixture.client
        case 1: ClientAddress(ipv4: 0xc000_0201)
        default: ClientAddress(high: 0xfd00 << 48, low: 1)
        }
    }

    /// The largest answer that it can take, as far as that can be told.
    func limit(_ own: Int) -> Int {
        // What the general decoder refuses may still have an OPT record that can be read.
        guard let message else { return own }
        guard let edns = message.edns else { return 512 }
        return max(512, min(Int(edns.udpPayloadSize), own))
    }
}

private struct Server: ~Copyable {
    private let store: ZoneStore
    private let reader: ReadEpochs.Reader
    private var scratch = AnswerScratch()

    init() {
        store = ZoneFixture.store()
        reader = store.epochs.makeReader()
    }

    /// The answer, held to everything that is true of one on its own.
    mutating func ask(_ query: Query, over transport: Transport, limit: Int) -> Message? {
        let (bytes, outcome) = answer(query, over: transport, limit: limit)
        require(outcome.length <= limit, "an answer is never longer than its limit")
        guard outcome.length > 0 else {
            require(query.bytes.count < 12 || query.bytes[2] & 0x80 != 0, "only fragments and answers get no answer")
            return nil
        }
        require(query.bytes.count >= 12 && query.bytes[2] & 0x80 == 0, "an answer is never answered")
        if transport == .datagram {
            require(outcome.length <= query.limit(limit), "an answer fits into what the query can take")
        }
        require(
            bytes == answer(query, over: transport, limit: limit).bytes,
            "the same query gets the same answer"
        )

        let response = requireSuccess("an answer can be decoded") { try Message(decoding: bytes) }
        let again = requireSuccess("and again when it has been encoded") {
            try Message(decoding: response.encoded())
        }
        require(again == response, "decoding, encoding and decoding agree")
        require(bytes[0..<2] == query.bytes[0..<2], "the id is that of the query")
        require(response.flags.contains(.response), "an answer says that it is one")
        require(bytes[2] & 0x79 == query.bytes[2] & 0x79, "opcode and RD are those of the query")
        require(!response.flags.contains(.recursionAvailable), "recursion is not offered")
        require(outcome.code == response.code, "what is counted is what is said")
        require(response.questions.count <= 1, "there is one question")
        if !response.questions.isEmpty {
            require(
                bytes[12..<questionEnd(bytes)] == query.bytes[12..<questionEnd(bytes)],
                "the question is echoed as asked"
            )
        }
        if let message = query.message, message.flags.opcode == .query, message.questions.count == 1, query.hasPlainName
        {
            require(response.questions == message.questions, "a well-formed question is echoed")
        }
        if let message = query.message {
            require((response.edns != nil) == (message.edns != nil), "EDNS is spoken to those who speak it")
        }
        check(response)
        if transport == .datagram { checkLimited(query, response, limit: limit) }
        return response
    }

    /// What the rate limit makes of the answer is one as well, and no longer.
    private mutating func checkLimited(_ query: Query, _ whole: Message, limit: Int) {
        var rate = RateLimit(perSecond: 1)
        rate.slip = 1
        var limiter = RateLimiter(rate, buckets: 4)
        _ = answer(query, over: .datagram, limit: limit, &limiter)
        let (bytes, outcome) = answer(query, over: .datagram, limit: limit, &limiter)
        guard outcome.limit != .none, outcome.length > 0 else {
            require(
                outcome.limit != .truncate && outcome.limit != .badCookie,
                "only what is dropped has no octets"
            )
            return
        }
        let response = requireSuccess("a short answer can be decoded") { try Message(decoding: bytes) }
        require(response.code == outcome.code, "what is counted is what is said")
        require(response.id == whole.id && response.questions == whole.questions, "it answers the same question")
        require(response.edns?.options == whole.edns?.options, "with the same options")
        require(
            response.answers.isEmpty && response.authorities.isEmpty && response.additionals.isEmpty,
            "without records"
        )
        require(response.flags.contains(.truncated) != (response.code == .badCookie), "and with TC or BADCOOKIE")
    }

    private func check(_ response: Message) {
        if !response.answers.isEmpty {
            require(response.code == .noError || response.code == .nxDomain, "there are no records with an error")
            require(response.flags.contains(.authoritative), "records are authoritative")
        }
        let isNegative = response.code == .nxDomain || response.code == .noError && response.answers.isEmpty
        if isNegative, response.flags.contains(.authoritative), !response.flags.contains(.truncated) {
            require(response.authorities.contains { $0.type == .soa }, "a negative answer has the SOA record")
        }
        for section in [response.answers, response.authorities, response.additionals] {
            require(Set(section).count == section.count, "no record stands in a section twice")
        }
    }

    private mutating func answer(
        _ query: Query,
        over transport: Transport,
        limit: Int
    ) -> (bytes: [UInt8], outcome: Outcome) {
        // Enough for everything.
        var limiter = RateLimiter(RateLimit(perSecond: 1000), buckets: 4)
        return answer(query, over: transport, limit: limit, &limiter)
    }

    private mutating func answer(
        _ query: Query,
        over transport: Transport,
        limit: Int,
        _ limiter: inout RateLimiter
    ) -> (bytes: [UInt8], outcome: Outcome) {
        var options = ZoneFixture.options
        options.udpPayloadSize = UInt16(limit)
        // Of exactly this size: AddressSanitizer sees every octet written past it.
        let response = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 1)
        defer { response.deallocate() }
        let outcome = store.read(as: reader) { zones in
            let outcome = DNSCore.answer(
                query.bytes.span,
                from: query.client,
                over: transport,
                at: ZoneFixture.time,
                zones: zones,
                options: options,
                scratch: &scratch,
                into: response
            )
            return limiter.limit(outcome, to: query.client, at: ZoneFixture.time, scratch: scratch, in: response)
        }
        return (Array(response.prefix(outcome.length)), outcome)
    }

    private func questionEnd(_ message: [UInt8]) -> Int {
        var offset = 12
        while message[offset] != 0 { offset += 1 + Int(message[offset]) }
        return offset + 5
    }
}
