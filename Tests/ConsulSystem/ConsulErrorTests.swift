import HTTPTransport
import ServiceCatalog
import SyncEngine
import Testing

@testable import ConsulSystem

/// What failures mean, by what a real Consul answered.
@Suite struct ConsulErrorTests {
    private func error(_ response: HTTPResponse) async -> TargetError? {
        let http = ScriptedHTTP { (_) throws(HTTPError) in response }
        let client = ConsulClient(
            ConsulConfiguration(address: "http://consul:8500/", token: { "s3cret-token" }),
            http: http
        )
        do {
            _ = try await client.put(["txn"], body: [])
            return nil
        } catch {
            #expect(!"\(error)".contains("s3cret"))
            return error
        }
    }

    @Test(
        "Recorded failures",
        arguments: [
            ("no-leader/txn", "unreachable"), ("leader-lost/txn", "unreachable"),
            ("leader-lost/blocking-streaming", "unreachable"), ("acl/txn-unknown-token", "unauthorized"),
            ("acl/register-unknown-token", "unauthorized"), ("txn/65-operations", "invalid"),
            ("txn/broken-json", "invalid"), ("register/error-unknown-field", "invalid"),
            ("misc/unknown-path", "nonsense"),
            ("misc/root", "nonsense"),
        ]
    )
    func recorded(recording: String, label: String) async throws {
        #expect(await error(try Recording(recording).response)?.label == label)
    }

    @Test("Limits ask to slow down, and say for how long")
    func limits() async {
        let read = HTTPResponse(status: 429, headers: ["Retry-After": "7"], body: Array("rate limit exceeded".utf8))
        guard case .throttled(_, retryAfter: .seconds(7)) = await error(read) else {
            Issue.record("429")
            return
        }
        let text = "rate limit exceeded for operation that can only be performed by the leader"
        for status in [500, 503] {
            guard case .throttled = await error(HTTPResponse(status: status, body: Array(text.utf8))) else {
                Issue.record("\(status)")
                return
            }
        }
    }

    @Test("A transport failure is an unreachable Consul, told without the token")
    func transport() async {
        let http = ScriptedHTTP { (request) throws(HTTPError) in
            throw HTTPError(.connect, method: request.method, url: "http://consul:8500/v1/txn", detail: "refused")
        }
        let client = ConsulClient(ConsulConfiguration(address: "http://consul:8500"), http: http)
        await #expect(throws: TargetError.unreachable("Consul: PUT http://consul:8500/v1/txn: refused")) {
            _ = try await client.put(["txn"], body: [])
        }
    }

    @Test("Requests carry the token as a header, the datacenter, and encoded names")
    func requests() async throws {
        let http = ScriptedHTTP { (_) throws(HTTPError) in HTTPResponse(status: 200) }
        let configuration = ConsulConfiguration(address: "http://consul:8500/", datacenter: "dc 2", token: { "t" })
        let client = ConsulClient(configuration, http: http)
        _ = try await client.get(["health", "service", "a/b ü"], index: 7, wait: .seconds(300))
        let request = try #require(http.requests.first)
        #expect(request.url == "http://consul:8500/v1/health/service/a%2Fb%20%C3%BC?index=7&wait=300s&dc=dc%202")
        #expect(request.headers["X-Consul-Token"] == "t")
        let timeout = try #require(request.totalTimeout)
        #expect(timeout >= .seconds(319), "the server adds a sixteenth")
    }

    @Test("An answer that makes no sense is no empty registry", arguments: ["", "<html>", "{}", "[]", "{\"Results\":"])
    func nonsense(body: String) async {
        let http = ScriptedHTTP { (_) throws(HTTPError) in HTTPResponse(status: 200, body: Array(body.utf8)) }
        let configuration = ConsulConfiguration(address: "http://consul:8500")
        let target = ConsulTarget(system: "dc1", cluster: "east", configuration: configuration, http: http)
        let item = Registration(
            id: EntryID(service: "a", host: Host("10.0.0.1"), port: 1),
            service: "a",
            host: Host("10.0.0.1"),
            port: 1,
            mark: Mark(
                owner: "east",
                from: "k8s",
                key: ServiceKey(namespace: "n", name: "a"),
                origin: Origin(cluster: "east", system: "k8s")
            )
        )
        let results = await target.apply([.put(item, replacing: nil)])
        guard case .failed(let error) = results[0] else {
            Issue.record("\(results)")
            return
        }
        #expect(error.concernsWholeTarget)
    }
}
