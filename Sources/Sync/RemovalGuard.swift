import ServiceCatalog

/// Decides which removals wait for a second opinion. Pure.
///
/// It watches *loss*: entries a service would lose beyond those it gains, so that a rollout, which replaces entries, is
/// none. Losses of the last moments count together with those that are due, so that a mass removal is noticed also when
/// it arrives piece by piece.
///
/// A name's life in here: free → held → free (its loss has gone, or all losses together are small again), or
/// held → approved (the source, read again, still says so after the hold) → free (the loss is carried out or gone, or
/// grows beyond what was approved).
struct RemovalGuard: Sendable {
    /// A service name of the target, folded.
    typealias Name = String

    private struct Recent: Sendable {
        /// Entries lost less entries gained.
        var net: Int
        var at: ContinuousClock.Instant
    }

    struct Decision: Equatable {
        /// Names that were free until now.
        var newlyHeld: Set<Name> = []
        /// Names that may lose their entries now, after having been held.
        var released: Set<Name> = []
    }

    let policy: GuardPolicy
    /// How long a loss counts.
    private let window: Duration
    private var recent: [Name: Recent] = [:]
    private var due: [Name: Int] = [:]
    private(set) var held: [Name: ContinuousClock.Instant] = [:]
    /// How much of its loss each name may still lose.
    private var approved: [Name: Int] = [:]

    init(policy: GuardPolicy) {
        self.policy = policy
        window = min(policy.hold, .seconds(30))
    }

    /// The entries held back.
    var heldCount: Int { held.keys.reduce(0) { $0 + (due[$1] ?? 0) } }

    func due(_ name: Name) -> Int { due[name] ?? 0 }
    func isApproved(_ name: Name) -> Bool { approved[name] != nil }
    var hasDue: Bool { !due.isEmpty }
    var dueNames: some Collection<Name> { due.keys }

    /// When the first hold ends.
    var nextDeadline: ContinuousClock.Instant? { held.values.min().map { $0 + policy.hold } }

    /// Says what `name` is about to lose.
    mutating func setDue(_ loss: Int, for name: Name) {
        due[name] = loss > 0 ? loss : nil
        if loss == 0 { held[name] = nil }
        guard let amount = approved[name] else { return }
        approved[name] = loss > 0 && loss <= amount ? loss : nil
    }

    /// Says that `name` has lost (or, when negative, gained) entries.
    mutating func count(_ loss: Int, of name: Name, at now: ContinuousClock.Instant) {
        guard loss != 0 else { return }
        if let amount = approved[name] {
            approved[name] = amount - loss
            return
        }
        var entry = recent[name] ?? Recent(net: 0, at: now)
        if entry.at.duration(to: now) > window { entry.net = 0 }
        entry.net += loss
        entry.at = now
        recent[name] = entry
    }

    /// Looks at all that is due.
    ///
    /// - Parameters:
    ///   - owned: the entries this installation has in the target.
    ///   - emptied: names that would lose entries because their source holds nothing any more.
    ///   - confirmed: for held names, when their sources were last read again as a whole.
    mutating func evaluate(
        owned: Int,
        emptied: Set<Name>,
        at now: ContinuousClock.Instant,
        confirmed: [Name: ContinuousClock.Instant]
    ) -> Decision {
        var decision = Decision()
        for (name, since) in held {
            guard let confirmed = confirmed[name], confirmed >= since + policy.hold else { continue }
            held[name] = nil
            approved[name] = due[name] ?? 0
            decision.released.insert(name)
        }
        let open = due.keys.filter { approved[$0] == nil }
        guard !open.isEmpty else { return decision }

        recent = recent.filter { $0.value.at.duration(to: now) <= window }
        var lost = 0
        var total = 0
        for (name, entry) in recent {
            lost += max(0, entry.net)
            if due[name] == nil { total += max(0, entry.net) }
        }
        for name in open { total += max(0, (due[name] ?? 0) + (recent[name]?.net ?? 0)) }
        let limit = max(policy.above, Int((policy.maxRemoved * Double(owned + lost)).rounded(.down)))

        for name in open {
            if total > limit || emptied.contains(name) {
                if held[name] == nil {
                    held[name] = now
                    decision.newlyHeld.insert(name)
                }
            } else if held.removeValue(forKey: name) != nil {
                decision.released.insert(name)
            }
        }
        return decision
    }
}
