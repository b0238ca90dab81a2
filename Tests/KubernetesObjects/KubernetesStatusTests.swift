import KubernetesObjects
import Testing

@Suite struct KubernetesStatusTests {
    private func status(_ name: String) throws -> KubernetesStatus {
        let recording = try Recording("errors/\(name)")
        return KubernetesStatus(httpStatus: recording.status, body: recording.body)
    }

    @Test(
        "An error reads the same from JSON and from protobuf",
        arguments: ["401-bad-token", "403-list", "404-service", "409-old-version", "410-exact"]
    )
    func pairs(name: String) throws {
        let json = try status(name)
        #expect(try status("\(name).proto") == json)
        #expect(name.hasPrefix("\(json.code)-"))
        #expect(!json.message.isEmpty)
    }

    @Test(
        "Code and reason are known whatever the body is",
        arguments: [
            ("401-bad-token", 401, "Unauthorized"), ("403-list", 403, "Forbidden"), ("403-anonymous", 403, "Forbidden"),
            ("403-namespace-terminating", 403, "Forbidden"), ("404-service", 404, "NotFound"),
            ("404-resource", 404, "NotFound"), ("404-unknown-group", 404, "NotFound"),
            ("405-version", 405, "MethodNotAllowed"), ("406-accept", 406, "NotAcceptable"),
            ("406-yaml", 406, "NotAcceptable"), ("409-old-version", 409, "Conflict"), ("410-exact", 410, "Expired"),
            ("422-service", 422, "Invalid"), ("422-service.proto", 422, "Invalid"), ("429", 429, "TooManyRequests"),
            ("429.proto", 429, "TooManyRequests"),
            ("429-watch", 429, "TooManyRequests"), ("429-shutdown", 429, "TooManyRequests"),
            ("504-timeout", 504, "Timeout"), ("version-in-future", 504, "Timeout"),
        ]
    )
    func shapes(name: String, code: Int, reason: String) throws {
        let status = try status(name)
        #expect(status.code == code)
        #expect(status.reason == reason)
        #expect(!status.message.isEmpty)
    }

    @Test("Plain text is the message")
    func text() throws {
        #expect(try status("429").message == "Too many requests, please try again later.")
        #expect(try status("404-unknown-group").message == "404 page not found")
        #expect(try status("429-shutdown").message == "The apiserver is shutting down, please try again later.")
    }

    @Test("The time to wait and the fresh token are kept")
    func details() throws {
        #expect(try status("version-in-future").retryAfterSeconds == 1)
        #expect(try status("404-service").retryAfterSeconds == nil)
        for ending in ["json", "proto"] {
            let recording = try Recording("lists/page.expired-token.\(ending)")
            let status = KubernetesStatus(httpStatus: recording.status, body: recording.body)
            #expect(status.code == 410)
            #expect(!status.continueToken.isEmpty)
        }
    }

    @Test(
        "A body that says nothing leaves it to the HTTP status",
        arguments: ["", "{}", "[1]", "{\"a\":", "k8s\0", "k8s\0\u{1}", "null"]
    )
    func empty(body: String) {
        let status = KubernetesStatus(httpStatus: 503, body: Array(body.utf8))
        #expect(status.code == 503)
        #expect(status.reason == "ServiceUnavailable")
    }

    @Test("A long page of a proxy is cut, and put on one line")
    func long() {
        let page = "<html>\n" + String(repeating: "x \u{1b}[31m\n", count: 10_000)
        let status = KubernetesStatus(httpStatus: 502, body: Array(page.utf8))
        #expect(status.message.utf8.count <= 512)
        #expect(!status.message.contains { $0.isNewline || $0 == "\u{1b}" })
    }
}
