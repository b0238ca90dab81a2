import HTTPTransport
import KubernetesObjects
import KubernetesScripts
import Testing

@testable import KubernetesClient

/// The machine without a network: events in, decisions out. Every random choice is the lowest.
@Suite struct ListWatchMachineTests {
    typealias Machine = ListWatchMachine
    typealias Decision = ListWatchMachine.Decision

    private let start = ContinuousClock.now

    private func machine(streams: Bool = false, encoding: ObjectEncoding = .protobuf) -> Machine {
        var settings = Machine.Settings()
        settings.streamsLists = streams
        settings.watchSeconds = 300...300
        return Machine(
            scope: CollectionScope(.services),
            settings: settings,
            encoding: encoding,
            random: FixedRandom()
        )
    }

    /// A machine whose list is complete at version 10 and whose watch is open since `start`.
    private func watching(heard: Bool = true) -> Machine {
        var machine = machine()
        _ = machine.start()
        _ = machine.listed(version: "10", token: "", at: start)
        _ = machine.opened(at: start)
        if heard { _ = machine.received(.bookmark(version: "10", endsInitialEvents: false), at: start) }
        return machine
    }

    private static let firstPage = Machine.Step.read(.page(limit: 500, continueToken: ""))
    private static let streamedList = Machine.Step.read(.streamedList(seconds: 300))
    private static func watch(_ version: String) -> Machine.Step { .read(.watch(after: version, seconds: 300)) }

    private static func status(_ code: Int, _ reason: String = "", retryAfter: Int? = nil) -> KubernetesStatus {
        KubernetesStatus(code: code, reason: reason, message: "m", retryAfterSeconds: retryAfter)
    }

    private static func broken(_ reason: HTTPError.Reason) -> HTTPError {
        HTTPError(reason, method: .get, url: "https://h", detail: "d")
    }

    private static let forbidden = Trouble.forbidden(
        Permission(verb: "list", group: "", resource: "services", namespace: nil)
    )

    // MARK: The good way

    @Test("pages are read to the last, then the list is handed over and watched from its version")
    func pages() {
        var machine = machine()
        #expect(machine.start() == Decision([], Self.firstPage))
        #expect(
            machine.listed(version: "10", token: "t1", at: start)
                == Decision([], .read(.page(limit: 500, continueToken: "t1")))
        )
        #expect(machine.listed(version: "10", token: "", at: start) == Decision([.commit], Self.watch("10")))
    }

    @Test("pages of two moments are given up for one whole list")
    func pagesOfTwoMoments() {
        var machine = machine()
        _ = machine.start()
        _ = machine.listed(version: "10", token: "t1", at: start)
        let whole = Machine.Step.read(.page(limit: nil, continueToken: ""))
        #expect(
            machine.listed(version: "12", token: "", at: start)
                == Decision([.discard, .restarted(.expired)], whole)
        )
        #expect(machine.listed(version: "13", token: "", at: start) == Decision([.commit], Self.watch("13")))
    }

    @Test("a streamed list is staged until its end mark, and goes on as a watch")
    func streamedList() {
        var machine = machine(streams: true)
        #expect(machine.start() == Decision([], Self.streamedList))
        #expect(machine.opened(at: start) == [])
        #expect(machine.received(.changed(version: "3"), at: start) == .init(.stage))
        #expect(machine.received(.bookmark(version: "9", endsInitialEvents: false), at: start) == .init(.none))
        #expect(
            machine.received(.bookmark(version: "10", endsInitialEvents: true), at: start) == .init(.none, [.commit])
        )
        #expect(machine.received(.changed(version: "11"), at: start) == .init(.deliver))
        #expect(machine.ended(at: start + .seconds(300)) == Decision([.restarted(.ended)], Self.watch("11")))
    }

    @Test("a watch goes on from the last version heard of, be it of an event or a bookmark")
    func resume() {
        var machine = watching()
        #expect(machine.received(.changed(version: "12"), at: start) == .init(.deliver))
        #expect(machine.ended(at: start + .seconds(1)) == Decision([.restarted(.ended)], Self.watch("12")))
        _ = machine.opened(at: start)
        #expect(machine.received(.bookmark(version: "40", endsInitialEvents: false), at: start) == .init(.none))
        // An object whose version could not be read does not lose the place.
        #expect(machine.received(.changed(version: ""), at: start) == .init(.deliver))
        #expect(machine.ended(at: start + .seconds(1)) == Decision([.restarted(.ended)], Self.watch("40")))
    }

    @Test("watches last 290 to 600 seconds, drawn anew each time")
    func watchSeconds() {
        var machine = Machine(scope: CollectionScope(.services), random: SystemRandomNumberGenerator())
        machine.streamsLists = false
        _ = machine.start()
        var decision = machine.listed(version: "10", token: "", at: start)
        var drawn: Set<Int> = []
        for _ in 0..<50 {
            guard case .read(.watch(_, let seconds)) = decision.step else { break }
            drawn.insert(seconds)
            _ = machine.opened(at: start)
            decision = machine.ended(at: start + .seconds(seconds))
        }
        #expect(drawn.count > 10)
        #expect(drawn.isSubset(of: Set(290...600)))
    }

    // MARK: Streamed lists that are not to be had

    @Test(
        "a refusal of the streamed list falls back to pages at once, and is remembered",
        arguments: [
            status(400), status(422, "Invalid"), status(500, "InternalError"), status(501), status(405),
        ]
    )
    func unsupported(status: KubernetesStatus) {
        var machine = machine(streams: true)
        _ = machine.start()
        #expect(
            machine.failed(.refused(status), at: start)
                == Decision([.discard, .restarted(.unsupported)], Self.firstPage)
        )
        _ = machine.listed(version: "10", token: "", at: start)
        _ = machine.opened(at: start)
        let expired = machine.received(.error(Self.status(410)), at: start)
        #expect(expired == .init(.none, [.restarted(.expired)], Self.firstPage))
    }

    @Test("the same refusal as an ERROR event, after some objects")
    func unsupportedEvent() {
        var machine = machine(streams: true)
        _ = machine.start()
        _ = machine.opened(at: start)
        _ = machine.received(.changed(version: "3"), at: start)
        #expect(
            machine.received(.error(Self.status(500, "InternalError")), at: start)
                == .init(.none, [.discard, .restarted(.unsupported)], Self.firstPage)
        )
    }

    @Test("a streamed list that ends or falls silent without its end mark falls back to pages")
    func unmarked() {
        var ending = machine(streams: true)
        _ = ending.start()
        _ = ending.opened(at: start)
        #expect(ending.ended(at: start) == Decision([.discard, .restarted(.ended)], Self.firstPage))

        var silent = machine(streams: true)
        _ = silent.start()
        _ = silent.opened(at: start)
        #expect(silent.silenceLimit == .seconds(30))
        #expect(
            silent.failed(.silent, at: start)
                == Decision([.discard, .restarted(.silent), .renewConnection], Self.firstPage)
        )
    }

    @Test("a server in trouble is asked for a streamed list once more, then for pages")
    func troubledStream() {
        var machine = machine(streams: true)
        _ = machine.start()
        let trouble = Self.status(504, "Timeout", retryAfter: 1)
        #expect(
            machine.failed(.refused(trouble), at: start)
                == Decision([.discard, .restarted(.server), .report(.busy(trouble))], .wait(.seconds(1)))
        )
        #expect(machine.waited() == Decision([], Self.streamedList))
        _ = machine.failed(.refused(trouble), at: start)
        #expect(machine.waited() == Decision([], Self.firstPage))
    }

    // MARK: 410

    @Test(
        "410 of a watch in any form makes a new list at once",
        arguments: [
            status(410), status(410, "Expired"), status(0, "Expired"), status(0, "Gone"), status(410, "Gone"),
        ]
    )
    func expired(status: KubernetesStatus) {
        var event = watching()
        #expect(event.received(.error(status), at: start) == .init(.none, [.restarted(.expired)], Self.firstPage))
        var answer = watching()
        #expect(answer.failed(.refused(status), at: start) == Decision([.restarted(.expired)], Self.firstPage))
    }

    @Test("a list whose watch is expired at once is not repeated at once")
    func expiredAgain() {
        var machine = watching(heard: false)
        _ = machine.failed(.refused(Self.status(410)), at: start)
        _ = machine.listed(version: "20", token: "", at: start)
        #expect(
            machine.failed(.refused(Self.status(410)), at: start)
                == Decision([.restarted(.expired)], .wait(.milliseconds(400)))
        )
        #expect(machine.waited() == Decision([], Self.firstPage))
    }

    @Test("an expired continue token is answered by one list of everything, never by pages of two moments")
    func expiredToken() {
        var machine = machine()
        _ = machine.start()
        _ = machine.listed(version: "10", token: "t1", at: start)
        let expired = KubernetesStatus(code: 410, reason: "Expired", message: "m", continueToken: "fresh")
        #expect(
            machine.failed(.refused(expired), at: start)
                == Decision([.discard, .restarted(.expired)], .read(.page(limit: nil, continueToken: "")))
        )
        // Everything at once may be slow to come; it is still that which is waited for.
        _ = machine.failed(.refused(Self.status(503)), at: start)
        #expect(machine.waited() == Decision([], .read(.page(limit: nil, continueToken: ""))))
        #expect(machine.listed(version: "20", token: "", at: start).notes == [.commit, .recovered])
    }

    // MARK: Credentials and permissions

    @Test("401 fetches a new credential for a new connection, a second one waits first")
    func unauthorized() {
        var machine = watching()
        let refusal = Self.status(401, "Unauthorized")
        let notes: [Machine.Note] = [.restarted(.unauthorized)]
        #expect(
            machine.failed(.refused(refusal), at: start)
                == Decision(notes + [.renewConnection], .refreshCredential)
        )
        #expect(machine.refreshed() == Decision([], Self.watch("10")))
        #expect(
            machine.failed(.refused(refusal), at: start)
                == Decision(notes + [.report(.unauthorized("m"))], .wait(.milliseconds(400)))
        )
        #expect(machine.waited() == Decision([.renewConnection], .refreshCredential))
        #expect(machine.refreshed() == Decision([], Self.watch("10")))
        #expect(machine.opened(at: start) == [.recovered])
        // The next 401 is a new story.
        #expect(machine.failed(.refused(refusal), at: start).step == .refreshCredential)
    }

    @Test("a credential that cannot be had is asked for again, later and later")
    func credential() {
        var machine = machine()
        _ = machine.start()
        let error = CredentialError(.pluginFailed, "d")
        let notes: [Machine.Note] = [.restarted(.credential), .report(.credential(error))]
        #expect(
            machine.failed(.credential(error), at: start)
                == Decision([.discard] + notes, .wait(.milliseconds(400)))
        )
        #expect(machine.waited() == Decision([], Self.firstPage))
        _ = machine.failed(.refused(Self.status(401)), at: start)
        #expect(machine.failed(.credential(error), at: start) == Decision(notes, .wait(.milliseconds(800))))
        #expect(machine.waited() == Decision([.renewConnection], .refreshCredential))
    }

    @Test("403 names the permission that is missing, and is tried again slowly")
    func permission() {
        var listing = machine()
        _ = listing.start()
        #expect(
            listing.failed(.refused(Self.status(403)), at: start)
                == Decision([.discard, .restarted(.forbidden), .report(Self.forbidden)], .wait(.seconds(30)))
        )
        #expect(listing.waited() == Decision([], Self.firstPage))

        let watch = Trouble.forbidden(Permission(verb: "watch", group: "", resource: "services", namespace: nil))
        var watching = watching()
        #expect(
            watching.failed(.refused(Self.status(403)), at: start)
                == Decision([.restarted(.forbidden), .report(watch)], .wait(.seconds(30)))
        )
        #expect(watching.waited() == Decision([], Self.watch("10")))
        var streaming = machine(streams: true)
        _ = streaming.start()
        #expect(streaming.failed(.refused(Self.status(403)), at: start).notes.last == .report(watch))
    }

    @Test("404 says that the resource is not served")
    func missing() {
        var machine = machine(streams: true)
        _ = machine.start()
        #expect(
            machine.failed(.refused(Self.status(404)), at: start)
                == Decision([.discard, .restarted(.missing), .report(.missing(.services))], .wait(.seconds(30)))
        )
    }

    @Test("406 falls back to JSON for good; in JSON it is a refusal")
    func encoding() {
        var machine = machine()
        _ = machine.start()
        #expect(
            machine.failed(.refused(Self.status(406)), at: start)
                == Decision([.discard, .restarted(.unsupported)], Self.firstPage)
        )
        #expect(machine.encoding == .json)
        let refusal = Self.status(406)
        #expect(machine.failed(.refused(refusal), at: start).notes.last == .report(.refused(refusal)))
    }

    // MARK: Servers and networks in trouble

    @Test(
        "an overloaded server is given the time it asks for, within bounds",
        arguments: [
            (429, nil, Machine.Step.wait(.milliseconds(400))), (429, 1, .wait(.seconds(1))),
            (503, 5, .wait(.seconds(5))),
            (504, 1, .wait(.seconds(1))), (500, nil, .wait(.milliseconds(400))), (503, 86_400, .wait(.seconds(120))),
        ] as [(Int, Int?, Machine.Step)]
    )
    func busy(code: Int, retryAfter: Int?, step: Machine.Step) {
        var machine = watching()
        let trouble = Self.status(code, retryAfter: retryAfter)
        #expect(
            machine.failed(.refused(trouble), at: start)
                == Decision([.restarted(code == 429 ? .throttled : .server), .report(.busy(trouble))], step)
        )
        #expect(machine.waited() == Decision([], Self.watch("10")))
    }

    @Test("waits double from 0.8 s to 30 s, half of each being random, and start over after a sign of life")
    func backoff() {
        var machine = machine()
        _ = machine.start()
        var waits: [Duration] = []
        for _ in 0..<8 {
            guard case .wait(let wait) = machine.failed(.transport(Self.broken(.connect)), at: start).step else {
                break
            }
            waits.append(wait * 2)
            _ = machine.waited()
        }
        #expect(waits == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30].map { Duration.milliseconds(Int($0 * 1000)) })

        _ = machine.listed(version: "10", token: "", at: start)
        _ = machine.opened(at: start)
        _ = machine.received(.changed(version: "11"), at: start)
        #expect(machine.failed(.transport(Self.broken(.connect)), at: start).step == .wait(.milliseconds(400)))

        var highest: any RandomNumberGenerator & Sendable = FixedRandom(value: .max)
        var backoff = Backoff()
        let wait = backoff.next(using: &highest)
        #expect(wait > .milliseconds(790) && wait <= .milliseconds(800))
    }

    @Test("a healthy watch that is cut goes on at once, without a word of trouble")
    func cut() {
        var machine = watching()
        #expect(
            machine.failed(.transport(Self.broken(.response)), at: start + .seconds(60))
                == Decision([.restarted(.transport)], Self.watch("10"))
        )
        // Cut again before it was of any use: now it is trouble.
        _ = machine.opened(at: start + .seconds(60))
        let error = Self.broken(.response)
        #expect(
            machine.failed(.transport(error), at: start + .seconds(61))
                == Decision([.restarted(.transport), .report(.unreachable(error))], .wait(.milliseconds(400)))
        )
    }

    @Test(
        "errors of TLS and timeouts use a new client, files read anew",
        arguments: [
            (HTTPError.Reason.tls, true), (.timeout, true), (.connect, false), (.resolve, false), (.tooLarge, false),
        ]
    )
    func renewing(reason: HTTPError.Reason, renews: Bool) {
        var machine = machine()
        _ = machine.start()
        let decision = machine.failed(.transport(Self.broken(reason)), at: start)
        #expect(decision.notes.contains(.renewConnection) == renews)
        #expect(decision.step == .wait(.milliseconds(400)))
    }

    @Test("recovery is told once, by the next whole list or open watch")
    func recovery() {
        var machine = machine()
        _ = machine.start()
        _ = machine.failed(.transport(Self.broken(.connect)), at: start)
        _ = machine.waited()
        #expect(machine.listed(version: "10", token: "", at: start).notes == [.commit, .recovered])
        #expect(machine.opened(at: start) == [])
        _ = machine.failed(.transport(Self.broken(.connect)), at: start)
        _ = machine.waited()
        #expect(machine.opened(at: start) == [.recovered])
    }

    // MARK: Watches that end, and that say nothing

    @Test("a watch that ends at once is begun again at once, the next ones later, and then it is trouble")
    func shortWatches() {
        var machine = watching(heard: false)
        let notes: [Machine.Note] = [.restarted(.ended)]
        #expect(machine.ended(at: start) == Decision(notes, Self.watch("10")))
        _ = machine.opened(at: start)
        #expect(machine.ended(at: start) == Decision(notes, .wait(.milliseconds(400))))
        _ = machine.waited()
        _ = machine.opened(at: start)
        #expect(machine.ended(at: start) == Decision(notes + [.report(.unstable)], .wait(.milliseconds(800))))
        _ = machine.waited()
        // Being let in is no recovery now; being told something is.
        #expect(machine.opened(at: start) == [])
        #expect(machine.received(.changed(version: "11"), at: start) == .init(.deliver, [.recovered]))
        #expect(machine.ended(at: start) == Decision(notes, Self.watch("11")))
    }

    @Test("a quiet watch that lasted is no short one")
    func quietWatch() {
        var machine = watching(heard: false)
        var now = start
        for _ in 0..<5 {
            now += .seconds(300)
            #expect(machine.ended(at: now) == Decision([.restarted(.ended)], Self.watch("10")))
            _ = machine.opened(at: now)
        }
    }

    @Test("a silent watch goes on over a new connection; silent again, the list is read anew")
    func silence() {
        var machine = watching()
        #expect(machine.silenceLimit == .seconds(90))
        let notes: [Machine.Note] = [.restarted(.silent), .renewConnection]
        #expect(machine.failed(.silent, at: start + .seconds(90)) == Decision(notes, Self.watch("10")))
        #expect(machine.silenceLimit == .seconds(30))
        _ = machine.opened(at: start + .seconds(90))
        #expect(machine.failed(.silent, at: start + .seconds(180)) == Decision(notes, Self.firstPage))
        // What was known stays until that list is whole: an outage of the storage only makes it fail.
        let outage = Self.status(504, "Timeout")
        #expect(
            machine.failed(.refused(outage), at: start + .seconds(240)).notes
                == [.discard, .restarted(.server), .report(.busy(outage))]
        )
    }

    @Test("bookmarks keep a quiet watch from counting as silent")
    func bookmarks() {
        var machine = watching()
        _ = machine.failed(.silent, at: start + .seconds(90))
        _ = machine.opened(at: start + .seconds(90))
        _ = machine.received(.bookmark(version: "12", endsInitialEvents: false), at: start + .seconds(150))
        #expect(machine.failed(.silent, at: start + .seconds(240)).step == Self.watch("12"))
    }

    @Test("a request that is not answered at all is trouble")
    func unanswered() {
        var machine = watching()
        _ = machine.ended(at: start)
        #expect(
            machine.failed(.silent, at: start)
                == Decision([.restarted(.silent), .renewConnection, .report(.unanswered)], .wait(.milliseconds(400)))
        )
    }

    // MARK: Nonsense

    @Test("a watch that cannot be read is not repeated: a list reads around it")
    func unreadable() {
        var machine = watching()
        #expect(
            machine.failed(.unreadable("x"), at: start)
                == Decision([.restarted(.unreadable), .report(.unreadable("x"))], .wait(.milliseconds(400)))
        )
        #expect(machine.waited() == Decision([], Self.firstPage))
    }

    @Test(
        "lists that make no sense are read again later",
        arguments: [
            ("", ""), ("10", "same"),
        ]
    )
    func absurdLists(version: String, token: String) {
        var machine = machine()
        _ = machine.start()
        if !token.isEmpty { _ = machine.listed(version: version, token: token, at: start) }
        let decision = machine.listed(version: version, token: token, at: start)
        #expect(decision.notes.prefix(2) == [.discard, .restarted(.unreadable)])
        #expect(decision.step == .wait(.milliseconds(400)))
    }

    @Test("a refused request is reported as such, and tried again slowly and from the start")
    func refused() {
        var machine = watching()
        let refusal = Self.status(400, "BadRequest")
        #expect(
            machine.failed(.refused(refusal), at: start)
                == Decision([.restarted(.refused), .report(.refused(refusal))], .wait(.seconds(30)))
        )
        #expect(machine.waited() == Decision([], Self.firstPage))
    }
}
