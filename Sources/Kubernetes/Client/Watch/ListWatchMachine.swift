package import KubernetesObjects

/// Decides how a collection is listed, watched and kept current. It does no I/O: each event returns what to do next.
///
/// A driver takes the notes of a decision in order, then its step, whose outcome is the next event. Objects do not pass
/// through the machine; it only says whether they are staged for a snapshot or delivered as changes, so that a new list
/// replaces the old one atomically and nobody ever sees an empty world in between.
package struct ListWatchMachine: Sendable {
    package typealias Instant = ContinuousClock.Instant
    package typealias Reading = CollectionScope.Reading

    package struct Settings: Sendable {
        package var pageSize = 500
        /// The server ends a watch after as many seconds; drawn anew each time, so that watches do not end together.
        package var watchSeconds = 290...600
        /// How long the head of an answer may take.
        package var answerLimit = Duration.seconds(30)
        /// How long a streamed list may pause before its end is marked. Servers wait up to 3 s for their cache. Not
        /// less than ``answerLimit``.
        package var streamedListSilence = Duration.seconds(30)
        /// How long a watch may be silent. Servers send a bookmark about once a minute. Not less than
        /// ``streamedListSilence``.
        package var watchSilence = Duration.seconds(90)
        /// A watch that ends sooner, having said nothing, does not count as one.
        package var shortWatch = Duration.seconds(5)
        /// Between attempts where only a person can help: a missing permission, a missing resource.
        package var slowRetry = Duration.seconds(30)
        /// The longest `Retry-After` that is honoured.
        package var longestRetryAfter = Duration.seconds(120)
        /// Whether to ask for a streamed list first.
        package var streamsLists = true

        package init() {}
    }

    /// What to do now: take the notes in order, then the step.
    package struct Decision: Hashable, Sendable {
        package var notes: [Note]
        package var step: Step

        package init(_ notes: [Note] = [], _ step: Step) {
            self.notes = notes
            self.step = step
        }
    }

    package enum Note: Hashable, Sendable {
        /// Forget what has been staged.
        case discard
        /// What has been staged is everything there is: hand it over as a snapshot.
        case commit
        /// The present state is out of reach. Repeated with each failed attempt.
        case report(Trouble)
        /// What was delivered is the present state again.
        case recovered
        case restarted(RestartReason)
        /// Make the next request on a new connection.
        case renewConnection
    }

    package enum Step: Hashable, Sendable {
        /// Then the events of the answer.
        case read(Reading)
        /// Then ``ListWatchMachine/waited()``.
        case wait(Duration)
        /// Then ``ListWatchMachine/refreshed()``, or ``ListWatchMachine/failed(_:at:)``.
        case refreshCredential
    }

    /// An event of a watch, as far as it matters here.
    package enum Signal: Hashable, Sendable {
        case changed(version: String)
        case bookmark(version: String, endsInitialEvents: Bool)
        case error(KubernetesStatus)
    }

    /// What to do with an event of a watch: take care of its object, then of the notes. With a step, this answer is
    /// read no further.
    package struct Reception: Hashable, Sendable {
        package enum Use: Hashable, Sendable {
            case none
            /// Keep the object for the snapshot under way.
            case stage
            /// Deliver the object as a change.
            case deliver
        }

        package var use: Use
        package var notes: [Note]
        package var step: Step?

        package init(_ use: Use, _ notes: [Note] = [], _ step: Step? = nil) {
            self.use = use
            self.notes = notes
            self.step = step
        }
    }

    enum State {
        /// → streaming or listing (start)
        case idle
        /// A streamed list, until its end is marked.
        /// → watching (end mark), listing (not offered, ended or silent too soon), refreshing (401),
        ///   waiting (failure)
        case streaming(isOpen: Bool)
        /// A paged list.
        /// → listing (next page; everything at once when the continue token has expired or a page is of another
        ///   moment), watching (last page), refreshing (401), waiting (failure)
        case listing(limit: Int?, page: Page?)
        /// → watching (ended, broken, silent once), streaming or listing (expired, unreadable, silent twice),
        ///   refreshing (401), waiting (failure)
        case watching(Watching)
        /// The credential was refused. → streaming, listing or watching (refreshed), waiting (no new credential)
        case refreshing(then: Goal)
        /// → streaming, listing or watching (waited), refreshing (waited after a 401)
        case waiting(then: Goal)
    }

    /// The page that was read last.
    struct Page: Hashable {
        let version: String
        /// For the next one.
        let token: String
    }

    struct Watching {
        var version: String
        /// When the answer began; `nil` until then.
        var opened: Instant?
        var hasHeard = false
    }

    /// What an interrupted attempt was after.
    enum Goal: Hashable {
        case list
        /// A list in one answer, because pages would outlive their version.
        case listWhole
        case watch(after: String)
    }

    package let scope: CollectionScope
    /// The encoding to ask for; JSON once the server has refused protobuf.
    package internal(set) var encoding: ObjectEncoding

    let settings: Settings
    var state = State.idle
    var random: any RandomNumberGenerator & Sendable
    var backoff = Backoff()
    /// False once the server has turned out not to offer it.
    var streamsLists: Bool
    /// Failures of streamed lists in a row.
    var failedStreams = 0
    /// Lists in a row that a 410 of the watch after them made useless.
    var fruitlessLists = 0
    /// 401 answers in a row.
    var refusals = 0
    /// Silent watches in a row.
    var silences = 0
    /// Watches in a row that ended as soon as they began.
    var shortWatches = 0
    /// Whether the last word to the outside was ``Note/report(_:)``.
    var isTroubled = false

    package init(
        scope: CollectionScope,
        settings: Settings = Settings(),
        encoding: ObjectEncoding = .protobuf,
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.scope = scope
        self.settings = settings
        self.encoding = encoding
        self.random = random
        streamsLists = settings.streamsLists
    }

    /// How long the answer being read may be silent before ``failed(_:at:)`` is called with ``APIFailure/silent``.
    package var silenceLimit: Duration {
        switch state {
        case .streaming(isOpen: true): settings.streamedListSilence
        case .watching(let watching) where watching.opened != nil: settings.watchSilence
        default: settings.answerLimit
        }
    }
}

// MARK: - Events

extension ListWatchMachine {
    package mutating func start() -> Decision { Decision([], begin(.list)) }

    /// A page arrived whole.
    ///
    /// - Parameter token: the continue token, empty on the last page.
    package mutating func listed(version: String, token: String, at now: Instant) -> Decision {
        guard case .listing(let limit, let previous) = state else { preconditionFailure("no page was asked for") }
        refusals = 0
        if let previous, previous.version != version {
            // What changed between the two would be in neither the list nor the watch after it.
            return Decision([.discard, .restarted(.expired)], begin(.listWhole))
        }
        guard !token.isEmpty else {
            guard !version.isEmpty else { return failed(.unreadable("a list without resourceVersion"), at: now) }
            return Decision([.commit] + recovery(), begin(.watch(after: version)))
        }
        guard token != previous?.token else { return failed(.unreadable("a list that does not advance"), at: now) }
        state = .listing(limit: limit, page: Page(version: version, token: token))
        return Decision([], .read(.page(limit: limit, continueToken: token)))
    }

    /// A watch or streamed list was answered with 200. Reading goes on.
    package mutating func opened(at now: Instant) -> [Note] {
        refusals = 0
        switch state {
        case .streaming:
            state = .streaming(isOpen: true)
            return []
        case .watching(var watching):
            watching.opened = now
            state = .watching(watching)
            // A server that lets every watch die at once is not back yet.
            return shortWatches < 2 ? recovery() : []
        case .idle, .listing, .refreshing, .waiting:
            preconditionFailure("no watch was asked for")
        }
    }

    package mutating func received(_ signal: Signal, at now: Instant) -> Reception {
        switch (state, signal) {
        case (_, .error(let status)):
            let decision = failed(.refused(status), at: now)
            return Reception(.none, decision.notes, decision.step)
        case (.streaming, .changed):
            return Reception(.stage)
        case (.streaming, .bookmark(let version, true)):
            state = .watching(Watching(version: version, opened: now))
            failedStreams = 0
            return Reception(.none, [.commit] + recovery())
        case (.streaming, .bookmark):
            return Reception(.none)
        case (.watching(let watching), .changed(let version)):
            return heard(version, on: watching, use: .deliver)
        case (.watching(let watching), .bookmark(let version, _)):
            return heard(version, on: watching, use: .none)
        case (.idle, _), (.listing, _), (.refreshing, _), (.waiting, _):
            preconditionFailure("no watch was asked for")
        }
    }

    private mutating func heard(_ version: String, on watching: Watching, use: Reception.Use) -> Reception {
        var watching = watching
        if !watching.hasHeard {
            watching.hasHeard = true
            noteLife()
        }
        if !version.isEmpty { watching.version = version }
        state = .watching(watching)
        return Reception(use, recovery())
    }

    /// The answer ended cleanly.
    package mutating func ended(at now: Instant) -> Decision {
        switch state {
        case .streaming:
            // The end mark never came: this server does not know streamed lists, or is going down.
            streamsLists = false
            return Decision([.discard, .restarted(.ended)], begin(.list))
        case .watching(let watching):
            let goal = Goal.watch(after: watching.version)
            noteAge(of: watching, at: now)
            if !watching.hasHeard, !isOld(watching, at: now) { shortWatches += 1 }
            switch shortWatches {
            case 0, 1: return Decision([.restarted(.ended)], begin(goal))
            case 2: return Decision([.restarted(.ended)], wait(then: goal))
            default: return Decision([.restarted(.ended), report(.unstable)], wait(then: goal))
            }
        case .idle, .listing, .refreshing, .waiting:
            preconditionFailure("no watch was asked for")
        }
    }

    package mutating func waited() -> Decision {
        guard case .waiting(let goal) = state else { preconditionFailure("nothing was waited for") }
        return refusals == 0 ? Decision([], begin(goal)) : Decision([.renewConnection], refresh(then: goal))
    }

    /// The credential was fetched anew.
    package mutating func refreshed() -> Decision {
        guard case .refreshing(let goal) = state else { preconditionFailure("no credential was asked for") }
        return Decision([], begin(goal))
    }
}

// MARK: - Steps

extension ListWatchMachine {
    mutating func begin(_ goal: Goal) -> Step {
        switch goal {
        case .list where streamsLists:
            state = .streaming(isOpen: false)
            return .read(.streamedList(seconds: drawWatchSeconds()))
        case .list, .listWhole:
            let limit = goal == .list ? settings.pageSize : nil
            state = .listing(limit: limit, page: nil)
            return .read(.page(limit: limit, continueToken: ""))
        case .watch(let version):
            state = .watching(Watching(version: version))
            return .read(.watch(after: version, seconds: drawWatchSeconds()))
        }
    }

    private mutating func drawWatchSeconds() -> Int {
        settings.watchSeconds.lowerBound + Int(Double(settings.watchSeconds.count) * fraction(using: &random))
    }

    mutating func refresh(then goal: Goal) -> Step {
        state = .refreshing(then: goal)
        return .refreshCredential
    }

    mutating func wait(then goal: Goal, atLeast: Duration = .zero) -> Step {
        state = .waiting(then: goal)
        return .wait(max(backoff.next(using: &random), atLeast))
    }

    /// Waits where only a person can help.
    mutating func waitSlowly(then goal: Goal) -> Step {
        state = .waiting(then: goal)
        return .wait(settings.slowRetry * (1 + fraction(using: &random) / 2))
    }

    mutating func report(_ trouble: Trouble) -> Note {
        isTroubled = true
        return .report(trouble)
    }

    mutating func recovery() -> [Note] {
        guard isTroubled else { return [] }
        isTroubled = false
        return [.recovered]
    }
}

// MARK: - Signs of life

extension ListWatchMachine {
    /// Something was heard from a watch: the server is well.
    private mutating func noteLife() {
        backoff.reset()
        fruitlessLists = 0
        silences = 0
        shortWatches = 0
    }

    /// A watch that stayed open for a while is a sign of life too, though it says nothing of dead connections.
    mutating func noteAge(of watching: Watching, at now: Instant) {
        guard isOld(watching, at: now) else { return }
        backoff.reset()
        fruitlessLists = 0
        shortWatches = 0
    }

    func isOld(_ watching: Watching, at now: Instant) -> Bool {
        watching.opened.map { now - $0 >= settings.shortWatch } ?? false
    }
}
