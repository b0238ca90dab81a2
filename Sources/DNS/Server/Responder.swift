import DNSCore
import DNSSigning

/// Answers queries for one thread: what the answer path cannot do without allocating is added here.
struct Responder: ~Copyable {
    private let options: AnswerOptions
    private var scratch = AnswerScratch()
    private var limiter: RateLimiter?
    private var signer: AnswerSigner?

    /// - Parameter rateLimit: of answers in datagrams; `nil` for none.
    init(options: AnswerOptions, signers: ZoneSigners? = nil, rateLimit: RateLimit? = nil) {
        self.options = options
        if let signers { signer = AnswerSigner(signers) }
        if let rateLimit { limiter = RateLimiter(rateLimit) }
    }

    /// Begins to load what answering will read; see `DNSCore.anticipate`.
    @inline(__always)
    mutating func anticipate(_ request: Span<UInt8>, zones: borrowing ServedZones) {
        DNSCore.anticipate(request, zones: zones, scratch: &scratch)
    }

    /// Writes the answer to `request` into `response`; see `DNSCore.answer`.
    @inline(__always)
    mutating func respond(
        to request: Span<UInt8>,
        from client: ClientAddress,
        over transport: Transport,
        at time: QueryTime,
        zones: borrowing ServedZones,
        into response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        var outcome = answer(
            request,
            from: client,
            over: transport,
            at: time,
            zones: zones,
            options: options,
            scratch: &scratch,
            into: response
        )
        if outcome.elaboration != .none {
            outcome = elaborate(outcome, request, client, transport, time, zones, response)
        }
        // Whoever has made a connection is where it says it is.
        guard transport == .datagram else { return outcome }
        return limiter?.limit(outcome, to: client, at: time, scratch: scratch, in: response) ?? outcome
    }

    /// The slow path, out of the way of the fast one.
    @inline(never)
    private mutating func elaborate(
        _ outcome: Outcome,
        _ request: Span<UInt8>,
        _ client: ClientAddress,
        _ transport: Transport,
        _ time: QueryTime,
        _ zones: borrowing ServedZones,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        guard outcome.elaboration == .signatures else { return outcome }
        return sign(outcome, request, client, transport, time, zones, response)
    }

    /// Adds signatures to an answer (RFC 4035 section 3.1).
    private mutating func sign(
        _ outcome: Outcome,
        _ request: Span<UInt8>,
        _ client: ClientAddress,
        _ transport: Transport,
        _ time: QueryTime,
        _ zones: borrowing ServedZones,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        let options = options
        return signer?.elaborate(
            outcome,
            of: request,
            over: transport,
            at: time,
            zones: zones,
            options: options,
            scratch: &scratch,
            into: response
        ) { zones, scratch, whole in
            answer(
                request,
                from: client,
                over: .stream,
                at: time,
                zones: zones,
                options: options,
                scratch: &scratch,
                into: whole
            )
        } ?? outcome
    }
}
