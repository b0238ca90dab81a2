package import ServiceCatalog

/// A registry that entries are written to. Adapters conform; the contract suite in Tests/Contract holds them to what is
/// said here.
///
/// An adapter keeps a *mirror* of its region of the registry. What it follows and what it writes both change the mirror;
/// the engine is told that there is something new and then takes the present state, so it never acts on an older read.
package protocol Target: Sendable {
    var system: SystemName { get }

    /// The most a batch may cost.
    var batchLimit: Int { get }

    /// How many batches may be under way at once; they never concern the same service. At least 1.
    var concurrentBatches: Int { get }

    /// What `operation` counts towards ``batchLimit``; at least 1, at most ``batchLimit``.
    func cost(of operation: Operation) -> Int

    /// The form in which `registration` comes back when it is written and read. Pure and idempotent, and never drops an
    /// entry: what the registry cannot hold is shortened or left out, and reported.
    func normalise(_ registration: Registration) -> Normalised

    /// Follows the region until the task is cancelled, and calls `notify` after each change that ``takeChanges()`` can
    /// give. Failures are retried inside and reported as ``TargetChanges/condition``. Writes nothing.
    func follow(notify: @escaping @Sendable () -> Void) async

    /// What changed since it was last taken, own writes included.
    func takeChanges() -> TargetChanges

    /// Performs `operations` in order and returns a result for each.
    ///
    /// - An entry that is not as the operation expects it (``Operation/put(_:replacing:)``, ``Operation/remove(_:)``) is
    ///   left alone: `.conflict`.
    /// - Once an operation has failed, no later one of the same batch on the same service is performed.
    /// - What was performed is in the mirror before this returns.
    func apply(_ operations: [Operation]) async -> [OperationResult]
}

extension Target {
    package var concurrentBatches: Int { 1 }
}

/// A registration in a target's normal form, and what was lost on the way.
package struct Normalised: Hashable, Sendable {
    package let registration: Registration
    package let problems: [Problem]

    package init(_ registration: Registration, problems: [Problem] = []) {
        self.registration = registration
        self.problems = problems
    }
}

/// An entry as it stands in the target.
package struct ObservedEntry: Hashable, Sendable {
    package enum Holder: Hashable, Sendable {
        /// Carries this installation's mark. Without a registration the entry is damaged: it is rewritten when it is
        /// wanted. Without a mark, the owner is written in it but the rest cannot be read.
        case own(Mark?, Registration?)
        /// Someone else's: never touched. The text names the holder for a person.
        case other(String)
    }

    package let id: EntryID
    /// The service's name as the registry has it.
    package let service: String
    package let holder: Holder
    /// The registry's version of the entry; 0 where it has none.
    package let revision: UInt64

    package init(id: EntryID, service: String, holder: Holder, revision: UInt64 = 0) {
        self.id = id
        self.service = service
        self.holder = holder
        self.revision = revision
    }

    package var isOwn: Bool {
        if case .own = holder { true } else { false }
    }

    package var mark: Mark? {
        if case .own(let mark, _) = holder { mark } else { nil }
    }

    package var registration: Registration? {
        if case .own(_, let registration) = holder { registration } else { nil }
    }
}

/// What ``Target/takeChanges()`` gives.
package struct TargetChanges: Sendable {
    package enum Condition: Hashable, Sendable {
        /// The region has not been read yet.
        case unread
        /// The mirror follows the registry.
        case current
        /// The registry cannot be followed at present; the mirror is the last known state.
        case failing(TargetError)
    }

    package var condition: Condition
    /// True when ``entries`` are all there is, false when they are what differs. The first changes after reading the
    /// region are complete.
    package var isComplete: Bool
    /// By id; `nil` for entries that are gone.
    package var entries: [EntryID: ObservedEntry?]
    /// Who else registers instances under the service names of this installation, by name in lower case: all there are,
    /// or `nil` when nothing new is known of that.
    package var otherHolders: [String: [OtherHolder]]?

    package init(
        condition: Condition,
        isComplete: Bool = false,
        entries: [EntryID: ObservedEntry?] = [:],
        otherHolders: [String: [OtherHolder]]? = nil
    ) {
        self.condition = condition
        self.isComplete = isComplete
        self.entries = entries
        self.otherHolders = otherHolders
    }
}

/// Someone who registers instances under a service name that this installation registers, too. Registries have no
/// owners of names: whoever asks for one gets the instances of all.
package struct OtherHolder: Hashable, Sendable {
    /// Who, and where, for a person.
    package let description: String
    /// What the instances stand for, where another Portolan wrote them.
    package let key: ServiceKey?

    package init(description: String, key: ServiceKey? = nil) {
        self.description = description
        self.key = key
    }
}

package enum Operation: Hashable, Sendable {
    /// Writes an entry; the second value is what stands there now, `nil` for nothing.
    case put(Registration, replacing: ObservedEntry?)
    /// Removes exactly this entry.
    case remove(ObservedEntry)

    package enum Kind: String, Hashable, Sendable {
        case add
        case change
        case remove
    }

    package var id: EntryID {
        switch self {
        case .put(let registration, _): registration.id
        case .remove(let entry): entry.id
        }
    }

    package var service: String {
        switch self {
        case .put(let registration, _): registration.service
        case .remove(let entry): entry.service
        }
    }

    package var kind: Kind {
        switch self {
        case .put(_, replacing: nil): .add
        case .put: .change
        case .remove: .remove
        }
    }
}

package enum OperationResult: Hashable, Sendable {
    case done
    case failed(TargetError)
    /// Not performed because of what happened to another operation of the batch.
    case notTried
}

/// Why a target could not do what was asked.
package enum TargetError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No connection, no answer in time, or no leader.
    case unreachable(String)
    /// The registry asks to slow down.
    case throttled(String, retryAfter: Duration?)
    /// The credential is not accepted at all.
    case unauthorized(String)
    /// The credential may not do this.
    case permission(String)
    /// The region must not be written at all, as it belongs to somebody else.
    case refused(String)
    /// The answer makes no sense.
    case nonsense(String)
    /// The registry does not take this entry.
    case invalid(String)
    /// The entry is not as expected: someone else changed it meanwhile.
    case conflict(String)

    /// Whether nothing else can be expected to work either.
    package var concernsWholeTarget: Bool {
        switch self {
        case .unreachable, .throttled, .unauthorized, .refused, .nonsense: true
        case .permission, .invalid, .conflict: false
        }
    }

    /// For metrics: few and stable.
    package var label: String {
        switch self {
        case .unreachable: "unreachable"
        case .throttled: "throttled"
        case .unauthorized: "unauthorized"
        case .permission: "permission"
        case .refused: "refused"
        case .nonsense: "nonsense"
        case .invalid: "invalid"
        case .conflict: "conflict"
        }
    }

    package var description: String {
        switch self {
        case .unreachable(let text), .throttled(let text, _), .unauthorized(let text), .permission(let text),
            .refused(let text), .nonsense(let text), .invalid(let text), .conflict(let text):
            text
        }
    }
}
