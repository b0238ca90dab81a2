import NIOCore
import Synchronization
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(5))) struct RetryTests {
    private let client = makeClient()

    /// A kept connection on which the next request is read and then dropped without an answer, `failures` times.
    private func dropping(
        _ failures: Int,
        isReset: Bool = false,
        afterWarmUp: Bool = true,
        _ body: (TestServer, _ requests: @Sendable () -> [String]) async throws -> Void
    ) async throws {
        let requests = Mutex<[String]>([])
        let dropped = Atomic(0)
        try await withServer { connection in
            while let request = try await connection.request() {
                if request.target != "/warm-up" {
                    requests.withLock { $0.append("\(request.method) \(connection.number)") }
                    if dropped.add(1, ordering: .sequentiallyConsistent).newValue <= failures {
                        if isReset { try await connection.reset() }
                        return
                    }
                }
                try await connection.respond(body: request.body)
            }
        } body: { server in
            if afterWarmUp { _ = try await client.send(HTTPRequest(.get, server.url("/warm-up"))) }
            try await body(server) { requests.withLock { $0 } }
        }
    }

    @Test(
        "A request whose kept connection dies without an answer goes out again on a new one",
        arguments: [HTTPMethod.get, .put, .delete],
        [false, true]
    )
    func kept(method: HTTPMethod, isReset: Bool) async throws {
        try await dropping(1, isReset: isReset) { server, requests in
            let response = try await client.send(HTTPRequest(method, server.url(), body: [5]))
            #expect(response.body == [5])
            #expect(requests() == ["\(method.rawValue) 1", "\(method.rawValue) 2"])
        }
    }

    @Test("So does one whose new connection dies", arguments: [false, true])
    func new(isReset: Bool) async throws {
        try await dropping(1, isReset: isReset, afterWarmUp: false) { server, requests in
            let response = try await client.send(HTTPRequest(.put, server.url(), body: [5]))
            #expect(response.body == [5])
            #expect(requests() == ["PUT 1", "PUT 2"])
        }
    }

    @Test("So does a stream's, before its head")
    func stream() async throws {
        try await dropping(1) { server, requests in
            let stream = try await client.stream(HTTPRequest(.get, server.url(), totalTimeout: nil))
            #expect(stream.head.status == 200)
            #expect(requests() == ["GET 1", "GET 2"])
        }
    }

    @Test("It does not go out a third time", arguments: [false, true])
    func onlyOnce(afterWarmUp: Bool) async throws {
        try await dropping(9, afterWarmUp: afterWarmUp) { server, requests in
            let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(.get, server.url())) }
            #expect(error?.reason == .connect)
            #expect(requests() == ["GET 1", "GET 2"])
        }
    }

    @Test(
        "What is not idempotent goes out once, with or without a body",
        arguments: [HTTPMethod.post, .patch],
        [nil, [5]] as [[UInt8]?]
    )
    func notIdempotent(method: HTTPMethod, body: [UInt8]?) async throws {
        for afterWarmUp in [false, true] {
            try await dropping(1, afterWarmUp: afterWarmUp) { server, requests in
                let error = await #expect(throws: HTTPError.self) {
                    try await client.send(HTTPRequest(method, server.url(), body: body))
                }
                #expect(error?.reason == .connect)
                #expect(requests() == ["\(method.rawValue) 1"])
            }
        }
    }

    @Test("Once a byte of the response has come, nothing goes out again")
    func afterTheFirstByte() async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\n")
        } body: { server in
            let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(.get, server.url())) }
            #expect(error?.reason == .response)
            #expect(server.connections == 1)
        }
    }

    @Test("A connection the server closed in the meantime costs no attempt", arguments: [HTTPMethod.get, .post])
    func closedWhileIdle(method: HTTPMethod) async throws {
        let closed = Signal()
        try await withServer { connection in
            connection.channel.closeFuture.whenComplete { _ in closed.fire() }
            guard try await connection.request() != nil else { return }
            try await connection.respond()
        } body: { server in
            _ = try await client.send(HTTPRequest(.get, server.url()))
            await closed.wait()
            let response = try await client.send(HTTPRequest(method, server.url()))
            #expect(response.status == 200)
        }
    }
}
