import Testing

@testable import Sandbox

@Suite("Consul stand-in: faults and counters", .timeLimit(.minutes(2)))
struct ConsulFaultTests {
    @Test("while down connections are refused; afterwards state and port are what they were")
    func down() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        let port = probe.standIn.port
        await probe.standIn.goDown()
        await #expect(throws: (any Error).self) { try await probe.get("/v1/status/leader") }
        try await probe.standIn.comeUp()
        #expect(probe.standIn.port == port)
        #expect(probe.standIn.instances(of: "web").map(\.id) == ["web-1"])
        #expect(try await probe.get("/v1/health/service/web").text.contains("web-1"))
        await probe.standIn.stop()
    }

    @Test("a slow server answers when the delay is over, and only where it is slow")
    func slow() async throws {
        let probe = try await ConsulProbe()
        probe.standIn.setFaults { faults in
            faults.delay = .seconds(3)
            faults.paths = ["/v1/txn"]
        }
        #expect(try await probe.get("/v1/status/leader").status == 200)
        let client = probe.client
        let pending = Task { try await client.send("PUT", "/v1/txn", body: Array("[]".utf8)) }
        await probe.clock.whenSleeping(1)
        probe.clock.advance(by: .seconds(3))
        #expect(try await pending.value.status == 200)
        await probe.standIn.stop()
    }

    @Test("a write waiting for a leader goes through when one is elected in time")
    func leaderReturns() async throws {
        let probe = try await ConsulProbe()
        probe.standIn.setFaults { $0.leader = .lost }
        let pending = Task { try await probe.register("web") }
        await probe.standIn.whenWaiting(requests: 1)
        probe.standIn.setFaults { $0.leader = .elected }
        #expect(try await pending.value.status == 200)
        #expect(probe.standIn.instances(of: "web").count == 1)
        await probe.standIn.stop()
    }

    @Test("a read-only server refuses every kind of write as told, and reads go on", arguments: [403, 500])
    func readOnly(_ status: Int) async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        probe.standIn.setFaults { $0.refusedWrites = (status, "read only") }
        let before = probe.standIn.index
        for (target, body) in [
            ("/v1/catalog/register", #"{"Node":"n","Address":"a"}"#),
            ("/v1/catalog/deregister", #"{"Node":"mirror"}"#),
            ("/v1/txn", #"[{"KV":{"Verb":"set","Key":"k"}}]"#),
            ("/v1/kv/k", "v"),
            ("/v1/session/create", ""),
        ] {
            let reply = try await probe.put(target, body)
            #expect(reply.status == status && reply.text == "read only", "\(target)")
        }
        #expect(probe.standIn.index == before)
        #expect(try await probe.get("/v1/health/service/web").status == 200)
        await probe.standIn.stop()
    }

    @Test("nonsense, too many requests and truncation")
    func wrongAnswers() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        probe.standIn.setFaults { $0.answer = .nonsense(status: 200, body: "<html>") }
        let nonsense = try await probe.get("/v1/health/service/web")
        #expect(nonsense.text == "<html>" && nonsense.headers["Content-Type"] == "application/json")
        probe.standIn.setFaults { $0.answer = .tooManyRequests }
        #expect(try await probe.get("/v1/health/service/web").status == 429)
        probe.standIn.setFaults { $0.answer = .truncated }
        await #expect(throws: (any Error).self) { try await probe.get("/v1/health/service/web") }
        probe.standIn.setFaults { $0.answer = nil }
        #expect(try await probe.get("/v1/health/service/web").status == 200)
        await probe.standIn.stop()
    }

    @Test("counters tell writes, transactions, operations and what changed anything")
    func counters() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        try await probe.register("web")
        try await probe.put(
            "/v1/txn",
            """
            [{"Service":{"Verb":"set","Node":"mirror","Service":{"ID":"a","Service":"a"}}},
             {"Service":{"Verb":"set","Node":"mirror","Service":{"ID":"b","Service":"b"}}}]
            """
        )
        try await probe.put("/v1/txn", #"[{"Node":{"Verb":"get","Node":{"Node":"mirror"}}}]"#)
        _ = try await probe.get("/v1/catalog/nodes")
        var expected = ConsulCounters()
        expected.reads = 2
        expected.writes = 3
        expected.transactions = 1
        expected.operations = 4
        expected.changes = 2
        #expect(probe.standIn.counters == expected)
        probe.standIn.resetCounters()
        #expect(probe.standIn.counters == ConsulCounters())
        await probe.standIn.stop()
    }

    @Test("a reset server has forgotten everything and counts from the beginning")
    func reset() async throws {
        let probe = try await ConsulProbe()
        let first = probe.standIn.index
        try await probe.register("web")
        probe.standIn.reset()
        #expect(probe.standIn.serviceNames == [])
        #expect(probe.standIn.index == first)
        await probe.standIn.stop()
    }
}
