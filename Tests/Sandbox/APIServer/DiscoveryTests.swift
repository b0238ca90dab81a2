import Testing

@testable import Sandbox

/// Discovery and health. The stand-in has fewer groups and resources; what it has it tells as the real server does.
@Suite("discovery and health")
struct DiscoveryTests {
    @Test("documents of single groups and versions as recorded")
    func documents() async throws {
        let replay = try await Replay()
        try await replay.run(
            [
                "readyz", "apis-discovery.k8s.io-v1", "apis-coordination.k8s.io-v1", "apis-discovery.k8s.io",
                "apis-unknown-group", "apis-discovery.k8s.io-v1beta1",
            ].map { "discovery/\($0)" }
        )
        await replay.server.stop()
    }

    @Test("every resource is told as recorded, one by one")
    func resources() async throws {
        let replay = try await Replay()
        let recording = try Recording("discovery/api-v1")
        let reply = try await replay.send(recording)
        let theirs = try JSON(parsing: recording.response.body)["resources"]?.array ?? []
        let ours = try JSON(parsing: reply.body)["resources"]?.array ?? []
        #expect(ours.count >= 9)
        for resource in ours { #expect(theirs.contains(resource), "\(resource.text)") }
        await replay.server.stop()
    }

    @Test("every resource is told as recorded, aggregated; subresources may be fewer", arguments: ["api", "apis"])
    func aggregated(_ name: String) async throws {
        let replay = try await Replay()
        let recording = try Recording("discovery/\(name).aggregated")
        let reply = try await replay.send(recording)
        #expect(reply.headers["Content-Type"] == recording.response.headers["Content-Type"])
        func resources(_ body: [UInt8]) throws -> [JSON] {
            (try JSON(parsing: body)["items"]?.array ?? []).flatMap { $0["versions"]?.array ?? [] }
                .flatMap { $0["resources"]?.array ?? [] }
        }
        let theirs = try resources(recording.response.body)
        for resource in try resources(reply.body) {
            let same = theirs.first { $0["resource"] == resource["resource"] }
            for member in resource.members ?? [] where member.name != "subresources" {
                #expect(same?[member.name] == member.value, "\(resource["resource"]?.string ?? "")")
            }
            for subresource in resource["subresources"]?.array ?? [] {
                #expect(same?["subresources"]?.array?.contains(subresource) == true)
            }
        }
        let tag = try #require(reply.headers["Etag"])
        let again = try await replay.client.get(
            recording.target,
            headers: ["Accept": recording.request.headers["Accept"] ?? "", "If-None-Match": tag]
        )
        #expect(again.status == 403, "discovery is not for anonymous users")
        let known = try await replay.client.get(
            recording.target,
            headers: [
                "Accept": recording.request.headers["Accept"] ?? "", "If-None-Match": tag,
                "Authorization": "Bearer TOKEN",
            ]
        )
        #expect(known.status == 304)
        await replay.server.stop()
    }

    @Test("the version is one kubectl can read")
    func version() async throws {
        let replay = try await Replay()
        let recording = try Recording("discovery/version")
        let reply = try await replay.send(recording)
        let theirs = try JSON(parsing: recording.response.body)
        let ours = try JSON(parsing: reply.body)
        #expect(ours.members?.map(\.name) == theirs.members?.map(\.name))
        #expect(ours["gitVersion"] == "v1.36.0")
        #expect(ours["minor"] == theirs["minor"])
        await replay.server.stop()
    }

    @Test("large bodies are compressed for who takes gzip, small ones and watches are not")
    func compression() async throws {
        let replay = try await Replay()
        try replay.server.fill(services: 60, endpoints: 20)
        let headers: HeaderFields = ["Authorization": "Bearer TOKEN", "Accept-Encoding": "gzip"]
        let path = "/apis/discovery.k8s.io/v1/endpointslices"
        let large = try await replay.client.get(path, headers: headers)
        #expect(large.headers["Content-Encoding"] == "gzip")
        #expect(large.headers["Vary"] == "Accept-Encoding")
        #expect(large.body.starts(with: [0x1F, 0x8B]))
        let plain = try await replay.client.get(path, headers: ["Authorization": "Bearer TOKEN"])
        #expect(plain.headers["Content-Encoding"] == nil)
        #expect(plain.headers["Transfer-Encoding"] == "chunked")
        #expect(try JSON(parsing: plain.body)["items"]?.array?.count == 61)
        #expect(try await replay.client.get(path + "?limit=1", headers: headers).headers["Content-Encoding"] == nil)
        let watch = try await replay.client.get(path + "?watch=true&timeoutSeconds=1", headers: headers)
        #expect(watch.headers["Content-Encoding"] == nil)
        await replay.server.stop()
    }
}
