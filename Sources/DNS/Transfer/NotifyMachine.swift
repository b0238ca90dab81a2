package import DNSCore
package import ServiceCatalog

/// Which secondaries are to be told of which zones, and when (RFC 1996): at most one message is outstanding per secondary and
/// zone, none sooner than a second (or what the zone asks for) after the one before, and each is repeated until it is answered.
///
/// A pair of zone and secondary is
/// - *settled*: told, or given up on; becomes due with a change;
/// - *due* at a moment; becomes outstanding then;
/// - *outstanding*: becomes settled by the answer, due by the answer when the zone has changed meanwhile, and is sent again,
///   with twice the patience up to a minute, when no answer comes.
package struct NotifyMachine: Sendable {
    package struct Target: Hashable, Sendable {
        package var address: ListenAddress
        /// The key that signs.
        package var key: DomainName?

        package init(address: ListenAddress, key: DomainName? = nil) {
            self.address = address
            self.key = key
        }
    }

    package struct Pair: Hashable, Sendable {
        package var zone: DomainName
        package var target: Target
    }

    /// A message to send.
    package struct Message: Hashable, Sendable {
        package var pair: Pair
        package var id: UInt16
        /// Whether it was sent before without an answer.
        package var isRepeated: Bool
    }

    private enum State: Sendable {
        case settled
        case due(ContinuousClock.Instant)
        case outstanding(id: UInt16, attempt: Int, until: ContinuousClock.Instant)
    }

    private struct Entry: Sendable {
        var state = State.settled
        var lastSent: ContinuousClock.Instant?
        var hasChanged = false
        var spacing = NotifyMachine.spacing
    }

    package static let spacing = Duration.seconds(1)
    private static let patience = Duration.seconds(60)

    private var entries: [DomainName: [Target: Entry]] = [:]

    package init() {}

    /// Tells exactly these from now on. New pairs are due at once.
    ///
    /// - Parameter unready: zones of which there is nothing to tell before their first change.
    package mutating func follow(
        _ targets: [DomainName: [Target]],
        unready: Set<DomainName> = [],
        now: ContinuousClock.Instant
    ) {
        var next: [DomainName: [Target: Entry]] = [:]
        for (zone, targets) in targets {
            for target in targets {
                let known = entries[zone]?[target]
                next[zone, default: [:]][target] = known ?? Entry(state: unready.contains(zone) ? .settled : .due(now))
            }
        }
        entries = next
    }

    /// Notes that a zone has changed.
    ///
    /// - Parameter spacing: how long after the last message the next may follow.
    /// - Returns: whether somebody has become due by that.
    @discardableResult
    package mutating func change(
        _ zone: DomainName,
        spacing: Duration = NotifyMachine.spacing,
        now: ContinuousClock.Instant
    ) -> Bool {
        var isDue = false
        for (target, var entry) in entries[zone] ?? [:] {
            entry.spacing = spacing
            switch entry.state {
            case .settled:
                entry.state = .due(max(now, entry.lastSent.map { $0 + spacing } ?? now))
                isDue = true
            case .due: continue
            case .outstanding: entry.hasChanged = true
            }
            entries[zone]?[target] = entry
        }
        return isDue
    }

    /// What is to be sent now.
    ///
    /// - Parameter id: gives message ids nobody can guess.
    package mutating func messages(
        now: ContinuousClock.Instant,
        id: () -> UInt16 = { .random(in: .min ... .max) }
    ) -> [Message] {
        var messages: [Message] = []
        for (pair, var entry) in pairs {
            let attempt: Int
            switch entry.state {
            case .due(let moment) where moment <= now: attempt = 1
            case .outstanding(_, let last, let until) where until <= now: attempt = last + 1
            default: continue
            }
            let id = id()
            let patience = min(Self.patience, Self.spacing * (1 << min(attempt - 1, 6)))
            entry.state = .outstanding(id: id, attempt: attempt, until: now + patience)
            entry.lastSent = now
            entry.hasChanged = false
            entries[pair.zone]?[pair.target] = entry
            messages.append(Message(pair: pair, id: id, isRepeated: attempt > 1))
        }
        return messages
    }

    /// The pair whose outstanding message has this id and went to this address.
    package func outstanding(id: UInt16, at address: ListenAddress) -> Pair? {
        pairs.first { pair, entry in
            guard pair.target.address == address, case .outstanding(id, _, _) = entry.state else { return false }
            return true
        }?.pair
    }

    /// Takes in that the outstanding message of a pair has been answered.
    package mutating func answered(_ pair: Pair) {
        guard var entry = entries[pair.zone]?[pair.target], case .outstanding = entry.state else { return }
        entry.state = entry.hasChanged ? entry.lastSent.map { .due($0 + entry.spacing) } ?? .settled : .settled
        entry.hasChanged = false
        entries[pair.zone]?[pair.target] = entry
    }

    /// When ``messages(now:id:)`` will have something; `nil` while all is settled.
    package var deadline: ContinuousClock.Instant? {
        pairs.compactMap { _, entry in
            switch entry.state {
            case .settled: nil
            case .due(let moment): moment
            case .outstanding(_, _, let until): until
            }
        }.min()
    }

    private var pairs: [(pair: Pair, entry: Entry)] {
        entries.flatMap { zone, targets in targets.map { (Pair(zone: zone, target: $0.key), $0.value) } }
    }
}
