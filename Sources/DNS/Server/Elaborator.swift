import DNSCore
import DNSTransfer
import Glibc

/// Answers for one thread what takes memory: signed queries and transfers. It begins with what the answer path has written.
struct Elaborator: ~Copyable {
    private let service: TransferService
    private let epochs: ReadEpochs
    /// Not the thread's own, which is in use while this runs.
    let reader: ReadEpochs.Reader
    /// What is left to be sent after the answer, over a stream.
    private var rest: OutgoingTransfer?

    /// What there is to do.
    enum Task {
        /// Send this.
        case done(Outcome)
        /// Answer the query again, without its TSIG, and hand the answer to ``sign(_:_:limit:_:)``.
        case answer(SignedQuery)
    }

    struct SignedQuery {
        let bytes: [UInt8]
        let signer: TSIGSigner
    }

    init(_ service: TransferService, epochs: ReadEpochs) {
        self.service = service
        self.epochs = epochs
        reader = epochs.makeReader()
    }

    deinit { epochs.remove(reader) }

    mutating func takeRest() -> OutgoingTransfer? {
        defer { rest = nil }
        return rest
    }

    // MARK: - Signed queries

    func authenticate(_ request: [UInt8], _ outcome: Outcome, _ response: UnsafeMutableRawBufferPointer) -> Task {
        switch service.policy.keys.authenticate(request, now: .now) {
        case .genuine(_, let bytes, let signer):
            return .answer(SignedQuery(bytes: bytes, signer: signer))
        case .refused(let refusal):
            var bytes = revised(response, outcome) { $0.code = .notAuth }
            refusal.sign(&bytes)
            return .done(deliver(bytes, .notAuth, outcome, response))
        case .malformed, .unsigned:
            return .done(deliver(revised(response, outcome) { $0.code = .formErr }, .formErr, outcome, response))
        }
    }

    /// Signs the answer to a query, cut where it would be longer than `limit`.
    func sign(
        _ outcome: Outcome,
        _ signer: TSIGSigner,
        limit: Int,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        guard outcome.length > 0 else { return outcome }
        var signer = signer
        var bytes = Array(response[..<outcome.length])
        if bytes.count + signer.overhead > min(limit, response.count) {
            bytes = revised(response, outcome, keepsHeader: true) { $0.flags.insert(.truncated) }
        }
        signer.sign(&bytes, now: .now)
        return deliver(bytes, outcome.code, outcome, response)
    }

    /// Answers a signed query or a transfer that is over the rate limit: with TC alone, signed where the query was.
    func shorten(_ request: [UInt8], _ outcome: Outcome, _ response: UnsafeMutableRawBufferPointer) -> Outcome {
        var signer: TSIGSigner?
        if outcome.elaboration == .authentication {
            switch authenticate(request, outcome, response) {
            case .done(var outcome):
                // An error is as short as it gets.
                outcome.limit = .none
                return outcome
            case .answer(let query): signer = query.signer
            }
        }
        var bytes = revised(response, outcome) { message in
            message.code = .noError
            message.flags.insert(.truncated)
            message.edns?.options.removeAll { $0.code == ExtendedError.option }
        }
        signer?.sign(&bytes, now: .now)
        return deliver(bytes, .noError, outcome, response)
    }

    // MARK: - Transfers

    /// Answers AXFR and IXFR, refused by the answer path.
    ///
    /// - Parameter limit: octets that a datagram may have.
    mutating func transfer(
        _ bytes: [UInt8],
        from client: ClientAddress,
        over transport: Transport,
        signer: TSIGSigner?,
        limit: Int,
        _ outcome: Outcome,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        guard let request = try? Message(decoding: bytes) else {
            let failure = revised(response, outcome) { $0.code = .formErr }
            return signed(deliver(failure, .formErr, outcome, response), signer, limit, response)
        }
        let decision = service.decide(
            request,
            bytes,
            from: client,
            key: signer?.key.name,
            over: transport,
            opt: request.edns == nil ? [] : Self.opt(response, outcome),
            reader: reader
        )
        switch decision {
        case .refuse: return signed(outcome, signer, limit, response)
        case .fail(let code, let error):
            let failure = revised(response, outcome) { message in
                message.code = code
                message.edns?.options.removeAll { $0.code == ExtendedError.option }
                if let error { message.edns?.options.append(.init(error)) }
            }
            return signed(deliver(failure, code, outcome, response), signer, limit, response)
        case .send(let transfer):
            let sent = send(transfer, request, bytes, client, transport, signer, limit, response)
            guard let length = sent else {
                let failure = revised(response, outcome) { $0.code = .servFail }
                return signed(deliver(failure, .servFail, outcome, response), signer, limit, response)
            }
            var outcome = outcome
            (outcome.length, outcome.code) = (length, .noError)
            return outcome
        }
    }

    /// Writes the first message and keeps what is left. `nil` when there is none.
    private mutating func send(
        _ transfer: ZoneTransfer,
        _ request: Message,
        _ bytes: [UInt8],
        _ client: ClientAddress,
        _ transport: Transport,
        _ signer: TSIGSigner?,
        _ limit: Int,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Int? {
        let question = request.questions[0]
        func outgoing(_ transfer: ZoneTransfer) -> OutgoingTransfer {
            OutgoingTransfer(transfer, question, signer, to: client, service)
        }
        if transport == .datagram {
            let room = UnsafeMutableRawBufferPointer(rebasing: response[..<min(limit, response.count)])
            let first = transfer.kind == .full ? nil : outgoing(transfer)
            if let first, let message = first.nextMessage(into: room, reader: reader), message.isLast {
                first.finish(.completed)
                return message.length
            }
            first?.dismiss()
            // RFC 1995 section 2: what does not fit is left to TCP.
            guard let zone = service.policy.offers[question.name]?.zone else { return nil }
            let short = outgoing(.upToDate(zone, .init(replyingTo: bytes)))
            guard let message = short.nextMessage(into: room, reader: reader) else { return nil }
            short.finish(.completed)
            return message.length
        }
        let first = outgoing(transfer)
        guard let message = first.nextMessage(into: response, reader: reader) else { return nil }
        if message.isLast {
            first.finish(.completed)
        } else {
            guard first.takePlace() else {
                first.finish(.unavailable)
                return nil
            }
            rest = first
        }
        return message.length
    }

    // MARK: - Answers made over

    private func signed(
        _ outcome: Outcome,
        _ signer: TSIGSigner?,
        _ limit: Int,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        guard let signer else { return outcome }
        return sign(outcome, signer, limit: limit, response)
    }

    /// The answer without its records, otherwise as `change` leaves it.
    private func revised(
        _ response: UnsafeMutableRawBufferPointer,
        _ outcome: Outcome,
        keepsHeader: Bool = false,
        _ change: (inout Message) -> Void
    ) -> [UInt8] {
        let bytes = Array(response[..<outcome.length])
        // It was made here.
        guard var message = try? Message(decoding: bytes) else { return Array(bytes.prefix(12)) }
        (message.answers, message.authorities, message.additionals) = ([], [], [])
        if !keepsHeader { message.flags.remove([.authoritative, .truncated]) }
        change(&message)
        var revised = message.encoded()
        if let question = message.questions.first {
            // As it was asked, case and all.
            let end = 12 + question.name.wire.count
            revised.replaceSubrange(12..<end, with: bytes[12..<end])
        }
        return revised
    }

    private func deliver(
        _ bytes: [UInt8],
        _ code: ResponseCode,
        _ outcome: Outcome,
        _ response: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        var outcome = outcome
        outcome.code = code
        outcome.length = bytes.count <= response.count ? bytes.count : 0
        if outcome.length > 0 { response.copyBytes(from: bytes) }
        return outcome
    }

    /// The OPT record that the answer ends with, without its extended error.
    private static func opt(_ response: UnsafeMutableRawBufferPointer, _ outcome: Outcome) -> [UInt8] {
        guard var message = try? Message(decoding: Array(response[..<outcome.length])) else { return [] }
        message.questions = []
        (message.answers, message.authorities, message.additionals) = ([], [], [])
        message.code = .noError
        message.edns?.options.removeAll { $0.code == ExtendedError.option }
        return Array(message.encoded().dropFirst(12))
    }
}

extension Message.Extension.Option {
    fileprivate init(_ error: ExtendedError) {
        self.init(
            code: ExtendedError.option,
            data: [UInt8(error.rawValue >> 8), UInt8(truncatingIfNeeded: error.rawValue)]
        )
    }
}

extension UInt64 {
    /// Seconds since 1970.
    static var now: UInt64 { UInt64(time(nil)) }
}
