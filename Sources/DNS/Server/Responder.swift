import DNSCore
import DNSSigning
import DNSTransfer

/// Answers queries for one thread: what the answer path cannot do without allocating is added here.
struct Responder: ~Copyable {
    private var options: AnswerOptions
    private var scratch = AnswerScratch()
    private var limiter: RateLimiter?
    private var signer: AnswerSigner?

    private var elaborator: Elaborator?
    /// With which an ``OutgoingTransfer`` reads; `nil` where there are none.
    let transferReader: ReadEpochs.Reader?

    /// - Parameters:
    ///   - epochs: of the store whose zones are answered.
    ///   - rateLimit: of answers in datagrams; `nil` for none.
    init(
        options: AnswerOptions,
        epochs: ReadEpochs,
        signers: ZoneSigners? = nil,
        transfers: TransferService? = nil,
        rateLimit: RateLimit? = nil
    ) {
        self.options = options
        if let signers {
            signer = AnswerSigner(signers, allowance: SigningAllowance(perSecond: options.denialsPerSecond))
        }
        if let rateLimit { limiter = RateLimiter(rateLimit) }
        guard let transfers else {
            transferReader = nil
            return
        }
        let elaborator = Elaborator(transfers, epochs: epochs)
        transferReader = elaborator.reader
        self.elaborator = consume elaborator
    }

    /// How long a connection may be idle, for those who ask, in units of 100 ms (RFC 7828).
    var keepalive: UInt16 {
        get { options.keepalive }
        set { options.keepalive = newValue }
    }

    /// What is to be sent after the last answer, and the reader to read it with.
    mutating func takeRest() -> OutgoingTransfer? { elaborator?.takeRest() }

    /// Begins to load what answering will read; see `DNSCore.anticipate`.
    @inline(__always)
    mutating func anticipate(_ request: Span<UInt8>, zones: borrowing ServedZones) {
        DNSCore.anticipate(request, zones: zones, scratch: &scratch)
    }

    /// Over a stream: whether denials that are to be signed wait, since others do already.
    var holdsDenials = false

    /// Whether a denial that waits could be signed now.
    mutating func canSign(at time: QueryTime) -> Bool { signer?.canSign(at: time) ?? true }

    /// Writes the answer to `request` into `response`; see `DNSCore.answer`.
    ///
    /// Where the answer to a query over a stream has to wait for signatures, ``Elaboration/signatures`` stays: ask again later.
    @inline(__always)
    mutating func respond(
        to request: Span<UInt8>,
        from client: ClientAddress,
        over transport: Transport,
        at time: QueryTime,
        zones: borrowing ServedZones,
        into response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        var outcome = plain(request, client, transport, time, zones, response)
        // Decided before more is paid for. Whoever has made a connection is where it says it is.
        if transport == .datagram {
            outcome = limiter?.limit(outcome, to: client, at: time, scratch: scratch, in: response) ?? outcome
        }
        guard outcome.elaboration != .none else { return outcome }
        return elaborate(outcome, request, client, transport, time, zones, response)
    }

    @inline(__always)
    private mutating func plain(
        _ request: Span<UInt8>,
        _ client: ClientAddress,
        _ transport: Transport,
        _ time: QueryTime,
        _ zones: borrowing ServedZones,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        answer(
            request,
            from: client,
            over: transport,
            at: time,
            zones: zones,
            options: options,
            scratch: &scratch,
            into: response
        )
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
        switch outcome.elaboration {
        case .none: return outcome
        case .signatures: return sign(outcome, request, client, transport, time, zones, response)
        case .authentication, .transfer: break
        }
        var outcome = outcome
        guard elaborator != nil else {
            if outcome.limit != .none { (outcome.length, outcome.limit) = (0, .drop) }
            return outcome
        }
        var bytes = request.withUnsafeBufferPointer { Array($0) }
        guard outcome.limit == .none else { return elaborator?.shorten(bytes, outcome, response) ?? outcome }
        var signer: TSIGSigner?
        if outcome.elaboration == .authentication {
            switch elaborator?.authenticate(bytes, outcome, response) {
            case .done(let outcome): return outcome
            case .answer(let query):
                bytes = query.bytes
                signer = query.signer
                outcome = plain(bytes.span, client, transport, time, zones, response)
                if outcome.elaboration == .signatures {
                    outcome = sign(outcome, bytes.span, client, transport, time, zones, response)
                    if outcome.elaboration == .signatures { return outcome }
                }
            case nil: return outcome
            }
        }
        let limit = transport == .stream ? Int(UInt16.max) : datagramLimit(of: bytes)
        if outcome.elaboration == .transfer {
            return elaborator?.transfer(
                bytes,
                from: client,
                over: transport,
                signer: signer,
                limit: limit,
                outcome,
                response
            ) ?? outcome
        }
        guard let signer else { return outcome }
        return elaborator?.sign(outcome, signer, limit: limit, response) ?? outcome
    }

    /// Octets that the answer to a query over UDP may have.
    private func datagramLimit(of request: [UInt8]) -> Int {
        let stated = (try? Message(decoding: request))?.edns?.udpPayloadSize ?? 512
        return Int(max(512, min(stated, options.udpPayloadSize)))
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
        let holdsDenials = holdsDenials
        guard signer != nil else {
            var outcome = outcome
            outcome.elaboration = .none
            return outcome
        }
        return signer?.elaborate(
            outcome,
            of: request,
            over: transport,
            holdsDenials: holdsDenials,
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
