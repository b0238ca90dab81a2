import Testing

@testable import Sandbox

/// Watches against their recordings. What happened while a watch was recorded has happened before it is replayed: the
/// stand-in has to tell it from its history.
@Suite("recorded watches", .timeLimit(.minutes(10)))
struct RecordedWatchesTests {
    private static let services = "/api/v1/namespaces/rec-w/services"
    private static let slices = "/apis/discovery.k8s.io/v1/namespaces/rec-w/endpointslices"
    private static let endpoints = "/api/v1/namespaces/rec-w/endpoints"

    private func service(_ name: String, port: Int64 = 80, set: String = "a") -> JSON {
        [
            "metadata": ["name": .string(name), "labels": ["set": .string(set)]],
            "spec": [
                "clusterIP": "None", "ipFamilyPolicy": "SingleStack", "selector": ["app": .string(name)],
                "ports": [["name": "http", "port": .int(port)]],
            ],
        ]
    }

    private func slice(_ service: String, _ endpoints: [JSON]) -> JSON {
        [
            "metadata": [
                "name": .string("\(service)-a"), "labels": ["kubernetes.io/service-name": .string(service)],
            ],
            "addressType": "IPv4", "endpoints": .array(endpoints),
            "ports": [["name": "http", "port": 8080, "protocol": "TCP"]],
        ]
    }

    private func endpoint(_ address: String) -> JSON {
        ["addresses": [.string(address)], "conditions": ["ready": true]]
    }

    /// `rec-w` as it was when recording began, at the version that stands for 292, and what then happened.
    private func replay(
        _ configuration: APIServer.Configuration = APIServer.Configuration(),
        clock: any Clock<Duration> = InstantClock()
    ) async throws -> Replay {
        let replay = try await Replay(configuration, clock: clock)
        for name in ["rec-e", "rec-p", "rec-w"] {
            try replay.server.load(yaml: "{apiVersion: v1, kind: Namespace, metadata: {name: \(name)}}")
        }
        var w1 = service("w1")
        w1["spec"]?["ipFamilyPolicy"] = nil
        _ = try await replay.create(Self.services, w1)
        _ = try await replay.create(Self.slices, slice("w1", [endpoint("10.3.0.1")]))
        _ = try await replay.create(
            Self.endpoints,
            ["metadata": ["name": "w1"], "subsets": [["addresses": [["ip": "10.3.0.1"]], "ports": [["port": 8080]]]]]
        )
        replay.learn(version: "292", as: "\(replay.server.resourceVersion)")
        return replay
    }

    private func change(_ replay: Replay) async throws {
        var w2 = service("w2")
        w2["spec"]?["ipFamilyPolicy"] = nil
        _ = try await replay.create(Self.services, w2)
        _ = try await replay.create(Self.slices, slice("w2", [endpoint("10.3.1.1"), endpoint("10.3.1.2")]))
        w2["spec"]?["ports"] = [["name": "http", "port": 81]]
        _ = try await replay.write("PUT", Self.services + "/w2", w2)
        let draining: JSON = [
            "addresses": ["10.3.1.2"], "conditions": ["ready": false, "serving": true, "terminating": true],
        ]
        _ = try await replay.write("PUT", Self.slices + "/w2-a", slice("w2", [endpoint("10.3.1.1"), draining]))
        _ = try await replay.write("PATCH", Self.services + "/w1", ["metadata": ["labels": ["set": "b"]]])
        _ = try await replay.write("PATCH", Self.services + "/w1", ["metadata": ["labels": ["set": "a"]]])
        _ = try await replay.write(
            "PATCH",
            Self.endpoints + "/w1",
            ["subsets": [["notReadyAddresses": [["ip": "10.3.0.1"]], "ports": [["port": 8080]]]]]
        )
        for path in [Self.slices + "/w2-a", Self.services + "/w2", Self.endpoints + "/w1"] {
            _ = try await replay.write("DELETE", path, [:])
        }
    }

    private func add(_ names: [String], _ replay: Replay) async throws {
        for name in names {
            var added = service(name)
            added["spec"]?["ipFamilyPolicy"] = nil
            _ = try await replay.create(Self.services, added)
            _ = try await replay.create(Self.slices, slice(name, [endpoint(name == "w5" ? "10.3.3.1" : "10.3.2.1")]))
        }
    }

    @Test("changes are told as recorded, in JSON and protobuf, with selectors, as tables and as metadata")
    func changes() async throws {
        let replay = try await replay()
        try await change(replay)
        try await replay.run(
            [
                "services.json", "services.proto", "endpointslices.json", "endpointslices.proto", "endpoints.json",
                "endpoints.proto", "services.label-selector", "services.name", "services.no-bookmarks",
                "services.partial-metadata.json", "services.partial-metadata.proto", "services.gzip-asked",
                "services.table", "services.plain-protobuf-accept",
            ].map { "watch/\($0)" }
        )
        await replay.server.stop()
    }

    @Test("watches from nothing, from zero, from the past and from the future as recorded")
    func beginnings() async throws {
        let replay = try await replay()
        try await change(replay)
        try await add(["w3", "w4", "w5"], replay)
        replay.learn(version: "313", as: "\(replay.server.resourceVersion)")
        replay.learn(version: "404", as: "\(replay.server.resourceVersion)")
        try await replay.run(
            [
                "from-nothing.json", "from-zero.json", "deprecated-path.json", "quiet.json", "future-version.json",
                "single-object.json", "ancient-but-cached.services.json", "ancient-but-cached.services.proto",
                "streaming-list.no-initial-events", "streaming-list.no-bookmarks", "streaming-list.no-match",
                "streaming-list.empty.json", "streaming-list.empty.proto", "streaming-list.future.json",
                "streaming-list.forbidden", "bookmarks-over-time.json", "bad-version", "bad-timeout", "forbidden",
                "accept-yaml", "accept-unknown",
            ].map { "watch/\($0)" }
        )
        await replay.server.stop()
    }

    @Test("versions that are too old end in an ERROR event as recorded")
    func tooOld() async throws {
        let replay = try await replay()
        try await change(replay)
        try await add(["w3", "w4", "w5"], replay)
        _ = try await replay.create(Self.services, ["metadata": ["name": "maybe"], "spec": ["clusterIP": "None"]])
        _ = try await replay.write("PATCH", Self.services + "/w1", ["metadata": ["labels": ["after": "outage"]]])
        replay.server.compact()
        try await replay.run(
            [
                "too-old.services.json", "too-old.services.proto", "too-old.endpointslices.json",
                "too-old.endpointslices.proto", "too-old.endpoints.json", "too-old.events.json", "too-old.events.proto",
                "too-old.table.json", "too-old.streaming-list.json",
            ].map { "watch/\($0)" }
        )
        replay.learn(version: "922", as: "\(replay.server.resourceVersion)")
        try await add(["w6"], replay)
        try await replay.server.restart()
        try await replay.run("watch/too-old.after-restart.json")
        await replay.server.stop()
    }

    @Test(
        "a streaming list tells the state, marks its end, and goes on, as recorded",
        arguments: [
            "streaming-list.services.json", "streaming-list.services.proto", "streaming-list.endpointslices.json",
            "streaming-list.endpointslices.proto", "streaming-list.rv0.json", "streaming-list.rv0.proto",
        ]
    )
    func streamingList(_ name: String) async throws {
        let clock = SteppedClock()
        let replay = try await replay(clock: clock)
        try await change(replay)
        try await add(["w3", "w4"], replay)
        let recording = try Recording("watch/\(name)")
        let (target, headers, _) = replay.prepared(recording)
        let exchange = try await replay.client.open("GET", target, headers: headers)
        var body: [UInt8] = []
        while !body.contains(Array("initial-events-end".utf8)), let chunk = try await exchange.next() { body += chunk }
        try await add(["w5"], replay)
        while !body.contains(Array("w5".utf8)), let chunk = try await exchange.next() { body += chunk }
        // Two seconds before the end there is a bookmark; the watch lasts four.
        for _ in 0..<2 {
            await clock.whenSleeping(1)
            clock.advance(by: .seconds(2))
        }
        while let chunk = try await exchange.next() { body += chunk }
        let reply = TestClient.Reply(status: exchange.status, headers: exchange.headers, body: body)
        replay.compare(recording, reply, #_sourceLocation)
        exchange.close()
        await replay.server.stop()
    }

    @Test("a server with storage too old for streaming lists refuses them as recorded")
    func oldStorage() async throws {
        var configuration = APIServer.Configuration()
        configuration.streamingLists = .refusedByStorage
        configuration.hasFairness = false
        let replay = try await replay(configuration)
        try await change(replay)
        try await replay.run(
            ["streaming-list.json", "streaming-list.proto", "watch-from-zero-bookmarks", "watch-from-zero"].map {
                "old-etcd/\($0)"
            }
        )
        await replay.server.stop()
    }
}
