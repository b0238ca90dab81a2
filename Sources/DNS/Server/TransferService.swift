package import DNSCore
package import DNSSigning
package import DNSTransfer
import Glibc
package import Logging
import ServiceCatalog
import Synchronization

/// Who may transfer what, what has been transferred, and to whom: shared by all threads, and used beside the fast path only.
package final class TransferService: Sendable {
    /// A zone that can be transferred.
    package struct Offer: Sendable {
        package var zone: Zone
        package var access: TransferAccess

        package init(zone: Zone, access: TransferAccess) {
            self.zone = zone
            self.access = access
        }
    }

    package struct Policy: Sendable {
        package var keys = TSIGKeyring()
        package var offers: [DomainName: Offer] = [:]
        /// All zones served, offered or not.
        package var zones: Set<DomainName> = []

        package init() {}
    }

    /// What became of a request for a transfer.
    package enum Result: String, Sendable, CaseIterable {
        case completed
        /// The peer went away, or took too long.
        case aborted
        /// The zone changed by more than is kept for one transfer.
        case overrun
        case refused
        /// The zone is not loaded, or too many transfers are under way.
        case unavailable
    }

    /// What is counted apart.
    package struct Label: Hashable, Sendable {
        /// `nil` for zones not served.
        package var zone: DomainName?
        /// `axfr`, `ixfr`, and for incremental ones `ixfr-full` when everything was sent, `ixfr-current` when there was nothing.
        package var kind: String
        package var result: Result
    }

    /// Transfers under way at once over streams.
    private static let limit = 64
    /// Secondaries per zone of which is known what they have been given.
    private static let memory = 64

    private struct State {
        var policy = Policy()
        var counts: [Label: UInt64] = [:]
        var underWay = 0
        var given: [DomainName: [Given]] = [:]
    }

    private struct Given: Equatable {
        var client: ClientAddress
        var serial: UInt32
    }

    private let state = Mutex(State())
    private let signers: ZoneSigners?
    private let logger: Logger

    /// - Parameter signers: of the signed ones among the zones; `nil` where none ever is.
    package init(signers: ZoneSigners? = nil, logger: Logger) {
        self.signers = signers
        self.logger = logger
    }

    package var policy: Policy {
        get { state.withLock { $0.policy } }
        set {
            state.withLock { state in
                state.policy = newValue
                state.given = state.given.filter { newValue.offers[$0.key] != nil }
            }
        }
    }

    package var counts: [Label: UInt64] { state.withLock { $0.counts } }

    // MARK: - Decisions

    enum Decision {
        case send(ZoneTransfer)
        /// As it stands in the plain answer: REFUSED.
        case refuse
        case fail(ResponseCode, ExtendedError?)
    }

    /// - Parameters:
    ///   - request: AXFR or IXFR, without TSIG.
    ///   - key: that it was signed with.
    func decide(
        _ request: Message,
        _ bytes: [UInt8],
        from client: ClientAddress,
        key: DomainName?,
        over transport: Transport,
        opt: [UInt8],
        reader: ReadEpochs.Reader
    ) -> Decision {
        guard request.questions.count == 1 else { return .fail(.formErr, nil) }
        let question = request.questions[0]
        let isIncremental = question.type == .ixfr
        let (policy, given) = state.withLock { ($0.policy, $0.given[question.name] ?? []) }
        func count(_ result: Result) {
            let zone = policy.zones.contains(question.name) ? question.name : nil
            self.count(.init(zone: zone, kind: isIncremental ? "ixfr" : "axfr", result: result))
        }
        guard policy.zones.contains(question.name) else {
            count(.refused)
            return .fail(.notAuth, .notAuthoritative)
        }
        guard let offer = policy.offers[question.name], offer.access.allows(IPAddress(client), signedWith: key) else {
            count(.refused)
            // Anyone can ask, so this is counted and not told by default.
            logger.debug(
                "Transfer refused",
                metadata: [
                    "zone": "\(question.name)", "peer": "\(IPAddress(client))",
                    "key": "\(key.map { "\($0)" } ?? "none")",
                ]
            )
            return .refuse
        }
        guard offer.zone.freshness.isAnswered else {
            count(.unavailable)
            return .fail(.servFail, .notReady)
        }
        let heading = ZoneTransfer.Heading(replyingTo: bytes, opt: opt)
        func everything() -> Decision {
            guard let transfer = full(offer.zone, heading) else {
                count(.unavailable)
                return .fail(.servFail, .notReady)
            }
            return .send(transfer)
        }
        guard isIncremental else {
            // RFC 5936 section 4.2.
            return transport == .stream ? everything() : .fail(.formErr, nil)
        }
        guard let authority = request.authorities.first, authority.owner == question.name,
            case .soa(let present) = authority.data
        else { return .fail(.formErr, nil) }
        let serial = present.serial
        // Two replicas may give one serial to different contents. So differences go to whom this one has given what they
        // are differences to; others get everything.
        // A signed zone's differences would have to name the very signatures that the secondary has, which nobody remembers.
        // Looked at once: the zone may change meanwhile, and a signed one must not go out as it is stored.
        guard ZoneSerial.isLater(offer.zone.serial, than: serial) else {
            return .send(.upToDate(offer.zone, heading))
        }
        guard given.contains(Given(client: client, serial: serial)), !offer.zone.isSigned else { return everything() }
        return .send(.since(serial, of: offer.zone, heading, reader: reader))
    }

    /// A transfer of everything; `nil` for a signed zone that there are no keys for yet.
    private func full(_ zone: Zone, _ heading: ZoneTransfer.Heading) -> ZoneTransfer? {
        guard zone.isSigned else { return .full(of: zone, heading) }
        guard let signer = signers?[zone.apex] else { return nil }
        let supplement = TransferSigner(signer, denialTTL: zone.negativeTTL, at: Int64(UInt64.now))
        return .full(of: zone, heading) { supplement.supplement(to: $0, $1, next: $2) }
    }

    /// Takes up a transfer of more than one message. False when there are too many.
    func begin() -> Bool {
        state.withLock { state in
            guard state.underWay < Self.limit else { return false }
            state.underWay += 1
            return true
        }
    }

    func release() { state.withLock { $0.underWay -= 1 } }

    func count(_ label: Label) { state.withLock { $0.counts[label, default: 0] += 1 } }

    /// Notes how a transfer ended.
    func finish(
        _ transfer: ZoneTransfer,
        of zone: DomainName,
        asked: RecordType,
        to client: ClientAddress,
        key: DomainName?,
        _ result: Result
    ) {
        let kind =
            switch (asked, transfer.kind) {
            case (.axfr, _): "axfr"
            case (_, .full): "ixfr-full"
            case (_, .upToDate): "ixfr-current"
            case (_, .incremental): "ixfr"
            }
        count(.init(zone: zone, kind: kind, result: result))
        if result == .completed, transfer.kind != .upToDate {
            state.withLock { state in
                guard state.policy.offers[zone] != nil else { return }
                let entry = Given(client: client, serial: transfer.serial)
                var known = state.given[zone] ?? []
                known.removeAll { $0 == entry }
                known.append(entry)
                state.given[zone] = known.suffix(Self.memory)
            }
        }
        logger.log(
            level: result == .completed ? (transfer.kind == .upToDate ? .debug : .info) : .warning,
            "Transfer ended",
            metadata: [
                "zone": "\(zone)", "kind": "\(kind)", "peer": "\(IPAddress(client))",
                "key": "\(key.map { "\($0)" } ?? "none")", "records": "\(transfer.records)",
                "serial": "\(transfer.serial)", "result": "\(result.rawValue)",
            ]
        )
    }
}

extension IPAddress {
    init(_ client: ClientAddress) {
        self = client.isIPv4 ? .v4(UInt32(truncatingIfNeeded: client.low)) : .v6(high: client.high, low: client.low)
    }
}
