package import ServiceCatalog

/// What the engine asks of the catalog. It always reads the present state, never a copy it kept.
package protocol CatalogView {
    func service(_ key: ServiceKey, in system: SystemName) -> Service?
    func freshness(of system: SystemName) -> Catalog.Freshness
    /// The keys of all services of `system`.
    func keys(in system: SystemName) -> [ServiceKey]
    func contents(of system: SystemName) -> SourceContents
}

/// How much a system holds, for the removal guard.
package enum SourceContents: Hashable, Sendable {
    case nothing
    /// Services of which none has an endpoint.
    case servicesAlone
    case endpoints
}

extension Catalog: CatalogView {
    package func freshness(of system: SystemName) -> Freshness { systems[system]?.freshness ?? .unsynced }
    package func keys(in system: SystemName) -> [ServiceKey] { systems[system].map { Array($0.services.keys) } ?? [] }
    package func contents(of system: SystemName) -> SourceContents {
        guard let state = systems[system], !state.services.isEmpty else { return .nothing }
        return state.endpointCount == 0 ? .servicesAlone : .endpoints
    }
}

extension CatalogStore: CatalogView {
    package func keys(in system: SystemName) -> [ServiceKey] { snapshot.keys(in: system) }
    package func contents(of system: SystemName) -> SourceContents { snapshot.contents(of: system) }
}

/// The decisions of all syncs that write to one target. Pure: what happened goes in with the time it happened, what to
/// do comes out of ``next(_:now:)``.
///
/// Work is kept as a set of service names that may differ between catalog and target, not as a list of events: however
/// long a target is away, what waits is bounded by the number of names, and what is written when it returns is the
/// present difference.
///
/// Batches may overlap, where the target takes several at once, but a name is in one batch at a time, and a batch that
/// removes anything is under way alone: what is removed was looked at after everything before it had been answered.
/// After the target has failed, one batch alone tries whether it is back.
///
/// A name's life: settled → dirty (its services or its entries changed) → queued (they differ) → in flight → dirty →
/// settled (they agree). A queued name whose every operation has to wait, for a hold or for a retry, is parked until a
/// moment.
package struct SyncMachine: Sendable {
    package struct Configuration: Sendable {
        package var cluster: String
        package var definitions: [SyncDefinition]
        package var guardPolicy: GuardPolicy
        /// Between attempts after the target as a whole failed.
        package var targetBackoff: Backoff
        /// Between attempts to write an entry the target refused.
        package var entryBackoff: Backoff
        package var rateLimit: RateLimit
        package var seed: UInt64

        package init(
            cluster: String,
            definitions: [SyncDefinition],
            guardPolicy: GuardPolicy = GuardPolicy(),
            targetBackoff: Backoff = Backoff(base: .milliseconds(250), cap: .seconds(30)),
            entryBackoff: Backoff = Backoff(base: .seconds(1), cap: .seconds(300)),
            rateLimit: RateLimit = RateLimit(perSecond: 20_000, burst: 20_000),
            seed: UInt64 = .random(in: .min ... .max)
        ) {
            self.cluster = cluster
            self.definitions = definitions
            self.guardPolicy = guardPolicy
            self.targetBackoff = targetBackoff
            self.entryBackoff = entryBackoff
            self.rateLimit = rateLimit
            self.seed = seed
        }
    }

    /// What to do next.
    package enum Step: Hashable, Sendable {
        /// Carry out, and tell ``applied(_:of:now:)``. While it is under way ``next(_:now:)`` may give another.
        case apply([Operation])
        /// Have the system read again as a whole, then call ``reread(_:succeeded:now:)``.
        case reread(SystemName)
        /// Nothing until something happens or the moment comes.
        case wait(until: ContinuousClock.Instant?)
    }

    /// A service name of the target, folded to lower case: registries differ on whether case tells names apart, and
    /// nobody should depend on it.
    typealias Name = String

    /// A service of the catalog as one sync sees it.
    struct Claimant: Hashable, Comparable {
        /// The index of the sync.
        let sync: Int
        let key: ServiceKey

        static func < (left: Claimant, right: Claimant) -> Bool {
            left.key == right.key ? left.sync < right.sync : left.key < right.key
        }
    }

    /// An operation on an entry that has to be spaced out.
    struct Retry {
        var backoff: Backoff
        /// A hash of what was tried, so that a changed wish is tried at once.
        var tried: Int
        var notBefore: ContinuousClock.Instant
        /// `nil` when it succeeded, and yet did not last.
        var error: TargetError?
    }

    struct Change {
        let observedAt: ContinuousClock.Instant
        let sync: Int
        var wrote = false
    }

    let configuration: Configuration
    let target: any Target
    let projectors: [Projector]
    let sourceCount: Int
    var generator: SplitMix64

    // What the catalog says.
    var names: [Claimant: [Name]] = [:]
    var claims: [Name: Set<Claimant>] = [:]
    var synced: Set<SystemName> = []

    // What the target holds.
    var condition: TargetChanges.Condition = .unread
    var isTargetKnown = false
    var entries: [EntryID: ObservedEntry] = [:]
    var entriesByName: [Name: Set<EntryID>] = [:]
    var otherHolders: [Name: [OtherHolder]] = [:]
    var ownedCount = 0
    var ownedBySystem: [SystemName: Int] = [:]

    // What is to be done.
    var dirty = NameQueue()
    var queue = NameQueue()
    var parked: [Name: ContinuousClock.Instant] = [:]
    /// By a name that nothing of its service stands under yet: the names its service is leaving.
    var moves: [Name: Set<Name>] = [:]
    var removalGuard: RemovalGuard
    /// Names that have agreed once with something standing there. What they gain later may stand for what they lose; the
    /// first writing of a service stands for nothing.
    var established: Set<Name> = []
    var inFlight: [[Operation]] = []
    var namesInFlight: Set<Name> = []
    /// What the catalog wants under the names of the last batch, so that a service of many instances is projected
    /// once and not with every batch.
    var wishes: [Name: Wish] = [:]
    var isWithdrawing = false
    var retries: [EntryID: Retry] = [:]
    var lastWrites: [EntryID: (hash: Int, at: ContinuousClock.Instant)] = [:]
    var targetBackoff: Backoff
    /// Since the target failed as a whole: when it may be tried again, with one batch alone.
    var blockedUntil: ContinuousClock.Instant?
    /// The batches under way that were sent before it failed.
    var stragglers = 0
    var rateLimit: RateLimit
    /// Systems to be read again because of a hold.
    var rereadsDue: Set<SystemName> = []
    var rereadsUnderWay: Set<SystemName> = []
    /// When a system was last read again, and before when it shall not be.
    var rereadAt: [SystemName: ContinuousClock.Instant] = [:]
    var rereadNotBefore: [SystemName: ContinuousClock.Instant] = [:]

    // What is told.
    var problems: [Name: [Problem]] = [:]
    var lastError: TargetError?
    var changes: [Name: Change] = [:]
    var hasAgreed = false
    package internal(set) var events: [SyncEvent] = []

    package init(target: any Target, configuration: Configuration) {
        self.target = target
        self.configuration = configuration
        projectors = configuration.definitions.map { definition in
            Projector(definition: definition, cluster: configuration.cluster) { target.normalise($0) }
        }
        sourceCount = Set(configuration.definitions.map(\.from)).count
        generator = SplitMix64(seed: configuration.seed)
        removalGuard = RemovalGuard(policy: configuration.guardPolicy)
        targetBackoff = configuration.targetBackoff
        rateLimit = configuration.rateLimit
    }

    /// Takes the events that have gathered.
    package mutating func takeEvents() -> [SyncEvent] {
        defer { events.removeAll(keepingCapacity: true) }
        return events
    }

    static func fold(_ service: String) -> Name { service.lowercased() }
}

/// What the machine has to tell, for metrics and logs.
package enum SyncEvent: Hashable, Sendable {
    case operation(sync: String, Operation.Kind, result: String)
    /// All sources are complete and the target holds what they want; after each time that was not so.
    case agreed(owned: Int)
    /// From the moment a change was seen to its acknowledgement by the target.
    case propagated(sync: String, Duration)
    /// Removals are held back: how many entries, of which systems, of how many owned.
    case held(entries: Int, systems: [SystemName], owned: Int)
    case released(names: Int)
    case targetFailed(TargetError)
    case targetRecovered
    /// Found for a name for the first time, and the services it is about.
    case problem(Problem, [Subject])

    /// A service in its system.
    package struct Subject: Hashable, Sendable {
        package let system: SystemName
        package let key: ServiceKey
    }
}
