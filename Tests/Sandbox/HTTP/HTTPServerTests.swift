import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Sandbox

@Suite("HTTP server")
struct HTTPServerTests {
    /// `/echo` answers what came; `/stream` sends two chunks and waits to be cancelled; other paths see each test.
    private func server(
        _ handler: @escaping HTTPServer.Handler = { request, writer in
            try await writer.send(
                ServerResponse(200, text: "\(request.method) \(request.target) \(request.body.count)")
            )
        }
    ) async throws -> HTTPServer {
        try await HTTPServer.start(handler: handler)
    }

    @Test("a request's target, query, headers and body arrive; the response has a length and a date")
    func exchange() async throws {
        let seen = Mutex<ServerRequest?>(nil)
        let server = try await server { request, writer in
            seen.withLock { $0 = request }
            try await writer.send(ServerResponse(201, headers: ["X-One": "1"], text: "made"))
        }
        let reply = try await TestClient(port: server.port)
            .send("POST", "/a%20b/c?x=1%2C2&flag&x=a+b", headers: ["X-Two": "2"], body: Array("body".utf8))
        #expect(reply.status == 201)
        #expect(reply.text == "made")
        #expect(reply.headers["content-length"] == "4")
        #expect(reply.headers["x-one"] == "1")
        #expect(reply.headers["Date"]?.hasSuffix(" GMT") == true)
        let request = try #require(seen.withLock { $0 })
        #expect(request.segments == ["a b", "c"])
        #expect(request.query.map(\.value) == ["1,2", "", "a b"])
        #expect(request.parameter("flag")?.isEmpty == true)
        #expect(request.headers["x-two"] == "2")
        #expect(request.body == Array("body".utf8))
        await server.stop()
    }

    @Test("a streamed body arrives chunk by chunk while the handler still runs, and ends cleanly")
    func streaming() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        let server = try await server { _, writer in
            try await writer.begin(200)
            try await writer.write(Array("one".utf8))
            for await _ in gate { break }
            try await writer.write(Array("two".utf8))
            try await writer.end()
        }
        let exchange = try await TestClient(port: server.port).open("GET", "/")
        #expect(exchange.headers["transfer-encoding"] == "chunked")
        #expect(try await exchange.next() == Array("one".utf8))
        open.yield()
        #expect(try await exchange.next() == Array("two".utf8))
        #expect(try await exchange.next() == nil)
        await server.stop()
    }

    @Test("the next request uses the same connection, and counts say so")
    func reuse() async throws {
        let server = try await server()
        let connection = try await TestClient(port: server.port).connect()
        for _ in 0..<3 {
            let exchange = try await connection.send("GET", "/echo")
            #expect(try await exchange.next() == Array("GET /echo 0".utf8))
            #expect(try await exchange.next() == nil)
        }
        #expect(server.counts == HTTPServer.Counts(open: 1, accepted: 1, requests: 3))
        await server.stop()
        #expect(server.counts.open == 0)
    }

    @Test("a client that leaves cancels its handler")
    func clientLeaves() async throws {
        let (cancelled, continuation) = AsyncStream<Void>.makeStream()
        let server = try await server { _, writer in
            try await writer.begin(200)
            await withTaskCancellationHandler {
                for await _ in AsyncStream<Void>(unfolding: { try? await Task.sleep(for: .seconds(3600)) }) { break }
            } onCancel: {
                continuation.yield()
            }
        }
        let exchange = try await TestClient(port: server.port).open("GET", "/")
        exchange.close()
        for await _ in cancelled { break }
        await server.stop()
    }

    @Test("cutting connections ends a stream without its last chunk, and only the chosen ones")
    func cut() async throws {
        let server = try await server { request, writer in
            try await writer.begin(200)
            try await writer.write([1])
            guard request.path == "/kept" else {
                try await Task.sleep(for: .seconds(3600))
                return
            }
            for await _ in AsyncStream<Void>(unfolding: { try? await Task.sleep(for: .seconds(3600)) }) { break }
        }
        let client = TestClient(port: server.port)
        let cut = try await client.open("GET", "/cut")
        let kept = try await client.open("GET", "/kept")
        _ = try await (cut.next(), kept.next())
        server.cutConnections { $0.target == "/cut" }
        await #expect(throws: (any Error).self) { try await cut.next() }
        #expect(server.counts.open == 1)
        kept.close()
        await server.stop()
    }

    @Test("while stalled no byte passes; afterwards everything held arrives in order")
    func stall() async throws {
        let (requests, continuation) = AsyncStream<String>.makeStream()
        let server = try await server { request, writer in
            continuation.yield(request.target)
            try await writer.send(ServerResponse(200, text: request.target))
        }
        let client = TestClient(port: server.port)
        let connection = try await client.connect()
        _ = try await connection.send("GET", "/before").next()
        server.setStalled(true)
        let stalled = Task { try await client.get("/during").text }
        // A second server on the same event loops has been through a whole exchange: the first had its chance.
        let other = try await self.server()
        _ = try await TestClient(port: other.port).get("/")
        #expect(server.counts.requests == 1)
        server.setStalled(false)
        #expect(try await stalled.value == "/during")
        continuation.finish()
        var targets: [String] = []
        for await target in requests { targets.append(target) }
        #expect(targets == ["/before", "/during"])
        await server.stop()
        await other.stop()
    }

    @Test("a stopped server can be started again on its port")
    func restart() async throws {
        let first = try await server()
        let port = first.port
        _ = try await TestClient(port: port).get("/")
        await first.stop()
        await #expect(throws: (any Error).self) { try await TestClient(port: port).get("/") }
        let second = try await HTTPServer.start(HTTPServer.Configuration(port: port)) { _, writer in
            try await writer.send(ServerResponse(200, text: "second"))
        }
        #expect(try await TestClient(port: port).get("/").text == "second")
        await second.stop()
    }

    @Test("draining lets the response under way finish")
    func drain() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        let server = try await server { _, writer in
            try await writer.begin(200)
            for await _ in gate { break }
            try await writer.write(Array("done".utf8))
        }
        let exchange = try await TestClient(port: server.port).open("GET", "/")
        async let stopped: Void = server.stop(drain: .seconds(30))
        open.yield()
        #expect(try await exchange.next() == Array("done".utf8))
        #expect(try await exchange.next() == nil)
        await stopped
    }

    @Test("connections refused are closed and counted no more, so that a stop after them ends")
    func refusing() async throws {
        let server = try await server()
        server.setRefusing(true)
        await #expect(throws: (any Error).self) { try await TestClient(port: server.port).get("/") }
        await server.stop()
        #expect(server.counts.accepted > 0)
        #expect(server.counts.open == 0)
    }

    @Test("a handler that throws is a 500, and after its head a cut connection")
    func handlerThrows() async throws {
        struct Broken: Error {}
        let server = try await server { request, writer in
            if request.path == "/late" { try await writer.begin(200) }
            throw Broken()
        }
        let client = TestClient(port: server.port)
        #expect(try await client.get("/early").status == 500)
        await #expect(throws: (any Error).self) { try await client.get("/late") }
        await server.stop()
    }

    @Test("a truncated body and raw bytes reach the client as they are")
    func absurdities() async throws {
        let server = try await server { request, writer in
            if request.path == "/raw" {
                try await writer.raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw".utf8))
            } else {
                try await writer.begin(200, headers: ["Content-Length": "100"])
                try await writer.write(Array("short".utf8))
                writer.abort()
            }
        }
        let client = TestClient(port: server.port)
        #expect(try await client.get("/raw").text == "raw")
        await #expect(throws: (any Error).self) { try await client.get("/truncated") }
        await server.stop()
    }
}
