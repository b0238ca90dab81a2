import Testing

@testable import Sandbox

/// What the stand-in does wrong on command: each as the recordings show it, or as networks do it.
@Suite("faults", .timeLimit(.minutes(5)))
struct FaultTests {
    private static let services = "/api/v1/namespaces/rec-w/services"

    private func replay(
        clock: any Clock<Duration> = InstantClock(),
        hasFairness: Bool = true
    ) async throws -> Replay {
        var configuration = APIServer.Configuration()
        configuration.hasFairness = hasFairness
        let replay = try await Replay(configuration, clock: clock)
        for name in ["rec-e", "rec-p", "rec-w"] {
            try replay.server.load(yaml: "{apiVersion: v1, kind: Namespace, metadata: {name: \(name)}}")
        }
        return replay
    }

    private func open(_ replay: Replay, _ target: String) async throws -> TestClient.Exchange {
        try await replay.client.open("GET", target, headers: ["Authorization": "Bearer TOKEN"])
    }

    private func get(_ replay: Replay, _ target: String) async throws -> TestClient.Reply {
        try await replay.client.get(target, headers: ["Authorization": "Bearer TOKEN"])
    }

    @Test("429 of priority and fairness is text with Retry-After, as recorded")
    func tooManyRequests() async throws {
        let replay = try await replay()
        replay.server.faults.add(.tooManyRequests(retryAfter: 1), times: 3)
        try await replay.run(["errors/429", "errors/429-watch", "errors/429.proto"])
        #expect(try await get(replay, Self.services).status == 200)
        await replay.server.stop()
    }

    @Test("while storage hangs, cached lists go on, the rest is 504, and a create happens all the same")
    func outage() async throws {
        let replay = try await replay()
        var w1: JSON = ["metadata": ["name": "w1", "labels": ["set": "a"]]]
        w1["spec"] = [
            "clusterIP": "None", "selector": ["app": "w1"], "ports": [["name": "http", "port": 80]],
        ]
        _ = try await replay.create(Self.services, w1)
        replay.server.faults.setStorageDown(true)
        try await replay.run(["outage/list-cached", "outage/list-consistent", "outage/get", "outage/create"])
        replay.server.faults.setStorageDown(false)
        // The create goes on by itself; a watch sees it happen.
        let watch = try await open(replay, Self.services + "?watch=true&fieldSelector=metadata.name%3Dmaybe")
        #expect(String(decoding: try #require(try await watch.next()), as: UTF8.self).contains("ADDED"))
        watch.close()
        try await replay.run("outage/after-create")
        await replay.server.stop()
    }

    @Test("a watch lives through a storage outage")
    func watchThroughOutage() async throws {
        let clock = SteppedClock()
        let replay = try await replay(clock: clock)
        let version = replay.server.resourceVersion
        let watch = try await open(
            replay,
            Self.services + "?watch=true&allowWatchBookmarks=true&timeoutSeconds=100&resourceVersion=\(version)"
        )
        replay.server.faults.setStorageDown(true)
        // The bookmark of the first minute is left out.
        await clock.whenSleeping(1)
        clock.advance(by: .seconds(60))
        await clock.whenSleeping(1)
        replay.server.faults.setStorageDown(false)
        _ = try await replay.create(Self.services, ["metadata": ["name": "a"], "spec": ["clusterIP": "None"]])
        #expect(String(decoding: try #require(try await watch.next()), as: UTF8.self).contains("ADDED"))
        watch.close()
        await replay.server.stop()
    }

    @Test("a server told to stop is not ready, goes on serving, then drains with 429 and ends its watches cleanly")
    func shutdown() async throws {
        let replay = try await replay(hasFairness: false)
        _ = try await replay.create(
            Self.services,
            ["metadata": ["name": "a"], "spec": ["clusterIP": "None", "ports": [["port": 80]]]]
        )
        let target = Self.services + "?watch=true&resourceVersion=\(replay.server.resourceVersion)"
        let watch = try await open(replay, target + "&timeoutSeconds=86400")
        replay.server.phase = .terminating
        let ready = try await get(replay, "/readyz")
        #expect(ready.status == 500)
        #expect(ready.text.contains("[-]shutdown failed: reason withheld\nreadyz check failed\n"))
        #expect(try await get(replay, Self.services).status == 200)
        replay.server.phase = .draining
        try await replay.run(["shutdown/new-connection-429", "shutdown/kept-connection-429"])
        let refused = try await get(replay, Self.services)
        #expect(refused.headers["Connection"] == "close")
        while let chunk = try await watch.next() { #expect(!String(decoding: chunk, as: UTF8.self).contains("ERROR")) }
        await replay.server.stop()
    }

    @Test("muted watches stay open and silent; new ones speak; unmuted ones lose nothing")
    func muted() async throws {
        let replay = try await Replay(clock: SteppedClock())
        let version = replay.server.resourceVersion
        let first = try await open(replay, "/api/v1/namespaces?watch=true&resourceVersion=\(version)")
        replay.server.faults.muteOpenWatches()
        try replay.server.load(yaml: "{apiVersion: v1, kind: Namespace, metadata: {name: late}}")
        let second = try await open(
            replay,
            "/api/v1/namespaces?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dlate"
        )
        #expect(String(decoding: try #require(try await second.next()), as: UTF8.self).contains("late"))
        replay.server.faults.unmuteWatches()
        #expect(String(decoding: try #require(try await first.next()), as: UTF8.self).contains("late"))
        first.close()
        second.close()
        await replay.server.stop()
    }

    @Test("watches are cut, ended or expired on command")
    func endings() async throws {
        let replay = try await Replay(clock: SteppedClock())
        let target = "/api/v1/services?watch=true&resourceVersion=\(replay.server.resourceVersion)"
        let cut = try await open(replay, target)
        replay.server.cutWatches()
        await #expect(throws: (any Error).self) { try await cut.next() }
        let ended = try await open(replay, target)
        replay.server.endWatches()
        #expect(try await ended.next() == nil)
        let expired = try await open(replay, target)
        replay.server.expireWatches()
        let event = try JSON(parsing: try #require(try await expired.next()))
        #expect(event["type"] == "ERROR")
        #expect(event[["object", "code"]] == 410)
        #expect(event[["object", "reason"]] == "Expired")
        #expect(try await expired.next() == nil)
        await replay.server.whenWatches { $0 == 0 }
        await replay.server.stop()
    }

    @Test("failures, cuts, truncations, delays and nonsense are as ordered")
    func effects() async throws {
        let replay = try await replay()
        let faults = replay.server.faults
        faults.add(.failure(500, message: "boom"), times: 1)
        let failure = try await get(replay, Self.services)
        #expect(failure.status == 500)
        #expect(try JSON(parsing: failure.body)["reason"] == "InternalError")
        faults.add(.cut, times: 1)
        await #expect(throws: (any Error).self) { try await get(replay, Self.services) }
        faults.add(.truncation(after: 10), times: 1)
        await #expect(throws: (any Error).self) { try await get(replay, Self.services) }
        faults.add(.raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]".utf8)), times: 1)
        #expect(try await get(replay, Self.services).text == "[]")
        faults.add(.response(ServerResponse(200, text: "<html>")), times: 1)
        #expect(try await get(replay, Self.services).text == "<html>")
        faults.add(.delay(.seconds(3600)), times: 1)
        #expect(try await get(replay, Self.services).status == 200)
        let id = faults.add(.failure(503, message: "elsewhere")) { $0.path.hasPrefix("/apis/") }
        #expect(try await get(replay, Self.services).status == 200)
        #expect(try await get(replay, "/apis/discovery.k8s.io/v1/endpointslices").status == 503)
        faults.remove(id)
        #expect(try await get(replay, "/apis/discovery.k8s.io/v1/endpointslices").status == 200)
        await replay.server.stop()
    }

    @Test("permissions and tokens are taken away while the server runs")
    func rights() async throws {
        let replay = try await replay()
        #expect(try await get(replay, Self.services).status == 200)
        replay.server.deny(PolicyRule(verbs: ["list"], resources: ["services"]))
        let denied = try await get(replay, Self.services)
        #expect(denied.status == 403)
        #expect(
            try JSON(parsing: denied.body)["message"]
                == #"services is forbidden: User "admin" cannot list resource "services" in API group "" in the namespace "rec-w""#
        )
        replay.server.withdrawDenials()
        #expect(try await get(replay, Self.services).status == 200)
        replay.server.setToken("TOKEN", nil)
        try await replay.run("errors/401-expired-token", token: "TOKEN")
        await replay.server.stop()
    }

    @Test("a small window forgets: old versions are 410 for lists and watches")
    func window() async throws {
        var configuration = APIServer.Configuration()
        configuration.window = 2
        let replay = try await Replay(configuration)
        let version = replay.server.resourceVersion
        for number in 0..<10 {
            try replay.server.load(yaml: "{apiVersion: v1, kind: Namespace, metadata: {name: n\(number)}}")
        }
        let list = try await get(replay, "/api/v1/namespaces?resourceVersion=\(version)&resourceVersionMatch=Exact")
        #expect(list.status == 410)
        let watch = try await get(replay, "/api/v1/namespaces?watch=true&resourceVersion=\(version)&timeoutSeconds=1")
        #expect(try JSON(parsing: watch.body)[["object", "code"]] == 410)
        await replay.server.stop()
    }

    @Test("without streaming lists the parameters are refused")
    func noStreamingLists() async throws {
        var configuration = APIServer.Configuration()
        configuration.streamingLists = .disabled
        let replay = try await Replay(configuration)
        let reply = try await get(
            replay,
            "/api/v1/services?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        )
        #expect(reply.status == 422)
        await replay.server.stop()
    }

    @Test("controls over HTTP work when they are on")
    func controls() async throws {
        var configuration = APIServer.Configuration()
        configuration.hasControls = true
        let replay = try await Replay(configuration, clock: SteppedClock())
        let watch = try await open(replay, "/api/v1/services?watch=true&resourceVersion=1")
        let state = try JSON(parsing: try await get(replay, "/sandbox/state").body)
        #expect(state["watches"] == 1)
        #expect(try await replay.client.send("POST", "/sandbox/end-watches").status == 200)
        while try await watch.next() != nil {}
        #expect(try await replay.client.send("POST", "/sandbox/nothing").status == 404)
        #expect(try await get(replay, "/sandbox/compact").status == 405)
        await replay.server.stop()
    }
}
