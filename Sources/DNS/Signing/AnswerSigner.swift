package import DNSCore

/// Writes answers anew that are to have signatures, for one thread; it owns the memory which that takes.
package struct AnswerSigner: ~Copyable {
    /// How often a question is answered that a zone's changes overtake.
    private static let attempts = 4

    private let signers: ZoneSigners
    private var allowance: SigningAllowance
    /// Room for an answer of any size; made when the first one is signed.
    private var plain: UnsafeMutableRawBufferPointer?

    package init(_ signers: ZoneSigners, allowance: SigningAllowance) {
        self.signers = signers
        self.allowance = allowance
    }

    deinit { plain?.deallocate() }

    /// Whether a denial could be signed now.
    package mutating func canSign(at time: QueryTime) -> Bool { allowance.isOpen(at: time) }

    /// Replaces a plain answer by the one with signatures. Over a stream a denial may have to wait: then
    /// ``Elaboration/signatures`` stays in the outcome, and the response is of no use.
    ///
    /// - Parameters:
    ///   - holdsDenials: whether a denial that is to be signed waits in any case.
    ///   - outcome: of the plain answer, with ``Elaboration/signatures``.
    ///   - response: holds the plain answer, of which its OPT record is kept, and takes the new one.
    ///   - answer: writes the plain answer once more, as for a stream, which may have 65,535 octets.
    package mutating func elaborate(
        _ outcome: Outcome,
        of request: Span<UInt8>,
        over transport: Transport,
        holdsDenials: Bool = false,
        at time: QueryTime,
        zones: borrowing ServedZones,
        options: borrowing AnswerOptions,
        scratch: inout AnswerScratch,
        into response: UnsafeMutableRawBufferPointer,
        answer: (borrowing ServedZones, inout AnswerScratch, UnsafeMutableRawBufferPointer) -> Outcome
    ) -> Outcome {
        var outcome = outcome
        outcome.elaboration = .none
        let short = Array(response.prefix(outcome.length))
        guard let terms = SignatureTerms(request, over: transport, options: options, scratch: &scratch),
            let first = try? Message(decoding: short), let question = first.questions.first
        else { return outcome }
        let limit = min(terms.limit, response.count)
        let plain = self.plain ?? .allocate(byteCount: Int(UInt16.max), alignment: 8)
        self.plain = plain

        var result = SignedAnswer.Result.changed
        for _ in 0..<Self.attempts where result == .changed {
            let whole = answer(zones, &scratch, plain)
            guard whole.elaboration == .signatures else { continue }
            result = SignedAnswer.write(
                over: Array(plain.prefix(whole.length)),
                terms.limited(to: limit),
                edns: first.edns,
                at: Int64(time.seconds),
                zones: zones,
                signers: signers,
                permit: { !holdsDenials && allowance.take(at: time) }
            )
        }
        let octets: [UInt8]
        switch result {
        case .message(let message, let code): (octets, outcome.code) = (message, code)
        case .notPermitted where transport == .stream:
            outcome.elaboration = .signatures
            return outcome
        case .notPermitted, .changed, .failed:
            outcome.code = result == .notPermitted ? .noError : .servFail
            let flags = first.flags.subtracting([.authoritative, .truncated])
            octets = BoundedEncoder(
                head: Array(short.prefix(terms.questionEnd)),
                name: question.name,
                edns: first.edns,
                code: outcome.code,
                limit: limit
            ).finish(result == .notPermitted ? flags.union([.authoritative, .truncated]) : flags)
        }
        response.copyBytes(from: octets)
        outcome.length = octets.count
        return outcome
    }
}
