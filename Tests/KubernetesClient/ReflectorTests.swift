import HTTPTransport
import KubernetesObjects
import KubernetesScripts
import Synchronization
import Testing

@testable import KubernetesClient

/// The driver against a scripted server: what is asked, what is told, and when.
@Suite(.timeLimit(.minutes(5))) struct ReflectorTests {
    private static let page = "GET /api/v1/services?limit=500"
    private static func watch(_ version: Int) -> String {
        "GET /api/v1/services?watch=true&resourceVersion=\(version)&allowWatchBookmarks=true&timeoutSeconds=300"
    }

    // Fixture names as paths of the recorded server.
    private static func recorded(_ name: String) throws -> ScriptedServer.Reply {
        .response(try RecordedExchange(name).response)
    }

    // MARK: Listing and following

    @Test("pages become one snapshot, and its version is watched", arguments: ["json", "proto"])
    func pages(encoding: String) async throws {
        let watch = ScriptedStream()
        let harness = ReflectorHarness([
            try Self.recorded("lists/page-1.\(encoding)"), try Self.recorded("lists/page-2.\(encoding)"),
            .stream(watch),
        ])
        let updates = await harness.next()
        #expect(updates.first?.split(separator: " ").count == 8)
        #expect(updates.first?.contains("page-0@") == true)
        await harness.server.requests(reach: 3)
        #expect(harness.server.targets[1].hasPrefix("GET /api/v1/services?limit=500&continue=eyJ2"))
        #expect(harness.server.targets[2] == Self.watch(333))
        await harness.stop()
    }

    @Test(
        "a recorded watch is followed in either encoding, however its bytes are cut",
        arguments: [
            ("watch/services.json", []), ("watch/services.json", [1, 100, 869, 2]), ("watch/services.proto", []),
            ("watch/services.proto", [2, 3, 700]), ("watch/services.plain-protobuf-accept", [573, 576]),
        ] as [(String, [Int])]
    )
    func recordedWatch(name: String, sizes: [Int]) async throws {
        let watch = ScriptedStream(try RecordedExchange(name), pieces: sizes)
        watch.end()
        let harness = ReflectorHarness([.response(Body.list([("w1", 290)], version: 292)), .stream(watch)])
        #expect(await harness.next() == ["snapshot w1@290"])
        var changes: [Substring] = []
        while let update = await harness.next().first, update != "restarted ended" {
            if update != "confirmed" { changes += update.split(separator: " ").dropFirst() }
        }
        #expect(changes == ["+w2@293", "+w2@295", "+w1@297", "+w1@298", "-w2@301"])
        await harness.server.requests(reach: 3)
        #expect(harness.server.targets[2] == Self.watch(301))
        await harness.stop()
    }

    @Test("changes that arrive together are told together")
    func batches() async {
        let watch = ScriptedStream()
        let harness = ReflectorHarness([.response(Body.list([], version: 1)), .stream(watch)])
        #expect(await harness.next() == ["snapshot "])
        watch.send(Body.event("ADDED", "a", 2) + Body.event("ADDED", "b", 3) + Body.bookmark(4))
        #expect(await harness.next() == ["changes +a@2 +b@3"])
        watch.send(Body.event("MODIFIED", "a", 5))
        #expect(await harness.next() == ["changes +a@5"])
        watch.send(Body.bookmark(6))
        #expect(await harness.next() == ["confirmed"])
        await harness.stop()
    }

    @Test("a streamed list is one snapshot, then live, in either encoding", arguments: ["json", "proto"])
    func streamedList(encoding: String) async throws {
        let stream = ScriptedStream(try RecordedExchange("watch/streaming-list.services.\(encoding)"), pieces: [700])
        let harness = ReflectorHarness([.stream(stream)], streams: true)
        #expect(await harness.next(2) == ["snapshot w1@298 w3@306 w4@308", "changes +w5@310"])
        stream.end()
        #expect(await harness.next() == ["restarted ended"])
        await harness.server.requests(reach: 2)
        #expect(harness.server.targets[1] == Self.watch(310))
        await harness.stop()
    }

    @Test("an object that changes or goes while a streamed list is under way counts as it is at the end")
    func changesWithinStreamedList() async {
        let stream = ScriptedStream()
        let harness = ReflectorHarness([.stream(stream)], streams: true)
        stream.send(Body.event("ADDED", "a", 2) + Body.event("ADDED", "b", 3) + Body.event("ADDED", "c", 4))
        stream.send(Body.event("MODIFIED", "a", 5) + Body.event("DELETED", "b", 6))
        stream.send(
            #"{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"6","#
                + #""annotations":{"k8s.io/initial-events-end":"true"}}}}"# + "\n"
        )
        #expect(await harness.next() == ["snapshot a@5 c@4"])
        await harness.stop()
    }

    @Test(
        "what cannot be read at first, and then can or is gone before a streamed list ends, does not count as unreadable"
    )
    func unreadableWithinStreamedList() async {
        func broken(_ name: String, _ version: Int) -> String {
            Body.event(
                "ADDED",
                #"{"metadata":{"name":"\#(name)","namespace":"n","resourceVersion":"\#(version)"},"spec":7}"#
            )
        }
        let stream = ScriptedStream()
        let harness = ReflectorHarness([.stream(stream)], streams: true)
        stream.send(broken("a", 2) + broken("b", 3) + broken("c", 4))
        stream.send(Body.event("MODIFIED", "a", 5) + Body.event("DELETED", "b", 6))
        stream.send(
            #"{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"6","#
                + #""annotations":{"k8s.io/initial-events-end":"true"}}}}"# + "\n"
        )
        #expect(await harness.next() == ["snapshot ?c a@5"])
        await harness.stop()
    }

    @Test("objects that cannot be read are told of and hide no others")
    func malformed() async {
        let list =
            #"{"kind":"ServiceList","metadata":{"resourceVersion":"9"},"items":["#
            + #"{"metadata":{"name":"bad","namespace":"n"},"spec":{"ports":"none"}},"# + Body.service("good", 8) + "]}"
        let watch = ScriptedStream()
        let harness = ReflectorHarness([
            .response(HTTPResponse(status: 200, headers: Body.json, body: Array(list.utf8))), .stream(watch),
        ])
        #expect(await harness.next() == ["snapshot ?bad good@8"])
        watch.send(
            #"{"type":"MODIFIED","object":{"metadata":{"name":"bad","namespace":"n","resourceVersion":"10"},"spec":7}}"#
                + "\n" + Body.event("ADDED", "new", 11)
        )
        #expect(await harness.next() == ["changes ?bad +new@11"])
        await harness.stop()
    }

    // MARK: What real servers refuse, and how

    @Test(
        "a streamed list that is not offered falls back to pages",
        arguments: [
            "watch/streaming-list.no-match", "old-etcd/streaming-list.json", "old-etcd/streaming-list.proto",
        ]
    )
    func noStreamedList(name: String) async throws {
        let refusal = ScriptedStream(try RecordedExchange(name))
        refusal.end()
        let harness = ReflectorHarness(
            [.stream(refusal), .response(Body.list([("a", 1)], version: 2))],
            streams: true
        )
        #expect(await harness.next(2) == ["restarted unsupported", "snapshot a@1"])
        #expect(harness.server.targets[1] == Self.page)
        await harness.stop()
    }

    @Test("a server that knows nothing of streamed lists sends no end mark: pages after 30 s")
    func unmarkedStreamedList() async throws {
        let stream = ScriptedStream(try RecordedExchange("watch/streaming-list.no-bookmarks"))
        let harness = ReflectorHarness(
            [.stream(stream), .response(Body.list([("a", 1)], version: 2))],
            streams: true
        )
        await stream.drained()
        await harness.clock.pass(.seconds(30))
        #expect(await harness.next(2) == ["restarted silent", "snapshot a@1"])
        await harness.stop()
    }

    @Test(
        "a version that is no longer known makes a new list, and the old one stays until then",
        arguments: [
            "watch/too-old.services.json", "watch/too-old.services.proto", "watch/too-old.events.json",
            "watch/too-old.after-restart.json", "errors/410-exact", "errors/410-exact.proto",
        ]
    )
    func expired(name: String) async throws {
        let harness = ReflectorHarness([
            .response(Body.list([("a", 1)], version: 2)), try Self.recorded(name),
            .response(Body.list([("b", 3)], version: 4)),
        ])
        #expect(await harness.next(3) == ["snapshot a@1", "restarted expired", "snapshot b@3"])
        await harness.server.requests(reach: 4)
        #expect(harness.server.targets[3] == Self.watch(4))
        await harness.stop()
    }

    @Test(
        "an expired continue token is followed by one whole list, not by its remainder",
        arguments: [
            "lists/page.expired-token.json", "lists/page.expired-token.proto", "old-etcd/page.expired-token",
        ]
    )
    func expiredToken(name: String) async throws {
        let harness = ReflectorHarness([
            try Self.recorded("lists/page-1.json"), try Self.recorded(name),
            .response(Body.list([("a", 1), ("b", 2)], version: 3)),
        ])
        #expect(await harness.next(2) == ["restarted expired", "snapshot a@1 b@2"])
        #expect(harness.server.targets[2] == "GET /api/v1/services")
        await harness.stop()
    }

    @Test(
        "recorded refusals, the trouble they mean, and how long they are waited for",
        arguments: [
            (
                "errors/403-list-cluster", "forbidden",
                "the account rec-nobody may not list services in all namespaces", 30
            ),
            (
                "errors/403-list.proto", "forbidden",
                "the account rec-nobody may not list services in all namespaces", 30
            ),
            (
                "errors/403-anonymous", "forbidden",
                "no credentials are sent, and without them nobody may list services in all namespaces", 30
            ),
            ("errors/404-resource", "missing", "the API server has no core/v1 services", 30),
            ("discovery/apis-unknown-group", "missing", "the API server has no core/v1 services", 30),
            (
                "errors/429", "throttled",
                "429 Too many requests, please try again later.", 1
            ),
            (
                "errors/429.proto", "throttled",
                "429 Too many requests, please try again later.", 1
            ),
            (
                "shutdown/new-connection-429", "throttled",
                "429 The apiserver is shutting down, please try again later.",
                5
            ),
            (
                "errors/version-in-future", "server",
                "504 Timeout: Too large resource version: 99999999, current: 336",
                1
            ),
            (
                "outage/list-consistent", "server",
                "504 Timeout: request did not complete within the allotted timeout",
                0.4
            ),
        ]
    )
    func refusals(name: String, reason: String, trouble: String, seconds: Double) async throws {
        let harness = ReflectorHarness([try Self.recorded(name), .response(Body.list([], version: 2))])
        let busy = ["throttled", "server"].contains(reason) ? "the API server cannot answer now: " : ""
        #expect(await harness.next(2) == ["restarted \(reason)", "troubled: \(busy)\(trouble)"])
        await harness.clock.pass(.milliseconds(Int(seconds * 1000)))
        #expect(await harness.next(2) == ["snapshot ", "recovered"])
        #expect(harness.server.targets[1] == Self.page)
        await harness.stop()
    }

    @Test(
        "an ERROR event with code 504 waits as long as it says",
        arguments: [
            "watch/streaming-list.future.json", "old-etcd/watch-from-nothing",
        ]
    )
    func tooLargeVersion(name: String) async throws {
        let harness = ReflectorHarness([.response(Body.list([], version: 2)), try Self.recorded(name)])
        let updates = await harness.next(3)
        #expect(updates[1] == "restarted server")
        #expect(updates[2].hasPrefix("troubled: the API server cannot answer now: 504 "))
        await harness.clock.pass(.seconds(1))
        await harness.server.requests(reach: 3)
        #expect(harness.server.targets[2] == Self.watch(2))
        await harness.stop()
    }

    @Test("a server without protobuf is asked for JSON from then on")
    func notAcceptable() async throws {
        let harness = ReflectorHarness([
            try Self.recorded("errors/406-accept"), .response(Body.list([("a", 1)], version: 2)),
        ])
        #expect(await harness.next(2) == ["restarted unsupported", "snapshot a@1"])
        await harness.server.requests(reach: 3)
        #expect(
            harness.server.requests.map { $0.headers["Accept"] } == [
                "application/vnd.kubernetes.protobuf, application/json", "application/json", "application/json",
            ]
        )
        await harness.stop()
    }

    @Test(
        "an expired token is read anew and sent over a new client",
        arguments: [
            "errors/401-expired-token", "errors/401-bad-token.proto",
        ]
    )
    func unauthorized(name: String) async throws {
        let folder = try TemporaryFolder()
        let token = try folder.write("token", "old")
        let watch = ScriptedStream()
        let harness = ReflectorHarness(
            [.response(Body.list([("a", 1)], version: 2)), .stream(watch)],
            credentials: .tokenFile(path: token, fallback: nil)
        )
        #expect(await harness.next() == ["snapshot a@1"])
        await harness.server.requests(reach: 2)
        try folder.write("token", "new")
        harness.server.reply(try Self.recorded(name))
        watch.send(Body.bookmark(3))
        watch.end()
        #expect(await harness.next(3) == ["confirmed", "restarted ended", "restarted unauthorized"])
        await harness.server.requests(reach: 4)
        #expect(harness.server.targets[3] == Self.watch(3))
        #expect(
            harness.server.requests.map { $0.headers["Authorization"] }
                == ["Bearer old", "Bearer old", "Bearer new", "Bearer new"]
        )
        #expect(harness.clients.withLock { $0 } == 2)
        await harness.stop()
    }

    @Test(
        "answers that are no lists are reported, and do not end the reader",
        arguments: [
            (
                HTTPResponse(status: 200, headers: ["Content-Type": "text/html"], body: Array("<html>".utf8)),
                "its Content-Type is \"text/html\""
            ),
            (HTTPResponse(status: 200, headers: [:], body: []), "its Content-Type is missing"),
            (HTTPResponse(status: 200, headers: Body.json, body: []), "a list: the data ends in the middle of a value"),
            (HTTPResponse(status: 200, headers: Body.json, body: Array("[]".utf8)), "a list: expected an object"),
            (
                HTTPResponse(status: 200, headers: Body.json, body: Array(#"{"items":[]}"#.utf8)),
                "resourceVersion is missing"
            ),
            (
                HTTPResponse(
                    status: 200,
                    headers: ["Content-Type": "application/vnd.kubernetes.protobuf"],
                    body: [1, 2]
                ),
                "not Kubernetes protobuf"
            ),
            (HTTPResponse(status: 302, headers: ["Location": "https://login"], body: []), "refuses the request: 302"),
        ] as [(HTTPResponse, String)]
    )
    func absurd(response: HTTPResponse, trouble: String) async {
        let harness = ReflectorHarness([.response(response), .response(Body.list([("a", 1)], version: 2))])
        let updates = await harness.next(2)
        #expect(updates[1].hasPrefix("troubled: "))
        #expect(updates[1].contains(trouble), "\(updates[1])")
        await harness.clock.pass(response.status == 302 ? .seconds(30) : .milliseconds(400))
        #expect(await harness.next(2) == ["snapshot a@1", "recovered"])
        await harness.stop()
    }

    @Test(
        "a watch that is no watch is followed by a list",
        arguments: [
            "{}\n", "[1]\n", "not json\n",
        ]
    )
    func absurdWatch(text: String) async {
        let watch = ScriptedStream()
        let harness = ReflectorHarness([.response(Body.list([], version: 2)), .stream(watch)])
        watch.send(Body.event("ADDED", "a", 3) + text)
        let updates = await harness.next(4)
        #expect(updates.prefix(3) == ["snapshot ", "changes +a@3", "restarted unreadable"])
        #expect(updates[3].hasPrefix("troubled: the answer cannot be read: a watch event: "))
        await harness.clock.pass(.milliseconds(400))
        await harness.server.requests(reach: 3)
        #expect(harness.server.targets[2] == Self.page)
        await harness.stop()
    }

    @Test("watch=true on one object is answered with the object, which is no watch")
    func singleObject() async throws {
        let harness = ReflectorHarness([
            .response(Body.list([], version: 2)), try Self.recorded("watch/single-object.json"),
        ])
        let updates = await harness.next(3)
        #expect(updates[1] == "restarted unreadable")
        await harness.stop()
    }

    // MARK: Networks

    @Test("a server that cannot be reached is tried later and later, and what is known stays")
    func unreachable() async {
        let watch = ScriptedStream()
        let harness = ReflectorHarness([
            .response(Body.list([("a", 1)], version: 2)), .stream(watch), .failure(.connect), .failure(.resolve),
        ])
        watch.end()
        #expect(
            await harness.next(4) == [
                "snapshot a@1", "restarted ended", "restarted transport",
                "troubled: GET \(harness.server.requests.last?.url ?? ""): scripted",
            ]
        )
        await harness.clock.pass(.milliseconds(400))
        #expect(await harness.next(2).first == "restarted transport")
        let next = ScriptedStream()
        harness.server.reply(.stream(next))
        await harness.clock.pass(.milliseconds(800))
        #expect(await harness.next() == ["recovered"])
        next.send(Body.event("MODIFIED", "a", 3))
        #expect(await harness.next() == ["changes +a@3"])
        await harness.stop()
    }

    @Test("a watch without a byte for 90 s is left for another, which goes on from the same version")
    func halfDead() async {
        let dead = ScriptedStream()
        let alive = ScriptedStream()
        let harness = ReflectorHarness([.response(Body.list([], version: 2)), .stream(dead), .stream(alive)])
        #expect(await harness.next() == ["snapshot "])
        await dead.drained()
        await harness.clock.pass(.seconds(90))
        #expect(await harness.next() == ["restarted silent"])
        alive.send(Body.event("ADDED", "a", 3))
        #expect(await harness.next() == ["changes +a@3"])
        #expect(harness.server.targets[2] == Self.watch(2))
        await harness.stop()
    }

    @Test("any byte puts the alarm off")
    func alarmPutOff() async {
        let watch = ScriptedStream()
        let harness = ReflectorHarness([.response(Body.list([], version: 2)), .stream(watch)])
        #expect(await harness.next() == ["snapshot "])
        await watch.drained()
        await harness.clock.pass(.seconds(60))
        watch.send(Body.bookmark(3))
        #expect(await harness.next() == ["confirmed"])
        await watch.drained()
        // The alarm that was set for 90 s finds that there was something at 60 s.
        await harness.clock.pass(.seconds(89))
        #expect(harness.server.requests.count == 2)
        await harness.clock.pass(.seconds(1))
        #expect(await harness.next() == ["restarted silent"])
        await harness.stop()
    }

    @Test("a request that is accepted and never answered is given up after 30 s")
    func unanswered() async {
        let harness = ReflectorHarness([.response(Body.list([], version: 2))])
        #expect(await harness.next() == ["snapshot "])
        await harness.server.requests(reach: 2)
        await harness.clock.pass(.seconds(30))
        #expect(
            await harness.next(2) == [
                "restarted silent", "troubled: the API server accepts the request and does not answer",
            ]
        )
        await harness.stop()
    }

    @Test("a server that shuts down ends its watches cleanly, then answers 429")
    func shutdown() async throws {
        let ending = ScriptedStream(try RecordedExchange("shutdown/watch.json"))
        let harness = ReflectorHarness([.response(Body.list([("a", 1)], version: 2)), .stream(ending)])
        harness.server.reply(try Self.recorded("shutdown/new-connection-429"))
        ending.end()
        let updates = await harness.next(4)
        #expect(updates.prefix(3) == ["snapshot a@1", "restarted ended", "restarted throttled"])
        let next = ScriptedStream()
        harness.server.reply(.stream(next))
        await harness.clock.pass(.seconds(5))
        #expect(await harness.next() == ["recovered"])
        #expect(harness.server.targets[3] == Self.watch(2))
        await harness.stop()
    }

    @Test(
        "cancelling ends the reader wherever it is",
        arguments: [
            [], [ScriptedServer.Reply.failure(.connect)], [.response(Body.list([], version: 1))],
            [.response(Body.list([], version: 1)), .stream(ScriptedStream())],
        ]
    )
    func cancelling(replies: [ScriptedServer.Reply]) async {
        let harness = ReflectorHarness(replies)
        await harness.server.requests(reach: max(replies.count, 1))
        await harness.stop()
    }

    // MARK: Once

    private func connection(_ replies: [ScriptedServer.Reply]) -> ClusterConnection {
        let server = ScriptedServer(replies)
        return ClusterConnection(
            ClusterConfiguration(server: "https://h", source: "test"),
            credentials: CredentialProvider(.none, environment: [:])
        ) { _ in server }
    }

    @Test("a list read once is whole, or it is an error at once")
    func once() async throws {
        let pages = connection([try Self.recorded("lists/page-1.json"), try Self.recorded("lists/page-2.json")])
        let list = try await Reflector<ServiceObject>.list(CollectionScope(.services), connection: pages)
        #expect(list.objects.count == 7)
        await #expect(throws: Trouble.forbidden(CollectionScope(.services).permission("list"), account: "rec-nobody")) {
            let refusing = connection([try Self.recorded("errors/403-list")])
            _ = try await Reflector<ServiceObject>.list(CollectionScope(.services), connection: refusing)
        }
    }
}
