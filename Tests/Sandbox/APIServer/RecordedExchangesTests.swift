import Testing

@testable import Sandbox

/// The stand-in against recordings of kube-apiserver 1.36, in the order they were made.
@Suite("recorded exchanges", .timeLimit(.minutes(10)))
struct RecordedExchangesTests {
    private static let services = [
        "clusterip", "headless", "headless-no-ports", "nodeport", "loadbalancer", "externalname", "no-selector",
        "several-ports", "annotated", "9digit-first", "dual-prefer", "dual-require", "ipv6-only",
    ]
    private static let slices = [
        "ipv4-ready", "terminating", "hostnames", "hints", "ipv6", "fqdn", "several-ports", "no-ports", "unnamed-port",
        "no-endpoints", "null-endpoints", "two-addresses", "no-service-label",
    ]
    private static let endpoints = ["clusterip", "several-ports", "headless-no-ports", "no-selector"]

    /// A server with namespaces `rec-a`, `rec-e`, `rec-p` and `rec-w`, and nothing else in them.
    private func replay(_ configuration: APIServer.Configuration = APIServer.Configuration()) async throws -> Replay {
        let replay = try await Replay(configuration)
        for name in ["rec-a", "rec-e", "rec-p", "rec-w"] {
            try replay.server.load(yaml: "{apiVersion: v1, kind: Namespace, metadata: {name: \(name)}}")
        }
        return replay
    }

    /// Everything of `rec-a`: Services, EndpointSlices and Endpoints of all shapes.
    private func replayWithObjects() async throws -> Replay {
        let replay = try await replay()
        try await replay.run(Self.services.map { "services/\($0).create" })
        try await replay.run("services/loadbalancer.status-update")
        try await replay.run(Self.slices.map { "endpointslices/\($0).create" })
        try await replay.run(Self.endpoints.map { "endpoints/\($0).create" })
        return replay
    }

    @Test("Services, EndpointSlices and Endpoints are made, defaulted and read as recorded")
    func objects() async throws {
        let replay = try await replayWithObjects()
        for name in Self.services where !["9digit-first", "dual-prefer"].contains(name) {
            try await replay.run(["services/\(name).get.json", "services/\(name).get.proto"])
        }
        for name in Self.slices where name != "no-service-label" {
            try await replay.run(["endpointslices/\(name).get.json", "endpointslices/\(name).get.proto"])
        }
        for name in Self.endpoints {
            try await replay.run(["endpoints/\(name).get.json", "endpoints/\(name).get.proto"])
        }
        for name in ["bad-family", "bad-special", "bad-leading-zero", "bad-duplicate-port", "bad-too-many"] {
            try await replay.run("endpointslices/\(name).create")
        }
        await replay.server.stop()
    }

    @Test("a single-stack cluster refuses a second family as recorded")
    func singleStack() async throws {
        var configuration = APIServer.Configuration()
        configuration.isDualStack = false
        configuration.hasFairness = false
        let replay = try await replay(configuration)
        try await replay.run(["dual-require", "ipv6-only", "dual-prefer"].map { "services/single-stack.\($0).create" })
        await replay.server.stop()
    }

    @Test("lists, selectors, tables and metadata as recorded")
    func lists() async throws {
        let replay = try await replayWithObjects()
        try await replay.run("write/namespace-create")
        try await replay.run(["lists/namespace.get.json", "lists/namespace.get.proto"])
        for name in ["services", "endpointslices", "endpoints", "endpointslices-of-one-service", "services-empty"] {
            try await replay.run(["lists/\(name).json", "lists/\(name).proto"])
        }
        try await replay.run(
            [
                "services-no-such-namespace", "services-field-selector", "services-field-selector-type",
                "services-field-selector-bad", "services-rv0", "services.table", "endpointslices.table",
                "endpoints.table", "services.table-single", "services.partial-metadata.json",
                "services.partial-metadata.proto", "services.pretty",
            ].map { "lists/\($0)" }
        )
        await replay.server.stop()
    }

    /// `rec-p` with its seven Services; the version of the list stands for 333.
    private func replayWithPages() async throws -> Replay {
        let replay = try await replay()
        for number in 0..<7 {
            try await replay.create(
                "/api/v1/namespaces/rec-p/services",
                [
                    "metadata": ["name": .string("page-\(number)")],
                    "spec": ["selector": ["app": "x"], "ports": [["port": 80]]],
                ]
            )
        }
        return replay
    }

    @Test("pages, exact versions and expired tokens as recorded")
    func pages() async throws {
        let replay = try await replayWithPages()
        try await replay.run(
            [
                "page-1.json", "page-1.proto", "page-2.json", "page-2.proto", "page-1.selector", "page.garbage-token",
                "page.token-with-version",
                "page.rv0-limit", "exact-version", "not-older-than",
            ].map { "lists/\($0)" }
        )
        // The first page's token outlives compaction as a fresh one that goes on at another version.
        let first = try await replay.client.get(
            "/api/v1/namespaces/rec-p/services?limit=3",
            headers: ["Authorization": "Bearer TOKEN"]
        )
        let token = try #require(try JSON(parsing: first.body)[["metadata", "continue"]]?.string)
        try replay.server.load(yaml: "{apiVersion: v1, kind: ConfigMap, metadata: {name: later, namespace: rec-p}}")
        replay.server.compact()
        for expired in [
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NDA0LCJzdGFydCI6Ii9wYWdlLTJcdTAwMDAifQ",
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MzA0NCwic3RhcnQiOiJwYWdlLTJcdTAwMDAifQ",
        ] {
            replay.learn(version: expired, as: token)
        }
        try await replay.run(["lists/page.expired-token.json", "lists/page.expired-token.proto"])
        try await replay.run("old-etcd/page.expired-token")
        try await replay.run("lists/page.inconsistent-continue")
        try await replay.run(["errors/410-exact", "errors/410-exact-paged", "errors/410-exact.proto"])
        await replay.server.stop()
    }

    @Test("server-side apply, updates, patches and deletions as recorded")
    func writes() async throws {
        let replay = try await replay()
        try await replay.run("services/annotated.create")
        try await replay.create(
            "/apis/discovery.k8s.io/v1/namespaces/rec-e/endpointslices",
            ["metadata": ["name": "slice"], "addressType": "IPv4", "endpoints": [["addresses": ["192.0.2.1"]]]]
        )
        try await replay.run(
            [
                "apply-service.create", "apply-service.same", "apply-service.change", "apply-service.yaml",
                "apply-service.no-manager", "apply-service.conflict", "apply-service.force", "apply-service.lost-field",
                "apply-service.proto-accept", "apply-service.with-version", "apply-service.dry-run",
                "apply-service.managed-fields-set", "apply-endpointslice.create", "apply-endpointslice.change",
                "apply-endpointslice.same", "apply-endpointslice.conflict", "create-generate-name",
                "create-field-manager", "update", "update-no-change", "merge-patch", "json-patch",
                "json-patch-test-failed", "strategic-merge-patch", "create-dry-run", "put-creates-service",
                "put-creates-endpoints", "put-blind-service", "delete-precondition-failed-uid",
                "delete-precondition-failed-version", "delete-precondition-ok", "delete-endpointslice",
                "put-creates-endpointslice", "put-blind-endpointslice", "delete-endpointslice.proto",
                "delete-with-finalizer", "get-deleting", "finalizer-removed", "delete-collection",
            ].map { "write/\($0)" }
        )
        await replay.server.stop()
    }

    @Test("leases as recorded")
    func leases() async throws {
        let replay = try await replay()
        try await replay.run(
            [
                "get-absent", "create", "create-race-lost", "renew", "takeover-conflict", "blind-update", "takeover",
                "renew-no-change", "micro-time-required", "micro-time-nanoseconds", "bad-time", "invalid", "release",
                "merge-patch", "get.json", "get.proto", "delete",
            ].map { "lease/\($0)" }
        )
        await replay.server.stop()
    }

    @Test("events of both groups as recorded")
    func events() async throws {
        let replay = try await replay()
        try await replay.run(
            [
                "create-events.k8s.io", "series-patch", "create-events.k8s.io-missing",
                "create-events.k8s.io-long-note", "create-generate-name-dot", "create-v1", "create-wrong-namespace",
                "list",
            ].map { "events/\($0)" }
        )
        await replay.server.stop()
    }

    @Test("access reviews as recorded")
    func access() async throws {
        let replay = try await replay()
        try await replay.run(
            ["self-allowed", "self-denied", "self-denied.proto", "self-invalid", "self-subject-review"].map {
                "access/\($0)"
            }
        )
        await replay.server.stop()
    }

    @Test("errors as recorded")
    func errors() async throws {
        let replay = try await replayWithPages()
        let services = "/api/v1/namespaces/rec-e/services"
        var stale = try await replay.create(
            services,
            [
                "metadata": ["name": "stale"],
                "spec": ["selector": ["app": "stale"], "ports": [["name": "http", "port": 80]]],
            ]
        )
        replay.learn(version: "338", as: try #require(stale[["metadata", "resourceVersion"]]?.string))
        let uid = try #require(stale[["metadata", "uid"]]?.string)
        replay.learn(version: "513e3283-a7bc-4088-9286-1558d71f0767", as: uid)
        replay.learn(version: "10.96.111.158", as: try #require(stale[["spec", "clusterIP"]]?.string))
        stale["metadata"]?["labels"] = ["mine": "1"]
        _ = try await replay.write("PUT", services + "/stale", stale)
        try await replay.create(
            "/apis/discovery.k8s.io/v1/namespaces/rec-e/endpointslices",
            ["metadata": ["name": "slice"], "addressType": "IPv4", "endpoints": [["addresses": ["192.0.2.1"]]]]
        )
        try await replay.create("/api/v1/namespaces", ["metadata": ["name": "rec-term"]])
        replay.server.setToken("SA", APIUser("system:serviceaccount:rec-e:portolan"))
        for name in try Recording.all(in: "errors") {
            switch name {
            // 410 is with the pages, 429 with the faults; the expired token cannot be told from the administrator's.
            case _ where name.contains("410") || name.contains("429"), "errors/401-expired-token": continue
            case "errors/403-impersonated-without-right", "errors/403-service-account":
                try await replay.run(name, token: "SA")
            case "errors/403-namespace-terminating":
                try await replay.run("errors/namespace-terminating-delete")
                try await replay.run(name)
            case "errors/namespace-terminating-delete": continue
            case "errors/422-labels":
                // Go walks the labels in random order.
                let recording = try Recording(name)
                let reply = try await replay.send(recording)
                func causes(_ body: [UInt8]) throws -> [String] {
                    try JSON(parsing: body)[["details", "causes"]]?.array?.map(\.text).sorted() ?? []
                }
                #expect(reply.status == recording.status)
                #expect(try causes(reply.body) == causes(recording.response.body))
            default: try await replay.run(name)
            }
        }
        await replay.server.stop()
    }
}
