import AdminServer
import Foundation
import HTTPTransport
import Logging
import Testing

private struct FixedViews: AdminViews {
    var waiting: [String] = []
    private static let cart = ServiceView(
        system: "east",
        namespace: "shop",
        name: "cart",
        kind: "headless",
        addresses: [],
        ports: [.init(name: "grpc", port: 80, protocol: "tcp")],
        endpointCount: 2,
        readyCount: 1,
        problems: [],
        endpoints: nil
    )

    func readiness() async -> ReadinessView { ReadinessView(waiting: waiting) }
    func systems() async -> [SystemView] {
        [SystemView(name: "east", kind: "kubernetes", required: true, state: .current, services: 1, endpoints: 2)]
    }
    func zones() async -> [ZoneView] { [] }
    func services() async -> [ServiceView] { [Self.cart] }
    func endpoints() async -> [ServiceView] { [Self.cart] }
    func service(system: String, namespace: String, name: String) async -> ServiceView? {
        [system, namespace, name] == ["east", "shop", "cart"] ? Self.cart : nil
    }
    func syncs() async -> [SyncView] { [] }
    func explain(namespace: String, name: String) async -> [ExplainStep] {
        [ExplainStep(place: "system east", outcome: .ok, message: "\(namespace)/\(name)")]
    }
    func metrics() async -> String { "portolan_leader 1\n" }
}

/// Runs the listener on a free port while `body` talks to it.
private func serving(
    _ views: FixedViews,
    idleTimeout: Duration = .seconds(75),
    _ body: (_ url: String) async throws -> Void
) async throws {
    let (ports, found) = AsyncStream.makeStream(of: Int.self)
    let server = AdminServer(
        host: "127.0.0.1",
        port: 0,
        views: views,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        idleTimeout: idleTimeout,
        onListening: { found.yield($0) }
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        try await body("http://127.0.0.1:\(port)")
        group.cancelAll()
    }
}

private func get(_ url: String) async throws -> (status: Int, type: String?, body: String) {
    let response = try await HTTPClient().send(HTTPRequest(.get, url))
    return (response.status, response.headers["content-type"], String(decoding: response.body, as: UTF8.self))
}

@Suite struct AdminServerTests {
    @Test("Liveness does not depend on readiness; readiness is 503 with its reasons until all is there")
    func probes() async throws {
        try await serving(FixedViews(waiting: ["system east has not been read"])) { url in
            #expect(try await get(url + "/healthz").status == 200)
            let ready = try await get(url + "/readyz")
            #expect(ready.status == 503)
            #expect(ready.body == #"{"ready":false,"waiting":["system east has not been read"]}"#)
        }
        try await serving(FixedViews()) { url in
            let ready = try await get(url + "/readyz")
            #expect(ready.status == 200)
        }
    }

    @Test("Metrics have the content type that scrapers negotiate")
    func metrics() async throws {
        try await serving(FixedViews()) { url in
            let metrics = try await get(url + "/metrics")
            #expect(metrics.body == "portolan_leader 1\n")
            #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    @Test("Views are JSON that decodes to what was shown")
    func views() async throws {
        try await serving(FixedViews()) { url in
            let systems = try await get(url + "/v1/systems")
            let decoded = try JSONDecoder().decode([SystemView].self, from: Data(systems.body.utf8))
            #expect(decoded == (await FixedViews().systems()))
            #expect(try await get(url + "/v1/services/east/shop/cart").status == 200)
            #expect(try await get(url + "/v1/explain/shop/cart").body.contains("shop/cart"))
        }
    }

    @Test("A service that is not there is 404 and named")
    func missing() async throws {
        try await serving(FixedViews()) { url in
            let answer = try await get(url + "/v1/services/east/shop/till")
            #expect(answer.status == 404)
            #expect(answer.body.contains("shop/till"))
        }
    }

    @Test("Other methods and paths are refused in words", arguments: [HTTPMethod.post, .put, .delete, .patch])
    func refusals(method: HTTPMethod) async throws {
        try await serving(FixedViews()) { url in
            let answer = try await HTTPClient().send(HTTPRequest(method, url + "/v1/systems", body: Array("{}".utf8)))
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == "GET, HEAD")
            #expect(String(decoding: answer.body, as: UTF8.self).contains("use GET"))
            let unknown = try await get(url + "/v2/systems")
            #expect(unknown.status == 404)
            #expect(unknown.body.contains("/v1/systems"))
        }
    }

    @Test("Names in a path may hold what must be percent-encoded")
    func encodedNames() async throws {
        try await serving(FixedViews()) { url in
            let answer = try await get(url + "/v1/explain/a%20b/%C3%BC")
            #expect(answer.status == 200)
            #expect(answer.body.contains("a b/ü"))
        }
    }

    @Test("Oversized heads are refused; a request that never ends is closed; others are served meanwhile")
    func hostile() async throws {
        try await serving(FixedViews(), idleTimeout: .milliseconds(500)) { url in
            let port = try #require(UInt16(url.split(separator: ":").last ?? ""))
            let slow = try RawConnection(port: port)
            slow.send("GET /healthz HTTP/1.1\r\nX-Slow: ")
            let big = try RawConnection(port: port)
            big.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Big: \(String(repeating: "a", count: 1 << 17))\r\n\r\n")
            // Closing with octets unread resets the connection, and the refusal may be lost with it.
            let refusal = await big.receiveAll()
            #expect(refusal.isEmpty || refusal.hasPrefix("HTTP/1.1 400 "), "\(refusal)")
            #expect(try await get(url + "/healthz").status == 200)
            #expect(await slow.receiveAll().isEmpty)
        }
    }

    @Test("However many idle connections there are, probes are answered, and the one idle for longest makes room")
    func manyIdle() async throws {
        try await serving(FixedViews(), idleTimeout: .seconds(3600)) { url in
            let port = try #require(UInt16(url.split(separator: ":").last ?? ""))
            let idle = try (0..<400).map { _ in try RawConnection(port: port) }
            for _ in 0..<3 {
                #expect(try await get(url + "/healthz").status == 200)
                #expect(try await get(url + "/readyz").status == 200)
            }
            #expect(await idle[0].receiveAll().isEmpty, "closed")
        }
    }

    @Test("An address in use ends the listener with an error")
    func addressInUse() async throws {
        try await serving(FixedViews()) { url in
            let port = try #require(Int(url.split(separator: ":").last ?? ""))
            let second = AdminServer(
                host: "127.0.0.1",
                port: port,
                views: FixedViews(),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            await #expect(throws: (any Error).self) { try await second.run() }
        }
    }
}
