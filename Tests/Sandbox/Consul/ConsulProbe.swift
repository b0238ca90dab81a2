import Testing

@testable import Sandbox

/// A stand-in on a stepped clock, with the few requests that tests make again and again.
struct ConsulProbe {
    let standIn: ConsulStandIn
    let clock: SteppedClock
    let client: TestClient

    init(_ settings: ConsulSettings = ConsulSettings(), access: AccessControl? = nil) async throws {
        clock = SteppedClock()
        standIn = try await ConsulStandIn.start(settings, access: access, clock: clock)
        client = TestClient(port: standIn.port)
    }

    @discardableResult
    func put(_ target: String, _ body: String = "", token: String? = nil) async throws -> TestClient.Reply {
        try await client.send("PUT", target, headers: Self.headers(token), body: Array(body.utf8))
    }

    func get(_ target: String, token: String? = nil) async throws -> TestClient.Reply {
        try await client.get(target, headers: Self.headers(token))
    }

    private static func headers(_ token: String?) -> HeaderFields {
        token.map { ["X-Consul-Token": $0] } ?? [:]
    }

    /// Registers an instance `NAME-NUMBER` on `node` with one check.
    @discardableResult
    func register(
        _ name: String,
        _ number: Int = 1,
        node: String = "mirror",
        status: String = "passing",
        token: String? = nil
    ) async throws -> TestClient.Reply {
        try await put(
            "/v1/catalog/register",
            """
            {"Node":"\(node)","Address":"192.0.2.1",
             "Service":{"ID":"\(name)-\(number)","Service":"\(name)","Address":"10.0.0.\(number)","Port":80},
             "Check":{"CheckID":"\(name)-\(number)","Name":"ready","Status":"\(status)","ServiceID":"\(name)-\(number)"}}
            """,
            token: token
        )
    }

    @discardableResult
    func deregister(_ id: String, node: String = "mirror") async throws -> TestClient.Reply {
        try await put("/v1/catalog/deregister", #"{"Node":"\#(node)","ServiceID":"\#(id)"}"#)
    }

    /// A read under way that is known to wait.
    func blocked(_ target: String, with others: Int = 0) async throws -> Task<TestClient.Reply, any Error> {
        let client = client
        let pending = Task { try await client.get(target) }
        await standIn.whenWaiting(requests: others + 1)
        return pending
    }

    func index(of target: String) async throws -> UInt64 {
        try #require(UInt64(try await get(target).headers["X-Consul-Index"] ?? ""))
    }
}

extension TestClient.Reply {
    var index: UInt64 { UInt64(headers["X-Consul-Index"] ?? "") ?? 0 }

    var json: GoJSON {
        get throws { try GoJSON(parsing: body) }
    }
}
