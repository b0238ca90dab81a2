import Testing

@testable import HTTPTransport

@Suite struct PreparedRequestTests {
    private func prepare(
        _ request: HTTPRequest,
        form: PreparedRequest.Form = .whole,
        _ configuration: HTTPClientConfiguration = .init()
    ) throws -> PreparedRequest {
        try PreparedRequest(request, form: form, settings: ClientSettings(configuration))
    }

    @Test(
        "A header that could begin another line is refused, without showing its value",
        arguments: [
            ("X-A", "secret\r\nX-B: 1"), ("X-A", "secret\nX-B: 1"), ("X-A", "secret\r"), ("X-A", "secret\0"),
            ("X-A", "\u{1}secret"), ("X-A\r\nX-B", "secret"), ("X A", "secret"), ("X:A", "secret"), ("", "secret"),
            ("X-Ä", "secret"),
        ]
    )
    func headerInjection(name: String, value: String) throws {
        var headers = HTTPHeaders()
        headers.append(name, value)
        let error = #expect(throws: HTTPError.self) {
            try prepare(HTTPRequest(.put, "http://u:secret@host/p?secret", headers: headers))
        }
        #expect(error?.reason == .request)
        #expect(error?.url == "http://host/p")
        #expect(error?.method == .put)
        #expect(error.map { "\($0)".contains("secret") } == false)
    }

    @Test("Header values keep tabs and letters beyond ASCII")
    func headerValues() throws {
        let request = try prepare(HTTPRequest(.get, "http://host/", headers: ["X-A": "a\tb", "X-B": "ä", "X-C": ""]))
        #expect(request.headerLines == ["X-A: a\tb", "X-B: ä", "X-C;"])
    }

    @Test("A line break in the user agent is an error of every request")
    func userAgent() {
        #expect(throws: ClientSettings.Unusable.self) {
            try ClientSettings(HTTPClientConfiguration(userAgent: "a\r\nb: c"))
        }
    }

    @Test("A body has no type but the caller's, and is not announced first")
    func bodyHeaders() throws {
        let plain = try prepare(HTTPRequest(.post, "http://host/", body: [1]))
        #expect(plain.headerLines == ["Content-Type:", "Expect:"])
        let typed = try prepare(HTTPRequest(.post, "http://host/", headers: ["content-type": "a/b"], body: [1]))
        #expect(typed.headerLines == ["content-type: a/b", "Expect:"])
    }

    @Test(
        "Methods that carry content say so even when it is empty",
        arguments: [
            (HTTPMethod.get, nil), (.delete, nil), (.put, []), (.post, []), (.patch, []),
        ] as [(HTTPMethod, [UInt8]?)]
    )
    func emptyBodies(method: HTTPMethod, body: [UInt8]?) throws {
        #expect(try prepare(HTTPRequest(method, "http://host/")).body == body)
        #expect(try prepare(HTTPRequest(method, "http://host/", body: [1])).body == [1])
    }

    @Test("Compression is asked for where the body is collected and the caller does not decide")
    func compression() throws {
        let request = HTTPRequest(.get, "http://host/")
        #expect(try prepare(request).decodesContent)
        #expect(try prepare(request, form: .stream).decodesContent == false)
        let own = HTTPRequest(.get, "http://host/", headers: ["accept-encoding": "identity"])
        #expect(try prepare(own).decodesContent == false)
    }

    @Test("A TLS server name takes the host's place in the URL, while connection and Host field keep it")
    func serverName() throws {
        let configuration = HTTPClientConfiguration(tls: .init(serverName: "kubernetes"))
        let request = try prepare(HTTPRequest(.get, "https://10.0.0.1:6443/api"), configuration)
        #expect(request.url == "https://kubernetes:6443/api")
        #expect(request.connectTo == "::10.0.0.1:6443")
        #expect(request.headerLines == ["Host: 10.0.0.1:6443"])
        #expect(request.shownURL == "https://10.0.0.1:6443/api")

        let v6 = try prepare(HTTPRequest(.get, "https://[::1]/api"), configuration)
        #expect(v6.url == "https://kubernetes/api")
        #expect(v6.connectTo == "::[::1]:443")
        #expect(v6.headerLines == ["Host: [::1]"])

        let ownHost = try prepare(HTTPRequest(.get, "https://10.0.0.1/", headers: ["host": "x"]), configuration)
        #expect(ownHost.headerLines == ["host: x"])
    }

    @Test(
        "A TLS server name changes nothing in clear or where it is the host's",
        arguments: ["http://10.0.0.1:6443/api", "https://Kubernetes:6443/api"]
    )
    func idleServerName(url: String) throws {
        let configuration = HTTPClientConfiguration(tls: .init(serverName: "kubernetes"))
        let request = try prepare(HTTPRequest(.get, url), configuration)
        #expect(request.url == url)
        #expect(request.connectTo == nil)
        #expect(request.headerLines.isEmpty)
    }

    @Test("A server name that would change the URL is refused", arguments: ["", "a/b", "a b", "a@b", "a\r\nb", "a?b"])
    func badServerName(name: String) {
        #expect(throws: ClientSettings.Unusable.self) {
            try ClientSettings(HTTPClientConfiguration(tls: .init(serverName: name)))
        }
    }
}
