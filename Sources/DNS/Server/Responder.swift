import DNSCore

/// Answers queries for one thread: what the answer path cannot do without allocating is added here.
struct Responder: ~Copyable {
    private let options: AnswerOptions
    private var scratch = AnswerScratch()

    init(options: AnswerOptions) { self.options = options }

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
        zones: borrowing ServedZones,
        into response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        let outcome = answer(
            request,
            over: transport,
            zones: zones,
            options: options,
            scratch: &scratch,
            into: response
        )
        guard outcome.elaboration != .none else { return outcome }
        return elaborate(outcome, request, client, transport, zones, response)
    }

    /// The slow path, out of the way of the fast one.
    @inline(never)
    private mutating func elaborate(
        _ outcome: Outcome,
        _ request: Span<UInt8>,
        _ client: ClientAddress,
        _ transport: Transport,
        _ zones: borrowing ServedZones,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        outcome
    }
}
