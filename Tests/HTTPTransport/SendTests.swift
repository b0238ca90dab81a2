import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(5))) struct SendTests {
    /// Answers every request with what it was.
    private static let echo: TestServer.Script = { connection in
        while let request = try await connection.request() {
            let headers = ["X-Method: \(request.method)", "X-Target: \(request.target)"]
            let fields = request.headers.map { "X-Sent: \($0.name)=\($0.value)" }
            try await connection.respond(headers: headers + fields, body: request.body)
        }
    }

    /// Answers every request on every connection with these bytes, and closes.
    private func answering(_ bytes: [UInt8], _ body: (TestServer) async throws -> Void) async throws {
        try await withServer { connection in
            _ = try await connection.request()
            try await connection.write(bytes)
        } body: {
            try await body($0)
        }
    }

    @Test(
        "Every method carries its body, or says that it has none",
        arguments: [HTTPMethod.get, .put, .post, .patch, .delete],
        [nil, [], Array("{\"a\":1}".utf8)] as [[UInt8]?]
    )
    func echo(method: HTTPMethod, body: [UInt8]?) async throws {
        try await withServer(Self.echo) { server in
            let response = try await makeClient().send(HTTPRequest(method, server.url("/a/../b?c=d"), body: body))
            #expect(response.status == 200)
            #expect(response.headers["x-method"] == method.rawValue)
            #expect(response.headers["x-target"] == "/a/../b?c=d", "a path goes out as it is")
            #expect(response.body == body ?? [])
            let sent = response.headers.values("X-Sent")
            let length = sent.first { $0.hasPrefix("Content-Length=") }
            let announces = body != nil || method == .put || method == .post || method == .patch
            #expect(length == (announces ? "Content-Length=\(body?.count ?? 0)" : nil))
            #expect(!sent.contains { $0.hasPrefix("Content-Type") || $0.hasPrefix("Expect") })
            #expect(sent.contains("User-Agent=portolan"))
            #expect(sent.contains("Accept-Encoding=gzip"))
        }
    }

    @Test("The caller's headers go out as they are, and replace the client's own")
    func headers() async throws {
        let headers: HTTPHeaders = [
            "Authorization": "Bearer t", "X-Empty": "", "User-Agent": "test/1", "Accept": "a/b", "Content-Type": "c/d",
        ]
        try await withServer(Self.echo) { server in
            let request = HTTPRequest(.put, server.url(), headers: headers, body: [1])
            let sent = try await makeClient().send(request).headers.values("X-Sent")
            for field in headers.fields { #expect(sent.contains("\(field.name)=\(field.value)")) }
            #expect(sent.count { $0.hasPrefix("User-Agent=") } == 1)
        }
    }

    @Test("User info in the URL becomes a credential, and no part of an error")
    func userInfo() async throws {
        try await withServer(Self.echo) { server in
            let url = "http://user:pa%40ss@127.0.0.1:\(server.port)/"
            let sent = try await makeClient().send(HTTPRequest(.get, url)).headers.values("X-Sent")
            #expect(sent.contains("Authorization=Basic dXNlcjpwYUBzcw=="))
        }
    }

    @Test("A body of some megabytes arrives whole, both ways")
    func largeBody() async throws {
        let body = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await withServer(Self.echo) { server in
            let response = try await makeClient().send(HTTPRequest(.put, server.url(), body: body))
            #expect(response.body == body)
        }
    }

    @Test("Requests one after another share a connection", arguments: [nil, ServerTLS()])
    func reuse(tls: ServerTLS?) async throws {
        try await withServer(tls: tls, Self.echo) { server in
            for _ in 0..<20 { _ = try await makeTrustingClient().send(HTTPRequest(.put, server.url(), body: [1])) }
            #expect(server.connections == 1)
        }
    }

    @Test("Any status is a response", arguments: [201, 204, 301, 304, 400, 404, 410, 429, 500, 503])
    func status(status: Int) async throws {
        try await withServer { connection in
            while try await connection.request() != nil {
                try await connection.respond(status, headers: ["Location: /other", "Retry-After: 5"])
            }
        } body: { server in
            let response = try await makeClient().send(HTTPRequest(.get, server.url()))
            #expect(response.status == status)
            #expect(response.headers["Location"] == "/other", "a redirect is a response like others")
            #expect(server.connections == 1)
        }
    }

    @Test("An interim response comes before the real one")
    func interim() async throws {
        try await answering(
            Array("HTTP/1.1 103 Early\r\nA: 1\r\n\r\nHTTP/1.1 200 OK\r\nB: 2\r\nContent-Length: 1\r\n\r\nx".utf8)
        ) { server in
            let response = try await makeClient().send(HTTPRequest(.get, server.url()))
            #expect(response.status == 200)
            #expect(response.headers.fields.map(\.name) == ["B", "Content-Length"])
        }
    }

    // MARK: Sizes and compression

    @Test("A compressed body comes out plain")
    func gzip() async throws {
        let text = Array("service".utf8)
        try await withServer { connection in
            while try await connection.request() != nil {
                try await connection.respond(headers: ["Content-Encoding: gzip"], body: Gzip.stored(text))
            }
        } body: { server in
            let response = try await makeClient().send(HTTPRequest(.get, server.url()))
            #expect(response.body == text)
        }
    }

    @Test("A caller who asks for an encoding gets the bytes as they came")
    func ownEncoding() async throws {
        let bytes = Gzip.stored([1, 2, 3])
        try await withServer { connection in
            let request = try await connection.request()
            #expect(request?["Accept-Encoding"] == "gzip")
            try await connection.respond(headers: ["Content-Encoding: gzip"], body: bytes)
        } body: { server in
            let request = HTTPRequest(.get, server.url(), headers: ["Accept-Encoding": "gzip"])
            let response = try await makeClient().send(request)
            #expect(response.body == bytes)
        }
    }

    @Test(
        "The limit counts decompressed bytes, which may be as many and not one more",
        arguments: [(200_000, true), (1000, true), (300_000, false)]
    )
    func bodyLimit(size: Int, isCompressed: Bool) async throws {
        let body = isCompressed ? Gzip.zeros(atLeast: size) : [UInt8](repeating: 0, count: size)
        let length = isCompressed ? 1 + (size + 257) / 258 * 258 : size
        try await withServer { connection in
            while try await connection.request() != nil {
                try await connection.respond(headers: isCompressed ? ["Content-Encoding: gzip"] : [], body: body)
            }
        } body: { server in
            let enough = makeClient(HTTPClientConfiguration(maximumBodySize: length))
            let response = try await enough.send(HTTPRequest(.get, server.url()))
            #expect(response.body == [UInt8](repeating: 0, count: length))
            let tooLittle = makeClient(HTTPClientConfiguration(maximumBodySize: length - 1))
            let error = await #expect(throws: HTTPError.self) {
                try await tooLittle.send(HTTPRequest(.get, server.url("/bomb")))
            }
            #expect(error?.reason == .tooLarge)
            #expect(error?.url == server.url("/bomb"))
        }
    }

    @Test("A body that is not compressed as it says is an error")
    func brokenGzip() async throws {
        try await withServer { connection in
            while try await connection.request() != nil {
                try await connection.respond(headers: ["Content-Encoding: gzip"], body: Array("no gzip".utf8))
            }
        } body: { server in
            let error = await #expect(throws: HTTPError.self) {
                try await makeClient().send(HTTPRequest(.get, server.url()))
            }
            #expect(error?.reason == .response)
        }
    }

    // MARK: Bad input

    @Test(
        "An answer that is absurd or cut short is one clear error",
        arguments: [
            "garbage\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 400_000) + "\r\n\r\n",
            "HTTP/1.1 200 OK\r\n" + String(repeating: "X: yyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", count: 20_000) + "\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
        ]
    )
    func absurd(answer: String) async throws {
        try await answering(Array(answer.utf8)) { server in
            let error = await #expect(throws: HTTPError.self) {
                try await makeClient().send(HTTPRequest(.get, server.url("/p?secret")))
            }
            #expect(error?.reason == .response)
            #expect(error?.url == server.url("/p"))
            #expect(error?.detail.isEmpty == false)
        }
    }

    @Test("A body of unknown length ends with its connection")
    func untilClose() async throws {
        try await answering(Array("HTTP/1.0 200 OK\r\n\r\nall of it".utf8)) { server in
            let response = try await makeClient().send(HTTPRequest(.get, server.url()))
            #expect(response.body == Array("all of it".utf8))
        }
    }

    @Test("What cannot be reached is a connect error that names it")
    func refused() async throws {
        let error = await #expect(throws: HTTPError.self) {
            try await makeClient().send(HTTPRequest(.delete, "http://u:secret@127.0.0.1:\(deadPort)/p?secret"))
        }
        #expect(error?.reason == .connect)
        #expect(error.map { "\($0)" }?.hasPrefix("DELETE http://127.0.0.1:\(deadPort)/p: ") == true)
        #expect(error?.detail.contains("Connection refused") == true)
        #expect(error.map { "\($0)".contains("secret") } == false)
    }

    @Test("A name without an address is a resolve error")
    func unresolved() async throws {
        let error = await #expect(throws: HTTPError.self) {
            try await makeClient().send(HTTPRequest(.get, "http://nowhere.direct.test/"))
        }
        #expect(error?.reason == .resolve)
        #expect(error?.detail.contains("nowhere.direct.test") == true)
    }

    @Test("A bad URL is a request error", arguments: ["", "ftp://h/", "http://h/\r\nX: y", "http://h:99999/"])
    func badURL(url: String) async throws {
        let error = await #expect(throws: HTTPError.self) { try await makeClient().send(HTTPRequest(.get, url)) }
        #expect(error?.reason == .request)
    }

    // MARK: Time

    /// A request is heard, answered with a byte of a body or not at all, and then time passes.
    private func expectTimeout(
        bytesOfBody: Int,
        _ request: (String) -> HTTPRequest,
        detail: String
    ) async throws {
        let heard = Signal()
        let time = SteppedTime()
        try await withServer { connection in
            _ = try await connection.request()
            if bytesOfBody > 0 { try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx") }
            heard.fire()
            await connection.waitForClose()
        } body: { server in
            let request = request(server.url())
            let response = Task { try await makeClient(time: time).send(request) }
            await heard.wait()
            let error = await time.passing { await #expect(throws: HTTPError.self) { try await response.value } }
            #expect(error?.reason == .timeout)
            #expect(error?.detail == detail)
        }
    }

    @Test("A response that does not come ends at the total timeout", arguments: [0, 1])
    func totalTimeout(bytesOfBody: Int) async throws {
        try await expectTimeout(
            bytesOfBody: bytesOfBody,
            { HTTPRequest(.get, $0, totalTimeout: .seconds(20)) },
            detail: "no complete response within 20 s"
        )
    }

    @Test("Silence ends at the idle timeout, before the head and within the body", arguments: [0, 1])
    func idleTimeout(bytesOfBody: Int) async throws {
        try await expectTimeout(
            bytesOfBody: bytesOfBody,
            { HTTPRequest(.get, $0, totalTimeout: nil, idleTimeout: .milliseconds(1500)) },
            detail: "the server was silent for 1500 ms"
        )
    }

    @Test("A server that accepts and does not speak TLS ends at the connect timeout")
    func connectTimeout() async throws {
        let accepted = Signal()
        let time = SteppedTime()
        try await withServer { connection in
            accepted.fire()
            await connection.waitForClose()
        } body: { server in
            let url = "https://127.0.0.1:\(server.port)/"
            let client = makeClient(time: time)
            let response = Task { try await client.send(HTTPRequest(.get, url, totalTimeout: nil)) }
            await accepted.wait()
            let error = await time.passing { await #expect(throws: HTTPError.self) { try await response.value } }
            #expect(error?.reason == .timeout)
            #expect(error?.detail.contains("no connection within 1000 s") == true)
        }
    }
}
