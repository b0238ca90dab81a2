internal import ServiceCatalog
internal import SyncEngine

/// A system as the bridge uses it, whatever its kind.
struct ConnectedSystem: Sendable {
    /// What the configuration asks of a system, and whether it stands.
    struct Finding: Sendable, Equatable {
        enum Level: Sendable {
            case fine
            /// Works, with a caveat.
            case warning
            case denied
            case failure
        }

        let level: Level
        let text: String

        init(_ level: Level, _ text: String) {
            self.level = level
            self.text = text
        }
    }

    let source: any CatalogSource
    /// Makes the system as a target, for one driver: a target tells what it holds once, and then only what changes.
    /// `nil` for systems that are only read.
    let makeTarget: (@Sendable () -> any Target)?
    /// What is wrong with the system's objects, a sentence each.
    let problems: @Sendable () async -> [String]
    /// Why the system has not been read yet, where that is known.
    let failure: @Sendable () async -> String?
    /// What the system's objects say of a service, a line each.
    let explain: @Sendable (ServiceKey) async -> [String]
    /// Reads everything once; throws what stands in the way, for a person.
    let list: @Sendable () async throws(CommandFailure) -> [Service]
    /// Reads the system as a whole once more, and returns whether the catalog then holds the outcome; false also when
    /// what was read cannot be believed.
    let reread: @Sendable () async -> Bool
    /// Tells whoever looks at a service in its system what has become of it elsewhere.
    let report: @Sendable (Problem, ServiceKey) -> Void
    /// Tries everything the configuration needs, writing nothing.
    let check: @Sendable (_ isTarget: Bool) async -> [Finding]

    init(
        source: any CatalogSource,
        makeTarget: (@Sendable () -> any Target)? = nil,
        problems: @escaping @Sendable () async -> [String] = { [] },
        failure: @escaping @Sendable () async -> String? = { nil },
        explain: @escaping @Sendable (ServiceKey) async -> [String] = { _ in [] },
        list: @escaping @Sendable () async throws(CommandFailure) -> [Service],
        reread: @escaping @Sendable () async -> Bool,
        report: @escaping @Sendable (Problem, ServiceKey) -> Void = { _, _ in },
        check: @escaping @Sendable (_ isTarget: Bool) async -> [Finding]
    ) {
        self.source = source
        self.makeTarget = makeTarget
        self.problems = problems
        self.failure = failure
        self.explain = explain
        self.list = list
        self.reread = reread
        self.report = report
        self.check = check
    }
}
