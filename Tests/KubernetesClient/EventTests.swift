import HTTPTransport
import KubernetesObjects
import KubernetesScripts
import Testing

@testable import KubernetesClient

@Suite(.timeLimit(.minutes(5))) struct EventTests {
    private let time = Timestamp("2026-11-22T14:40:00Z")!
    private let start = ContinuousClock.now

    private func event(_ message: String = "in dc1 as stale") -> ObjectEvent {
        let service = ObjectReference(.services, namespace: "rec-e", name: "stale")
        return ObjectEvent(.normal, about: service, reason: "Synced", message: message)
    }

    @Test("an Event has the shape that a real server took")
    func shape() throws {
        let identity: JSONValue = [
            "uid": "513e3283-a7bc-4088-9286-1558d71f0767", "resourceVersion": "339", "name": "x",
        ]
        let json = event().json(
            name: "stale.18fa3b2c4d5e6f72",
            identity: identity,
            reporter: "portolan",
            instance: "pod-1",
            at: time
        )
        // What the server gave back, without what it added.
        var stored = try JSONValue(parsing: RecordedExchange("events/create-v1").body)
        for key in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] { stored["metadata"]?[key] = nil }
        stored["eventTime"] = nil
        stored["reportingComponent"] = "portolan"
        stored["reportingInstance"] = "pod-1"
        #expect(json == stored)
    }

    @Test("a message is cut at 1024 bytes, between characters")
    func longMessage() {
        let json = event(String(repeating: "ä", count: 600)).json(
            name: "n",
            identity: nil,
            reporter: "r",
            instance: "i",
            at: time
        )
        let message = json["message"]?.string ?? ""
        #expect(message.utf8.count <= 1024)
        #expect(message == String(repeating: "ä", count: 510) + "…")
    }

    @Test("a repetition is counted, and told once the window is over")
    func repetition() {
        var correlator = EventCorrelator(window: .seconds(600))
        let name = "stale.\(String(time.microsecondsSince1970, radix: 16))"
        #expect(correlator.judge(event(), at: start, time: time) == .create(name: name))
        #expect(correlator.judge(event(), at: start + .seconds(1), time: time) == .drop)
        #expect(correlator.judge(event("other"), at: start + .seconds(2), time: time) == .create(name: name))
        #expect(correlator.judge(event(), at: start + .seconds(600), time: time) == .count(3, onEvent: name))
        #expect(correlator.judge(event(), at: start + .seconds(601), time: time) == .drop)
    }

    @Test("what is remembered is bounded")
    func capacity() {
        var correlator = EventCorrelator(window: .seconds(600), capacity: 2)
        for message in ["a", "b", "c"] { _ = correlator.judge(event(message), at: start, time: time) }
        guard case .create = correlator.judge(event("a"), at: start, time: time) else {
            Issue.record("remembered beyond its capacity")
            return
        }
        #expect(correlator.judge(event("c"), at: start, time: time) == .drop)
    }

    @Test("a burst goes out at once, then one request per interval")
    func tokens() {
        var bucket = TokenBucket(burst: 2, interval: .seconds(5), at: start)
        #expect((0..<4).map { _ in bucket.take(at: start) } == [.zero, .zero, .seconds(5), .seconds(10)])
        #expect(bucket.take(at: start + .seconds(60)) == .zero)
    }

    @Test("events are posted with the object's identity; a failure is passed over")
    func recorder() async throws {
        let service = HTTPResponse(
            status: 200,
            headers: Body.json,
            body: Array(#"{"metadata":{"uid":"u1","resourceVersion":"7"}}"#.utf8)
        )
        let server = ScriptedServer([
            .response(service), .response(Body.status(403, "Forbidden")), .failure(.connect),
            .response(try RecordedExchange("events/create-v1").response),
        ])
        let connection = ClusterConnection(
            ClusterConfiguration(server: "https://h", source: "test"),
            credentials: CredentialProvider(.none, environment: [:])
        ) { _ in server }
        let recorder = EventRecorder(
            KubernetesAPI(connection),
            instance: "pod-1",
            clock: TestClock().clientClock,
            wallClock: { [time] in time }
        )
        let task = Task { await recorder.run() }
        recorder.record(event("first"))
        recorder.record(event("first"))
        recorder.record(event("second"))
        await server.requests(reach: 4)
        #expect(
            server.targets == [
                "GET /api/v1/namespaces/rec-e/services/stale", "POST /api/v1/namespaces/rec-e/events",
                "GET /api/v1/namespaces/rec-e/services/stale", "POST /api/v1/namespaces/rec-e/events",
            ]
        )
        let first = try JSONValue(parsing: server.requests[1].body ?? [])
        #expect(first["involvedObject"]?["uid"]?.string == "u1")
        #expect(first["message"]?.string == "first")
        #expect(try JSONValue(parsing: server.requests[3].body ?? [])["message"]?.string == "second")
        task.cancel()
        await task.value
    }

    @Test("a repetition is counted on the Event there is; one that has expired is made anew")
    func recordedRepetition() async throws {
        let ok = ScriptedServer.Reply.response(try RecordedExchange("events/create-v1").response)
        let server = ScriptedServer([ok, ok, ok, .response(Body.status(404, "NotFound")), ok, ok])
        let connection = ClusterConnection(
            ClusterConfiguration(server: "https://h", source: "test"),
            credentials: CredentialProvider(.none, environment: [:])
        ) { _ in server }
        let clock = TestClock()
        let recorder = EventRecorder(
            KubernetesAPI(connection),
            instance: "pod-1",
            clock: clock.clientClock,
            wallClock: { [time] in time }
        )
        let task = Task { await recorder.run() }
        recorder.record(event())
        await server.requests(reach: 2)
        clock.move(by: .seconds(600))
        recorder.record(event())
        await server.requests(reach: 3)
        #expect(server.targets[2].hasPrefix("PATCH /api/v1/namespaces/rec-e/events/stale."))
        #expect(
            String(decoding: server.requests[2].body ?? [], as: UTF8.self)
                == #"{"count":2,"lastTimestamp":"2026-11-22T14:40:00Z"}"#
        )
        clock.move(by: .seconds(600))
        recorder.record(event())
        await server.requests(reach: 6)
        #expect(server.targets[5] == "POST /api/v1/namespaces/rec-e/events")
        task.cancel()
        await task.value
    }
}
