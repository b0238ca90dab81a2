import NIOCore
import NIOHTTP2
import Synchronization
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(5))) struct HTTP2Tests {
    private let client = makeTrustingClient()

    private func get(_ url: String) -> HTTPRequest { HTTPRequest(.get, url, totalTimeout: nil) }

    @Test("Requests at the same time share one connection, from the first on")
    func multiplexing() async throws {
        let count = 60
        let all = Barrier(count)
        try await withHTTP2Server { stream in
            await all.arrive()
            try await stream.respond(body: stream.path)
        } body: { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    group.addTask {
                        let response = try await client.send(get(server.url("/\(number)")))
                        #expect(response.body == Array("/\(number)".utf8))
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connections == 1)
        }
    }

    @Test("The head of a stream arrives while no byte of the body has, and pieces as they are sent")
    func stream() async throws {
        let headHasArrived = Signal()
        try await withHTTP2Server { stream in
            try await stream.writeHead(200, [("x-a", "b")])
            await headHasArrived.wait()
            try await stream.writeBody([1])
            try await stream.writeBody([], endStream: true)
        } body: { server in
            let stream = try await client.stream(get(server.url()))
            #expect(stream.head.status == 200)
            #expect(stream.head.headers["X-A"] == "b")
            headHasArrived.fire()
            #expect(try await stream.next() == [1])
            #expect(try await stream.next() == nil)
        }
    }

    @Test("A stream that nobody reads stops its server, and nothing else")
    func pausedStream() async throws {
        let piece = [UInt8](repeating: 3, count: 1 << 20)
        let pieces = 64
        let written = Atomic(0)
        let (progress, ticks) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
        try await withHTTP2Server { stream in
            guard stream.path == "/large" else { return try await stream.respond() }
            try await stream.writeHead()
            for _ in 0..<pieces {
                try await stream.writeThrough(piece)
                ticks.yield(written.add(1, ordering: .sequentiallyConsistent).newValue)
            }
            try await stream.writeBody([], endStream: true)
        } body: { server in
            _ = try await client.send(get(server.url()))
            let stream = try await client.stream(get(server.url("/large")))
            for await count in progress where count >= 1 { break }
            for _ in 0..<300 { _ = try await client.send(get(server.url())) }
            #expect(written.load(ordering: .sequentiallyConsistent) < pieces / 2)
            #expect(server.connections >= 2, "a stream has its connection to itself")
            var received = 0
            while let chunk = try await stream.next() { received += chunk.count }
            #expect(received == pieces * piece.count)
        }
    }

    @Test("Cancelling one request resets its stream and leaves the connection to the others")
    func cancellation() async throws {
        let arrived = Barrier(3)
        let isReset = Signal()
        let release = Signal()
        try await withHTTP2Server { stream in
            guard stream.path != "/after" else { return try await stream.respond(body: "after") }
            await arrived.arrive()
            if stream.path == "/cancelled" {
                await stream.waitForClose()
                isReset.fire()
            } else {
                await release.wait()
                try await stream.respond(body: "kept")
            }
        } body: { server in
            let kept = Task { try await client.send(get(server.url("/kept"))).body }
            let cancelled = Task { try await client.send(get(server.url("/cancelled"))).body }
            await arrived.arrive()
            cancelled.cancel()
            let error = await #expect(throws: HTTPError.self) { try await cancelled.value }
            #expect(error?.reason == .cancelled)
            let after = try await client.send(get(server.url("/after")))
            #expect(after.body == Array("after".utf8))
            // libcurl 7.88 holds the reset back until it next writes to the connection: now it has.
            await isReset.wait()
            release.fire()
            let body = try await kept.value
            #expect(body == Array("kept".utf8))
            #expect(server.connections == 1)
        }
    }

    /// A server that answers `/rejected` with 401 and takes no request behind it, as an API server does when a token
    /// has expired. `/behind` is in flight by then.
    private func rejecting(
        _ method: HTTPMethod,
        _ check: (HTTP2TestServer, Result<HTTPResponse, HTTPError>) async throws -> Void
    )
        async throws
    {
        let rejectedHasArrived = Signal()
        let inFlight = Signal()
        try await withHTTP2Server { stream in
            switch (stream.path, stream.connection) {
            case ("/rejected", _):
                rejectedHasArrived.fire()
                await inFlight.wait()
                try await stream.goAway(last: stream.id())
                try await stream.respond(401)
            case ("/behind", 1):
                inFlight.fire()
                await stream.waitForClose()
            default:
                try await stream.respond(body: "connection \(stream.connection)")
            }
        } body: { server in
            _ = try await client.send(get(server.url()))
            async let rejected = client.send(get(server.url("/rejected")))
            // The later request has the higher stream id.
            await rejectedHasArrived.wait()
            let result: Result<HTTPResponse, HTTPError>
            do throws(HTTPError) {
                result = .success(
                    try await client.send(HTTPRequest(method, server.url("/behind"), totalTimeout: nil))
                )
            } catch {
                result = .failure(error)
            }
            #expect(try await rejected.status == 401)
            try await check(server, result)
        }
    }

    @Test("A request behind a GOAWAY is sent again on a new connection", arguments: [HTTPMethod.get, .put, .delete])
    func goAway(method: HTTPMethod) async throws {
        try await rejecting(method) { server, result in
            let next = try await client.send(get(server.url()))
            #expect(try result.get().body == Array("connection 2".utf8))
            #expect(next.body == Array("connection 2".utf8))
        }
    }

    @Test("A POST behind a GOAWAY is an error, and the next one has a new connection")
    func goAwayAfterPost() async throws {
        try await rejecting(.post) { server, result in
            let error = #expect(throws: HTTPError.self) { try result.get() }
            #expect(error?.reason == .connect)
            let next = try await client.send(HTTPRequest(.post, server.url()))
            #expect(next.body == Array("connection 2".utf8))
        }
    }

    @Test("A stream that is under way when GOAWAY comes runs on to its end")
    func streamAcrossGoAway() async throws {
        let headHasArrived = Signal()
        try await withHTTP2Server { stream in
            try await stream.writeHead()
            await headHasArrived.wait()
            try await stream.goAway(last: stream.id())
            try await stream.writeBody([1])
            try await stream.writeBody([2], endStream: true)
        } body: { server in
            let stream = try await client.stream(get(server.url()))
            headHasArrived.fire()
            #expect(try await stream.collect() == [1, 2])
        }
    }

    @Test("A stream that the server resets is cut short")
    func reset() async throws {
        let headHasArrived = Signal()
        try await withHTTP2Server { stream in
            try await stream.writeHead()
            await headHasArrived.wait()
            try await stream.outbound.write(.rstStream(.internalError))
        } body: { server in
            let stream = try await client.stream(get(server.url()))
            headHasArrived.fire()
            let error = await #expect(throws: HTTPError.self) { try await stream.next() }
            #expect(error?.reason == .response)
        }
    }

    @Test("A stream is idle though its connection is not")
    func halfDead() async throws {
        let time = SteppedTime()
        let client = makeTrustingClient(time: time)
        try await withHTTP2Server { stream in
            guard stream.path == "/silent" else { return try await stream.respond() }
            try await stream.writeHead()
            try await stream.connectionChannel.writeAndFlush(
                HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(), ack: false))
            ).get()
            await stream.waitForClose()
        } body: { server in
            let request = HTTPRequest(.get, server.url("/silent"), totalTimeout: nil, idleTimeout: .seconds(90))
            _ = try await client.send(get(server.url()))
            let stream = try await client.stream(request)
            let error = await time.passing { await #expect(throws: HTTPError.self) { try await stream.collect() } }
            #expect(error?.detail == "the server was silent for 90 s")
        }
    }
}
