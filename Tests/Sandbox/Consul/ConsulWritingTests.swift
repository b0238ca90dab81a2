import Synchronization
import Testing

@testable import Sandbox

/// What writes do, beyond the recordings.
@Suite("Consul stand-in: writes", .timeLimit(.minutes(2)))
struct ConsulWritingTests {
    @Test("a registration that fails half-way leaves nothing behind")
    func atomicRegistration() async throws {
        let probe = try await ConsulProbe()
        let reply = try await probe.put(
            "/v1/catalog/register",
            #"{"Node":"fresh","Address":"a","Service":{"Service":"s","Meta":{"a.b":"c"}}}"#
        )
        #expect(reply.status == 500)
        #expect(probe.standIn.nodeNames == [] && probe.standIn.serviceNames == [])
        await probe.standIn.stop()
    }

    @Test("a failed transaction takes back everything: nodes, services, checks, keys, indexes and streams")
    func rollback() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        try await probe.put("/v1/kv/k", "v")
        let index = try await probe.index(of: "/v1/health/service/web")
        _ = try await probe.get("/v1/health/service/web?cached")
        let before = probe.standIn.core.withLock { $0.server.state }
        let reply = try await probe.put(
            "/v1/txn",
            """
            [{"KV":{"Verb":"delete-tree","Key":""}},
             {"KV":{"Verb":"set","Key":"l","Value":"dg=="}},
             {"Service":{"Verb":"delete","Node":"mirror","Service":{"ID":"web-1","Service":"web"}}},
             {"Service":{"Verb":"set","Node":"mirror","Service":{"ID":"api-1","Service":"api"}}},
             {"Node":{"Verb":"set","Node":{"Node":"mirror","Address":"192.0.2.9"}}},
             {"Node":{"Verb":"set","Node":{"Node":"other","Address":"192.0.2.9"}}},
             {"Node":{"Verb":"delete","Node":{"Node":"sandbox"}}},
             {"Check":{"Verb":"set","Check":{"Node":"gone","CheckID":"c"}}}]
            """
        )
        #expect(reply.status == 409)
        #expect(
            try reply.json["Errors"]
                == .array([
                    .object([
                        .init(name: "OpIndex", value: .number("7")),
                        .init(name: "What", value: .string("Missing node registration")),
                    ])
                ])
        )
        let after = probe.standIn.core.withLock { $0.server.state }
        #expect(after.indexes == before.indexes)
        #expect(after.serviceIndexes == before.serviceIndexes && after.views == before.views)
        #expect(after.keys == before.keys && after.tombstones == before.tombstones)
        #expect(after.instances == before.instances)
        #expect(Set(after.nodes.keys) == Set(before.nodes.keys))
        for (name, entry) in before.nodes {
            let same = try #require(after.nodes[name])
            #expect(same.record == entry.record && same.services == entry.services)
            #expect(same.checks == entry.checks && same.checksOfService == entry.checksOfService)
        }
        #expect(try await probe.index(of: "/v1/health/service/web") == index)
        await probe.standIn.stop()
    }

    @Test("a deletion in a transaction must name the service, not only its ID")
    func deletionNeedsName() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        let reply = try await probe.put(
            "/v1/txn",
            #"[{"Service":{"Verb":"delete","Node":"mirror","Service":{"ID":"web-1"}}}]"#
        )
        #expect(reply.status == 409)
        #expect(reply.text.contains("Must provide service name with ID"))
        #expect(probe.standIn.instances(of: "web").count == 1)
        await probe.standIn.stop()
    }

    @Test(
        "bodies over 512 KiB are refused for transactions and keys, not for registrations",
        arguments: [("/v1/txn", 413), ("/v1/kv/big", 413), ("/v1/catalog/register", 400)]
    )
    func tooLarge(_ target: String, _ status: Int) async throws {
        let probe = try await ConsulProbe()
        let body = String(repeating: "x", count: 524_289)
        #expect(try await probe.put(target, body).status == status)
        await probe.standIn.stop()
    }

    @Test("a node gone takes its services, checks and sessions, and each service's end has its index")
    func nodeGoes() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        try await probe.register("api")
        let session = try await probe.put("/v1/session/create", #"{"Node":"mirror","NodeChecks":[],"LockDelay":0}"#)
        guard case .string(let id)? = try session.json["ID"] else {
            Issue.record("\(session.text)")
            return
        }
        try await probe.put("/v1/kv/lock?acquire=\(id)", "held")
        let pending = try await probe.blocked("/v1/catalog/service/web?index=\(probe.standIn.index)")
        try await probe.put("/v1/catalog/deregister", #"{"Node":"mirror"}"#)
        #expect(try await pending.value.text == "[]\n")
        #expect(try await probe.get("/v1/session/info/\(id)").text == "[]\n")
        #expect(try await !probe.get("/v1/kv/lock").text.contains("Session"))
        await probe.standIn.stop()
    }

    @Test("a check that turns critical ends the sessions that depend on it; behavior delete removes their keys")
    func sessionsFollowChecks() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        let session = try await probe.put(
            "/v1/session/create",
            #"{"Node":"mirror","NodeChecks":["web-1"],"Behavior":"delete"}"#
        )
        guard case .string(let id)? = try session.json["ID"] else {
            Issue.record("\(session.text)")
            return
        }
        try await probe.put("/v1/kv/lock?acquire=\(id)", "held")
        try await probe.register("web", status: "critical")
        #expect(try await probe.put("/v1/session/renew/\(id)").status == 404)
        #expect(try await probe.get("/v1/kv/lock").status == 404)
        await probe.standIn.stop()
    }

    @Test("a session renewed in time lives on, and ends at twice its TTL without")
    func sessionLifetime() async throws {
        let probe = try await ConsulProbe()
        let session = try await probe.put("/v1/session/create", #"{"TTL":"10s"}"#)
        guard case .string(let id)? = try session.json["ID"] else {
            Issue.record("\(session.text)")
            return
        }
        probe.clock.advance(by: .milliseconds(19_999))
        #expect(try await probe.put("/v1/session/renew/\(id)").status == 200)
        probe.clock.advance(by: .milliseconds(19_999))
        #expect(try await probe.get("/v1/session/info/\(id)").text.contains(id))
        probe.clock.advance(by: .milliseconds(1))
        #expect(try await probe.get("/v1/session/info/\(id)").text == "[]\n")
        await probe.standIn.stop()
    }

    @Test("an agent's service that stays critical is deregistered, and its TTL wakes a reader without any request")
    func agentReaps() async throws {
        let probe = try await ConsulProbe()
        try await probe.put(
            "/v1/agent/service/register",
            #"{"Name":"job","Check":{"TTL":"5s","Status":"passing","DeregisterCriticalServiceAfter":"90s"}}"#
        )
        let index = try await probe.index(of: "/v1/health/service/job")
        let pending = try await probe.blocked("/v1/health/service/job?index=\(index)")
        probe.clock.advance(by: .seconds(5))
        #expect(try await pending.value.text.contains("TTL expired"))
        probe.clock.advance(by: .seconds(90))
        #expect(try await probe.get("/v1/health/service/job").text == "[]\n")
        await probe.standIn.stop()
    }

    @Test("the agent keeps what it could not write and writes it when there is a leader again")
    func antiEntropy() async throws {
        let probe = try await ConsulProbe()
        probe.standIn.setFaults { $0.leader = .lost }
        #expect(try await probe.put("/v1/agent/service/register", #"{"Name":"job"}"#).status == 200)
        #expect(probe.standIn.instances(of: "job").isEmpty)
        probe.standIn.setFaults { $0.leader = .elected }
        #expect(try await probe.get("/v1/health/service/job").text.contains("\"job\""))
        await probe.standIn.stop()
    }

    @Test("probes and Connect are refused aloud")
    func notModelled() async throws {
        let probe = try await ConsulProbe()
        for body in [
            #"{"Name":"a","Check":{"HTTP":"http://x","Interval":"1s"}}"#, #"{"Name":"a","Connect":{"Native":true}}"#,
        ] {
            let reply = try await probe.put("/v1/agent/service/register", body)
            #expect(reply.status == 400 && reply.text.contains("stand-in"), "\(reply.text)")
        }
        await probe.standIn.stop()
    }
}
