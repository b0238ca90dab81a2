import TestCertificates
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(5))) struct ProxyTests {
    /// Answers as a proxy, for whatever host.
    private static let proxy: TestServer.Script = { connection in
        while let request = try await connection.request() {
            try await connection.respond(body: Array("\(request.method) \(request.target)".utf8))
        }
    }

    @Test("The environment's proxy is used for what it does not exclude")
    func environment() async throws {
        let error = await #expect(throws: HTTPError.self) {
            try await makeClient().send(HTTPRequest(.get, "http://elsewhere.test/"))
        }
        #expect(error?.reason == .connect)
        #expect(error?.detail.contains("port \(deadPort)") == true, "the proxy of the environment is not there")
    }

    @Test("A configured proxy takes the environment's place, and its exclusions too")
    func configured() async throws {
        try await withServer(Self.proxy) { proxy in
            let client = makeClient(HTTPClientConfiguration(proxy: proxy.url("")))
            for url in ["http://elsewhere.test/a?b", "http://direct.test/a?b", "http://127.0.0.1:\(deadPort)/a?b"] {
                let response = try await client.send(HTTPRequest(.put, url))
                #expect(String(decoding: response.body, as: UTF8.self) == "PUT \(url)")
            }
        }
    }

    @Test("An empty configured proxy means none")
    func none() async throws {
        let client = makeClient(HTTPClientConfiguration(proxy: ""))
        let error = await #expect(throws: HTTPError.self) {
            try await client.send(HTTPRequest(.get, "http://nowhere.invalid/"))
        }
        #expect(error?.reason == .resolve)
    }

    @Test("TLS goes through a tunnel, to the host of the URL also under a server name", arguments: [nil, "localhost"])
    func tunnel(serverName: String?) async throws {
        try await withServer { connection in
            let request = try await connection.request()
            try await connection.respond(502, headers: ["X-Target: \(request?.target ?? "")"])
        } body: { proxy in
            let client = makeClient(HTTPClientConfiguration(tls: .init(serverName: serverName), proxy: proxy.url("")))
            let error = await #expect(throws: HTTPError.self) {
                try await client.send(HTTPRequest(.get, "https://10.0.0.1:6443/"))
            }
            #expect(error?.reason == .connect)
            #expect(error?.detail.contains("502") == true)
        }
    }

    @Test("Exclusions count for the host that is connected to, not for the server name")
    func excludedUnderServerName() async throws {
        try await withServer(tls: ServerTLS(certificate: Certificates.namedServer)) { connection in
            while try await connection.request() != nil { try await connection.respond() }
        } body: { server in
            let client = makeTrustingClient(serverName: "kubernetes.default.svc")
            let response = try await client.send(HTTPRequest(.get, server.url()))
            #expect(response.status == 200)
        }
    }

    @Test(
        "No error shows a proxy's password",
        arguments: ["http://u:secret@p:x/", "bad://u:secret@p/", "http://u:secret@127.0.0.1:1"]
    )
    func password(proxy: String) async throws {
        let client = makeClient(HTTPClientConfiguration(proxy: proxy))
        let error = await #expect(throws: HTTPError.self) {
            try await client.send(HTTPRequest(.get, "http://elsewhere.test/"))
        }
        #expect(error.map { "\($0)".contains("secret") } == false)
    }
}
