import HTTPTransport
import KubernetesObjects

extension ListWatchMachine {
    /// The answer could not be had, or broke off; or no new credential could be had.
    package mutating func failed(_ failure: APIFailure, at now: Instant) -> Decision {
        let goal: Goal
        var staged: [Note] = []
        switch state {
        case .idle: preconditionFailure("nothing was asked for")
        case .streaming:
            goal = .list
            staged = [.discard]
        case .listing(let limit, _):
            goal = limit == nil ? .listWhole : .list
            staged = [.discard]
        case .watching(let watching):
            noteAge(of: watching, at: now)
            goal = .watch(after: watching.version)
        case .refreshing(let then), .waiting(let then):
            goal = then
        }
        if !failure.concernsCredential { refusals = 0 }
        var decision = decide(failure, goal, at: now)
        decision.notes = staged + decision.notes
        return decision
    }

    private mutating func decide(_ failure: APIFailure, _ goal: Goal, at now: Instant) -> Decision {
        switch failure {
        case .refused(let status):
            return refused(status, goal)
        case .silent:
            return fellSilent(goal)
        case .transport(let error):
            return broke(error, goal, at: now)
        case .credential(let error):
            return Decision([.restarted(.credential), report(.credential(error))], wait(then: goal))
        case .unreadable(let what):
            // A watch could only repeat what cannot be read; a list reads around it.
            return Decision([.restarted(.unreadable), report(.unreadable(what))], wait(then: goal.beginningAnew))
        }
    }

    private mutating func refused(_ status: KubernetesStatus, _ goal: Goal) -> Decision {
        switch status.code {
        case _ where status.isExpired:
            return expired(status, goal)
        case 401:
            refusals += 1
            guard refusals > 1 else {
                return Decision([.restarted(.unauthorized), .renewConnection], refresh(then: goal))
            }
            return Decision([.restarted(.unauthorized), report(.unauthorized(status.message))], wait(then: goal))
        case 403:
            let verb = isStreaming || goal.isWatch ? "watch" : "list"
            return Decision(
                [.restarted(.forbidden), report(.forbidden(scope.permission(verb), account: status.account))],
                waitSlowly(then: goal)
            )
        case 404:
            return Decision([.restarted(.missing), report(.missing(scope.resource))], waitSlowly(then: goal))
        case 406 where encoding == .protobuf:
            encoding = .json
            return Decision([.restarted(.unsupported)], begin(goal))
        case _ where isStreaming && [400, 405, 422, 500, 501].contains(status.code):
            streamsLists = false
            return Decision([.restarted(.unsupported)], begin(.list))
        case 429:
            return busy(status, goal, .throttled)
        case 500...:
            return busy(status, goal, .server)
        default:
            // What is refused may be the version to go on from.
            return Decision([.restarted(.refused), report(.refused(status))], waitSlowly(then: goal.beginningAnew))
        }
    }

    private mutating func expired(_ status: KubernetesStatus, _ goal: Goal) -> Decision {
        if case .listing(_, _?) = state {
            // The fresh token in the answer would join pages of two moments into one list.
            return Decision([.restarted(.expired)], begin(.listWhole))
        }
        guard goal.isWatch else { return busy(status, goal, .expired) }
        fruitlessLists += 1
        return Decision([.restarted(.expired)], fruitlessLists == 1 ? begin(.list) : wait(then: .list))
    }

    private mutating func busy(_ status: KubernetesStatus, _ goal: Goal, _ reason: RestartReason) -> Decision {
        noteFailedStream()
        let asked = Duration.seconds(status.retryAfterSeconds ?? 0)
        return Decision(
            [.restarted(reason), report(.busy(status))],
            wait(then: goal, atLeast: min(asked, settings.longestRetryAfter))
        )
    }

    private mutating func broke(_ error: HTTPError, _ goal: Goal, at now: Instant) -> Decision {
        if case .watching(let watching) = state, error.reason == .response, isOld(watching, at: now) {
            // A load balancer, or a server that went away, cut a healthy watch: no reason to wait.
            return Decision([.restarted(.transport)], begin(goal))
        }
        noteFailedStream()
        let notes: [Note] = [.restarted(.transport), report(.unreachable(error))]
        switch error.reason {
        case .request:
            // A certificate or key that cannot be read may be readable later, to a new connection.
            return Decision(notes + [.renewConnection], waitSlowly(then: goal))
        case .tls, .timeout:
            return Decision(notes + [.renewConnection], wait(then: goal))
        case .resolve, .connect, .response, .tooLarge, .cancelled:
            return Decision(notes, wait(then: goal))
        }
    }

    private mutating func fellSilent(_ goal: Goal) -> Decision {
        let notes: [Note] = [.restarted(.silent), .renewConnection]
        switch state {
        case .streaming(isOpen: true):
            streamsLists = false
            return Decision(notes, begin(.list))
        case .watching(let watching) where watching.opened != nil:
            // The connection may be dead, or the storage behind the server away. Going on costs nothing and loses
            // nothing; should that be silent too, a list tells for certain.
            silences += 1
            guard silences > 1 else { return Decision(notes, begin(goal)) }
            silences = 0
            return Decision(notes, begin(.list))
        default:
            noteFailedStream()
            return Decision(notes + [report(.unanswered)], wait(then: goal))
        }
    }

    private var isStreaming: Bool { if case .streaming = state { true } else { false } }

    /// A streamed list that fails twice in a row is given up, whatever the reasons: pages ask less of servers and of
    /// proxies on the way.
    private mutating func noteFailedStream() {
        guard isStreaming else { return }
        failedStreams += 1
        if failedStreams > 1 { streamsLists = false }
    }
}

extension ListWatchMachine.Goal {
    fileprivate var isWatch: Bool { if case .watch = self { true } else { false } }
    fileprivate var beginningAnew: Self { isWatch ? .list : self }
}

extension APIFailure {
    fileprivate var concernsCredential: Bool {
        switch self {
        case .refused(let status): status.code == 401
        case .credential: true
        case .transport, .silent, .unreadable: false
        }
    }
}

extension KubernetesStatus {
    /// 410 in any of its forms: only the code, or only a reason, is common to all of them.
    package var isExpired: Bool { code == 410 || reason == "Expired" || reason == "Gone" }

    /// Who a 403 speaks of: `… is forbidden: User "jane" cannot list …`.
    fileprivate var account: String? {
        let parts = message.split(separator: "\"", omittingEmptySubsequences: false)
        guard let index = parts.firstIndex(where: { $0.hasSuffix("User ") }), index + 2 < parts.count else {
            return nil
        }
        return String(parts[index + 1])
    }
}
