package import DNSCore

/// Writes answers anew that are to have signatures, for one thread; it owns the memory which that takes.
package struct AnswerSigner: ~Copyable {
    /// How often a question is answered that a zone's changes overtake.
    private static let attempts = 4

    private let signers: ZoneSigners
    private var allowance: SigningAllowance
    /// Room for an answer of any size; made when the first one is signed.
    private var plain: UnsafeMutableRawBufferPointer?

    package init(_ signers: ZoneSigners, allowance: SigningAllowance = SigningAllowance()) {
        self.signers = signers
        self.allowance = allowance
    }

    deinit { plain?.deallocate() }

    /// Replaces a plain answer by the one with signatures.
    ///
    /// - Parameters:
    ///   - outcome: of the plain answer, with ``Elaboration/signatures``.
    ///   - response: holds the plain answer, of which its OPT record is kept, and takes the new one.
    ///   - answer: writes the plain answer once more, as for a stream, which may have 65,535 octets.
    package mutating func elaborate(
        _ outcome: Outcome,
        of request: Span<UInt8>,
        over transport: Transport,
        at time: QueryTime,
        zones: borrowing ServedZones,
        options: borrowing AnswerOptions,
        scratch: inout AnswerScratch,
        into response: UnsafeMutableRawBufferPointer,
        answer: (borrowing ServedZones, inout AnswerScratch, UnsafeMutableRawBufferPointer) -> Outcome
    ) -> Outcome {
        let short = Array(response.prefix(outcome.length))
        guard let terms = SignatureTerms(request, over: transport, options: options, scratch: &scratch),
            let first = try? Message(decoding: short), let question = first.questions.first
        else { return outcome }
        let limit = min(terms.limit, response.count)
        let plain = self.plain ?? .allocate(byteCount: Int(UInt16.max), alignment: 8)
        self.plain = plain
        var allowance: SigningAllowance? = transport == .datagram ? self.allowance : nil
        defer { if let allowance { self.allowance = allowance } }

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
                allowance: &allowance
            )
        }
        var outcome = outcome
        outcome.elaboration = .none
        let octets: [UInt8]
        switch result {
        case .message(let message, let code): (octets, outcome.code) = (message, code)
        case .changed, .failed:
            outcome.code = .servFail
            octets = BoundedEncoder(
                head: Array(short.prefix(terms.questionEnd)),
                name: question.name,
                edns: first.edns,
                code: .servFail,
                limit: limit
            ).finish(first.flags.subtracting([.authoritative, .truncated]))
        }
        response.copyBytes(from: octets)
        outcome.length = octets.count
        return outcome
    }
}
