import Testing

@testable import Sandbox

/// What wakes a blocking read, beyond the recordings.
@Suite("Consul stand-in: blocking reads", .timeLimit(.minutes(2)))
struct ConsulBlockingTests {
    @Test(
        "a read wakes with a higher index when its own topic changes",
        arguments: [
            "/v1/catalog/nodes", "/v1/catalog/services", "/v1/catalog/service/web", "/v1/catalog/node/mirror",
            "/v1/catalog/node-services/mirror", "/v1/health/service/web", "/v1/health/node/mirror",
            "/v1/health/checks/web", "/v1/health/state/any",
        ]
    )
    func wakes(_ target: String) async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        let index = try await probe.index(of: target)
        let pending = try await probe.blocked("\(target)?index=\(index)")
        try await probe.put(
            "/v1/catalog/register",
            """
            {"Node":"mirror","Address":"192.0.2.2","Service":{"ID":"web-2","Service":"web"},
             "Check":{"CheckID":"web-2","Name":"ready","ServiceID":"web-2"}}
            """
        )
        let reply = try await pending.value
        #expect(reply.status == 200)
        #expect(reply.index > index)
        await probe.standIn.stop()
    }

    @Test(
        "a write that changes nothing wakes nobody",
        arguments: ["/v1/catalog/services", "/v1/health/service/web", "/v1/catalog/node-services/mirror"]
    )
    func staysAsleep(_ target: String) async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        let index = try await probe.index(of: target)
        let pending = try await probe.blocked("\(target)?index=\(index)&wait=10s")
        try await probe.register("web")
        probe.clock.advance(by: .seconds(11))
        let reply = try await pending.value
        #expect(reply.index == index)
        await probe.standIn.stop()
    }

    @Test("a wait lasts at least what was asked and at most a sixteenth longer")
    func jitter() async throws {
        let probe = try await ConsulProbe()
        let index = try await probe.index(of: "/v1/catalog/nodes")
        let pending = try await probe.blocked("/v1/catalog/nodes?index=\(index)&wait=16s")
        probe.clock.advance(by: .milliseconds(15_999))
        // Only a read that still waits is woken by this.
        try await probe.register("web")
        #expect(try await pending.value.index > index)
        let next = try await probe.index(of: "/v1/catalog/nodes")
        let second = try await probe.blocked("/v1/catalog/nodes?index=\(next)&wait=16s")
        probe.clock.advance(by: .seconds(17))
        #expect(try await second.value.index == next)
        await probe.standIn.stop()
    }

    @Test("a restored snapshot ends blocking queries at once with the lower index; streaming reads wait on")
    func restore() async throws {
        let probe = try await ConsulProbe()
        try await probe.register("web")
        let snapshot = probe.standIn.snapshot()
        try await probe.register("web", 2)
        let catalog = try await probe.index(of: "/v1/catalog/service/web")
        let query = try await probe.blocked("/v1/catalog/service/web?index=\(catalog)")
        let stream = try await probe.blocked("/v1/health/service/web?index=\(catalog)&wait=16s", with: 1)
        probe.standIn.restore(snapshot)
        let reply = try await query.value
        #expect(reply.index < catalog)
        #expect(reply.text.contains("web-1") && !reply.text.contains("web-2"))
        await probe.standIn.whenWaiting(requests: 1)
        probe.clock.advance(by: .seconds(17))
        #expect(try await stream.value.index < catalog)
        await probe.standIn.stop()
    }

    @Test("a client that goes away leaves nothing waiting")
    func clientGone() async throws {
        let probe = try await ConsulProbe()
        let exchange = try await probe.client.connect()
        try await exchange.write("GET", "/v1/catalog/nodes?index=99999", headers: [:], body: nil)
        await probe.standIn.whenWaiting(requests: 1)
        probe.standIn.cutConnections()
        await probe.standIn.whenIdle()
        await probe.standIn.stop()
    }
}
