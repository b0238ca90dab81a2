/// What a query says of itself that matters when its answer is written anew with signatures.
package struct SignatureTerms: Hashable, Sendable {
    /// Where the question ends, which stands alike in the response.
    package let questionEnd: Int
    /// Octets the response may have.
    package private(set) var limit: Int
    package let dnssecOK: Bool
    /// CO (RFC 9824 section 5.1).
    package let compactAnswersOK: Bool

    /// `nil` when ``answer`` would not have understood the query either.
    package init?(
        _ request: Span<UInt8>,
        over transport: Transport,
        options: borrowing AnswerOptions,
        scratch: inout AnswerScratch
    ) {
        guard request.count >= Header.size,
            let question = Question(request, lowercasingInto: scratch.name)
        else { return nil }
        let extras = QueryExtras(of: request, Header(request), from: question.end, over: transport)
        guard !extras.isMalformed else { return nil }
        questionEnd = question.end
        dnssecOK = extras.options?.dnssecOK ?? false
        compactAnswersOK = extras.options?.compactAnswersOK ?? false
        limit =
            switch transport {
            case .stream: Int(UInt16.max)
            case .datagram: Int(max(512, min(extras.options?.udpPayloadSize ?? 512, options.udpPayloadSize)))
            }
    }

    package func limited(to octets: Int) -> SignatureTerms {
        var terms = self
        terms.limit = min(limit, octets)
        return terms
    }
}
