import Testing

@testable import HTTPTransport

@Suite struct RequestURLTests {
    @Test(
        "A URL is taken apart",
        arguments: [
            ("http://host", "host", nil, "", "", nil),
            ("https://host/", "host", nil, "/", "", nil),
            ("HTTP://Host:8500/v1/kv/a%20b?index=7&wait=5m#top", "Host", 8500, "/v1/kv/a%20b", "?index=7&wait=5m", nil),
            ("http://host?q", "host", nil, "", "?q", nil),
            ("http://host#f?q", "host", nil, "", "", nil),
            ("http://user:p%40ss@host:80/x", "host", 80, "/x", "", "user:p%40ss"),
            ("http://a@b@host/", "host", nil, "/", "", "a@b"),
            ("https://[::1]:6443/api", "[::1]", 6443, "/api", "", nil),
            ("https://[fd00::1]", "[fd00::1]", nil, "", "", nil),
            ("http://host:/x@y?z@w", "host", nil, "/x@y", "?z@w", nil),
        ] as [(String, String, UInt16?, String, String, String?)]
    )
    func parts(text: String, host: String, port: UInt16?, path: String, query: String, user: String?) throws {
        let url = try RequestURL(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.path == path)
        #expect(url.query == query)
        #expect(url.userInfo == user)
        #expect(url.isEncrypted == text.lowercased().hasPrefix("https"))
    }

    @Test(
        "What is no usable URL is refused, and says why",
        arguments: [
            ("", "http://"), ("host/path", "http://"), ("ftp://host/", "http://"), ("file:///etc/passwd", "http://"),
            ("http:/host", "http://"), ("http://", "no host"), ("http:///path", "no host"), ("http://:80/", "no host"),
            ("http://[]/", "no host"), ("http://[::1/", "bracket"), ("http://host:0/", "port"),
            ("http://host:65536/", "port"), ("http://host:8o/", "port"), ("http://[::1]x/", "port"),
            ("http://host/a b", "space"), ("http://host/\r\nX: y", "control"), ("http://host/\u{7f}", "control"),
            ("http://höst/", "percent-encoded"), ("http://host/ä", "percent-encoded"),
        ]
    )
    func unusable(text: String, problem: String) {
        let error = #expect(throws: RequestURL.Unusable.self) { try RequestURL(text) }
        #expect(error?.problem.contains(problem) == true)
    }

    @Test("The host can be replaced, and nothing else is")
    func otherHost() throws {
        let url = try RequestURL("https://u:p@10.0.0.1:6443/api?x=1#f")
        #expect(url.text(host: "kubernetes") == "https://u:p@kubernetes:6443/api?x=1")
        #expect(url.text(host: "fd00::1") == "https://u:p@[fd00::1]:6443/api?x=1")
        #expect(try RequestURL("https://h").text(host: "k") == "https://k")
    }

    @Test("A shown URL has no user info, query or fragment")
    func redacted() throws {
        #expect(try RequestURL("https://u:secret@h:1/p?token=secret#secret").redacted == "https://h:1/p")
    }

    @Test(
        "Nor has a shown text that is no URL",
        arguments: [
            ("ftp://user:secret@host/path?secret", "host/path"),
            ("http://user:sec/ret@host:1x/path#secret", "host:1x/path"),
            ("http://user:sec?ret@ho st/path", "ho st/path"),
            ("http://a:sec#ret@host:x", "host:x"),
            ("line\r\nbreak", "linebreak"),
            (String(repeating: "x", count: 300), String(repeating: "x", count: 200)),
        ]
    )
    func redactedUnusable(text: String, shown: String) {
        #expect(RequestURL.redacted(unusable: text) == shown)
    }
}
