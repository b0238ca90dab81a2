import Testing

@testable import Sandbox

/// Every exchange recorded from Consul 1.10, in order and with the writes that happened between them. Raft indexes are
/// compared too, so that a write the real server counts and the stand-in does not is noticed.
@Suite("Consul stand-in against the recordings", .timeLimit(.minutes(5)))
struct ConsulReplayTests {
    /// Exchanges that no test plays, each with its reason.
    static let notModelled: [String: String] = [:]

    private static let developmentFolders: Set<String> = [
        "register", "read", "misc", "deregister", "txn", "blocking", "agent", "session", "kv",
    ]

    @Test("a development server: catalog, transactions, blocking reads, agent, sessions and keys")
    func development() async throws {
        let replay = try await ConsulReplay(ConsulReplay.settings())
        try await registrations(replay)
        try await reads(replay)
        try await deregistrations(replay)
        try await transactions(replay)
        try await blocking(replay)
        try await agent(replay)
        try await sessionsAndKeys(replay)
        try expectComplete(replay, Self.developmentFolders)
        await replay.standIn.stop()
    }

    private func expectComplete(_ replay: ConsulReplay, _ folders: Set<String>) throws {
        let recorded = try RecordedExchange.all().filter { folders.contains(String($0.prefix { $0 != "/" })) }
        #expect(recorded.subtracting(replay.played).subtracting(Self.notModelled.keys) == [])
    }

    private func registrations(_ replay: ConsulReplay) async throws {
        // A service that went before the recording began.
        replay.unrecorded(indexes: 3277 - replay.standIn.index)
        try await replay.unrecorded(
            "PUT",
            "/v1/catalog/register",
            #"{"Node":"rec-old","Address":"192.0.2.8","Service":{"Service":"rec-old"}}"#
        )
        try await replay.unrecorded("PUT", "/v1/catalog/deregister", #"{"Node":"rec-old"}"#)
        replay.unrecorded(indexes: 1)
        try await replay.play(
            "register/ok",
            "register/ok.read-back",
            "register/same-again",
            "register/same-again.read-back",
            "register/node-only",
            "register/skip-node-update",
            "register/skip-node-update-other-address",
            "register/skip-node-update-absent-node",
            "register/skip-node-update-absent-node.read-back",
            "register/several-checks",
            "register/check-only",
            "register/check-without-status",
            "register/check-status-unknown",
            "register/check-definition",
            "register/checks.read-back",
            "register/weights-zero",
            "register/weights-zero.read-back",
            "register/id-defaults-to-name",
            "register/case",
            "register/case.read-back",
            "register/node-meta-odd-key",
            "register/odd-names",
            "register/odd-names.read-back",
            "register/passing"
        )
        try await replay.play(
            "register/error-missing-node",
            "register/error-missing-address",
            "register/error-bad-node-id",
            "register/error-service-without-name",
            "register/error-service-empty",
            "register/error-service-address-any",
            "register/error-meta-key",
            "register/error-meta-key-long",
            "register/error-meta-value-long",
            "register/error-meta-reserved",
            "register/error-meta-many",
            "register/error-check-missing-service",
            "register/error-check-other-node",
            "register/error-check-no-name",
            "register/error-unknown-field",
            "register/error-unknown-field-nested",
            "register/error-namespace",
            "register/error-partition",
            "register/error-wrong-type",
            "register/error-broken-json",
            "register/error-empty-body",
            "register/error-datacenter",
            "register/error-port-range",
            "register/error-node-id-taken",
            "register/error-method",
            "register/error-service-empty.read-back"
        )
    }

    private func reads(_ replay: ConsulReplay) async throws {
        try await replay.play(
            "read/catalog-services",
            "read/catalog-service",
            "read/catalog-service-unknown",
            "read/catalog-service-tag",
            "read/catalog-node",
            "read/catalog-node-unknown",
            "read/catalog-node-services",
            "read/catalog-node-services-unknown",
            "read/catalog-node-services-filter",
            "read/catalog-nodes",
            "read/catalog-datacenters",
            "read/health-service-all",
            "read/health-service-passing",
            "read/health-service-unknown",
            "read/health-service-filter",
            "read/health-service-filter-bad",
            "read/health-service-filter-operator",
            "read/health-service-stale",
            "read/health-service-consistent",
            "read/health-service-both",
            "read/health-service-cached",
            "read/health-service-passing-bad",
            "read/health-service-dc",
            "read/health-service-index-bad",
            "read/health-service-wait-bad",
            "read/health-node",
            "read/health-checks",
            "read/health-state",
            "read/health-service-pretty"
        )
        try await replay.play("read/health-service-gzip", .gzip(of: "read/health-service-all"))
        try await replay.play(
            "misc/status-leader",
            "misc/status-peers",
            "misc/unknown-path",
            "misc/root",
            "misc/wrong-method",
            "misc/wrong-method-delete",
            "misc/options",
            "misc/head"
        )
        try await replay.play("misc/agent-self.trimmed", .member("Config"))
    }

    private func register(_ replay: ConsulReplay, _ id: String, _ name: String, _ address: String) async throws {
        try await replay.unrecorded(
            "PUT",
            "/v1/catalog/register",
            """
            {"Node":"rec-node","SkipNodeUpdate":true,
             "Service":{"ID":"\(id)","Service":"\(name)","Address":"\(address)","Port":9090},
             "Check":{"CheckID":"\(id):ready","Name":"ready","Status":"passing","ServiceID":"\(id)"}}
            """
        )
    }

    private func deregister(_ replay: ConsulReplay, _ id: String) async throws {
        try await replay.unrecorded(
            "PUT",
            "/v1/catalog/deregister",
            #"{"Node":"rec-node","ServiceID":"\#(id)"}"#
        )
    }

    private func registerNode(_ replay: ConsulReplay, meta: String = #"{"rec":"yes"}"#) async throws {
        try await replay.unrecorded(
            "PUT",
            "/v1/catalog/register",
            #"{"Node":"rec-node","Address":"192.0.2.1","NodeMeta":\#(meta)}"#
        )
    }

    private func deregistrations(_ replay: ConsulReplay) async throws {
        for node in ["rec-node", "rec-empty", "rec-noaddr"] {
            try await replay.unrecorded("PUT", "/v1/catalog/deregister", #"{"Node":"\#(node)"}"#)
        }
        replay.unrecorded(indexes: 3842 - replay.standIn.index)
        try await registerNode(replay)
        for number in 1...3 { try await register(replay, "rec-api-\(number)", "rec-api", "10.2.0.\(number)") }
        try await replay.play(
            "deregister/check",
            "deregister/service",
            "deregister/service-again",
            "deregister/service-and-check",
            "deregister/service-and-check.read-back",
            "deregister/check-unknown",
            "deregister/empty-service-id",
            "deregister/empty-service-id.read-back",
            "deregister/node-unknown",
            "deregister/error-missing-node",
            "deregister/error-unknown-field",
            "deregister/field-case",
            "deregister/error-broken-json"
        )
    }

    private func transactions(_ replay: ConsulReplay) async throws {
        try await registerNode(replay)
        try await replay.play(
            "txn/node-service-check",
            "txn/64-operations",
            "txn/65-operations",
            "txn/missing-node",
            "txn/one-of-three-fails",
            "txn/one-of-three-fails.read-back",
            "txn/two-fail",
            "txn/get",
            "txn/cas-ok",
            "txn/cas-stale",
            "txn/cas-zero-new",
            "txn/cas-zero-present",
            "txn/delete",
            "txn/delete-absent",
            "txn/delete-cas-stale",
            "txn/set-same",
            "txn/meta-key",
            "txn/get-absent",
            "txn/tagged-addresses",
            "txn/check-status-missing",
            "txn/kv",
            "txn/unknown-verb",
            "txn/unknown-field",
            "txn/empty-operation",
            "txn/empty",
            "txn/broken-json",
            "txn/object-body",
            "txn/wrong-method"
        )
    }

    private func blocking(_ replay: ConsulReplay) async throws {
        // A service that came and went.
        try await register(replay, "rec-big", "rec-big", "10.2.0.9")
        try await deregister(replay, "rec-big")
        for number in 1...2 { try await register(replay, "rec-api-\(number)", "rec-api", "10.2.0.\(number)") }
        try await replay.play("blocking/1-first")
        try await replay.play("blocking/2-change") { replay in
            replay.unrecorded(indexes: 8)
            try await register(replay, "rec-api-3", "rec-api", "10.2.0.3")
        }
        try await replay.play("blocking/3-timeout") { $0.clock.advance(by: .milliseconds(2125)) }
        try await replay.play("blocking/4-check-change") { replay in
            try await replay.unrecorded(
                "PUT",
                "/v1/catalog/register",
                """
                {"Node":"rec-node","SkipNodeUpdate":true,"Check":
                 {"CheckID":"rec-api-3:ready","Name":"ready","Status":"critical","ServiceID":"rec-api-3"}}
                """
            )
        }
        try await replay.play("blocking/5-other-service") { replay in
            try await register(replay, "rec-other", "rec-other", "10.2.0.4")
            replay.clock.advance(by: .milliseconds(2125))
        }
        try await replay.play("blocking/6-node-change") { replay in
            try await registerNode(replay, meta: #"{"rec":"yes","x":"1"}"#)
        }
        try await replay.play("blocking/7-index-from-the-future") { $0.clock.advance(by: .milliseconds(2125)) }
        try await replay.play("blocking/8-index-zero", "blocking/9-absent-service")
        replay.unrecorded(indexes: 3)
        try await replay.play("blocking/10-absent-appears") { replay in
            try await register(replay, "rec-nothere-1", "rec-nothere", "10.2.0.1")
        }
        try await replay.play("blocking/11-last-instance-goes") { replay in
            try await deregister(replay, "rec-nothere-1")
        }
        try await replay.play("blocking/12-absent-and-another-service-goes") { replay in
            try await deregister(replay, "rec-other")
            replay.clock.advance(by: .milliseconds(3188))
        }
        try await replay.play("blocking/13-node-services-check-change") { replay in
            try await replay.unrecorded(
                "PUT",
                "/v1/catalog/register",
                """
                {"Node":"rec-node","SkipNodeUpdate":true,"Check":
                 {"CheckID":"rec-api-3:ready","Name":"ready","Status":"passing","ServiceID":"rec-api-3"}}
                """
            )
            replay.clock.advance(by: .milliseconds(2125))
        }
        try await replay.play("blocking/14-node-services-change") { replay in
            replay.unrecorded(indexes: 1)
            try await register(replay, "rec-other", "rec-other", "10.2.0.4")
        }
        try await replay.play("blocking/15-catalog-service-absent") { replay in
            try await deregister(replay, "rec-other")
        }
        try await replay.play("blocking/16-catalog-services") { replay in
            try await register(replay, "rec-more", "rec-more", "10.2.0.5")
        }
    }

    private func agent(_ replay: ConsulReplay) async throws {
        replay.unrecorded(indexes: 3)
        try await replay.play(
            "agent/register-ttl",
            "agent/health-before-pass",
            "agent/check-pass",
            "agent/health-passing"
        )
        try await replay.play("agent/health-expired") { $0.clock.advance(by: .seconds(3)) }
        try await replay.play(
            "agent/check-warn",
            "agent/check-fail",
            "agent/check-update",
            "agent/check-update-bad-status",
            "agent/check-pass-unknown",
            "agent/check-pass-by-service-id",
            "agent/register-default-check-id",
            "agent/check-pass-default-id",
            "agent/service",
            "agent/service-unknown",
            "agent/services",
            "agent/checks"
        )
        try await replay.play("agent/health-by-name", .unorderedElements)
        try await replay.unrecorded("PUT", "/v1/agent/check/warn/service:rec-agent-2")
        try await replay.play("agent/health-by-name-warning", .unorderedElements)
        try await replay.unrecorded("PUT", "/v1/agent/check/fail/service:rec-agent-2")
        try await replay.play("agent/health-by-name-critical", .unorderedElements)
        try await replay.play(
            "agent/health-by-name-unknown",
            "agent/maintenance-on",
            "agent/maintenance-seen",
            "agent/maintenance-off",
            "agent/register-update",
            "agent/register-no-name",
            "agent/register-bad-meta",
            "agent/register-bad-weights",
            "agent/register-unknown-field",
            "agent/register-snake-case",
            "agent/register-bad-check",
            "agent/register-bad-duration",
            "agent/deregister",
            "agent/deregister-unknown",
            "agent/register-method"
        )
    }

    private func sessionsAndKeys(_ replay: ConsulReplay) async throws {
        replay.unrecorded(indexes: 3919 - replay.standIn.index)
        try await replay.play(
            "session/create-default-checks",
            "session/create",
            "session/create-agent-node",
            "session/create-short-ttl",
            "session/create-unknown-node",
            "session/info",
            "session/info-unknown",
            "session/list",
            "session/renew",
            "session/renew-unknown",
            "session/renew-malformed"
        )
        try await replay.play(
            "kv/acquire",
            "kv/acquire-again",
            "kv/acquire-held",
            "kv/acquire-dead-session",
            "kv/get-locked",
            "kv/put-on-locked",
            "kv/release-wrong"
        )
        try await replay.play("kv/watch-release") { replay in
            replay.unrecorded(indexes: 1)
            try await replay.play("kv/release")
        }
        try await replay.play(
            "kv/cas-stale",
            "kv/cas-ok",
            "kv/cas-zero-present",
            "kv/flags",
            "kv/empty",
            "kv/recurse",
            "kv/keys",
            "kv/raw",
            "kv/missing",
            "kv/recurse-missing",
            "kv/acquire-2",
            "session/destroy",
            "session/destroy-unknown",
            "kv/after-destroy",
            "kv/acquire-lock-delay",
            "kv/delete-cas-stale",
            "kv/delete-recurse"
        )
        // Ten seconds, and as long again.
        replay.clock.advance(by: .seconds(20))
        try await replay.play("session/renew-expired")
    }

    @Test("a server with ACLs that deny by default")
    func accessControl() async throws {
        let management = AccessControl.Token(secret: randomUUID(), policies: [.management])
        let access = AccessControl(tokens: [management])
        let replay = try await ConsulReplay(
            ConsulReplay.settings(isDevelopment: false, firstIndex: 6),
            access: access
        )
        replay.unrecorded(indexes: 2)
        try await replay.play(
            "acl/register-allowed",
            "acl/health-allowed-compact",
            "acl/bearer",
            token: management.secret
        )
        try await replay.play(
            "acl/register-no-token",
            "acl/register-unknown-token",
            "acl/txn-no-token",
            "acl/txn-unknown-token",
            "acl/deregister-no-token",
            "acl/health-no-token",
            "acl/catalog-services-no-token",
            "acl/catalog-node-no-token",
            "acl/health-unknown-token",
            "acl/agent-self-no-token",
            "acl/session-no-token",
            "acl/kv-no-token",
            "acl/kv-put-no-token"
        )
        replay.unrecorded(indexes: 1)
        let policy = AccessControl.Policy("rec-web", [.init(.service, exactly: "rec-web", .write)])
        let narrow = AccessControl.Token(secret: randomUUID(), policies: [policy])
        replay.standIn.setAccess { $0.set(narrow) }
        try await replay.play(
            "acl/register-service-only",
            "acl/register-service-only-node-changed",
            "acl/register-service-only-skip-node",
            "acl/txn-service-only",
            "acl/deregister-unknown-service",
            token: narrow.secret
        )
        try await replay.play(
            "acl/token-self",
            .form(of: ["AccessorID", "SecretID", "ID", "CreateTime", "Hash"]),
            token: narrow.secret
        )
        try await replay.play("acl/blocking-when-agent-stops", token: management.secret) { await $0.standIn.stop() }
        try expectComplete(replay, ["acl"])
    }

    @Test("a server that never had a leader")
    func neverALeader() async throws {
        let replay = try await ConsulReplay(ConsulReplay.settings(isDevelopment: false))
        replay.standIn.setFaults { $0.leader = .never }
        try await replay.play("no-leader/status-leader")
        for name in ["health", "health-stale", "register", "txn"] {
            try await replay.play("no-leader/\(name)") { $0.clock.advance(by: .seconds(7)) }
        }
        try await replay.play("no-leader/status-peers")
        try expectComplete(replay, ["no-leader"])
        await replay.standIn.stop()
    }

    @Test("a server that loses its leader")
    func leaderLost() async throws {
        let replay = try await ConsulReplay(ConsulReplay.settings(isDevelopment: false))
        replay.unrecorded(indexes: 15 - replay.standIn.index)
        try await replay.unrecorded(
            "PUT",
            "/v1/catalog/register",
            """
            {"Node":"rec-node","Address":"192.0.2.1",
             "Service":{"ID":"rec-web-1","Service":"rec-web","Address":"10.1.0.1","Port":80}}
            """
        )
        try await replay.unrecorded(
            "PUT",
            "/v1/catalog/register",
            #"{"Node":"rec-node","SkipNodeUpdate":true,"Service":{"ID":"rec-web-2","Service":"rec-web","Port":81}}"#
        )
        try await replay.play("leader-lost/before")
        let blocked = ["blocking-query", "blocking-stale"].map { "leader-lost/\($0)" }
        let client = replay.client
        let pending = try blocked.map { name in
            let exchange = try RecordedExchange(name)
            return (exchange, Task { try await client.send(exchange.method, exchange.target) })
        }
        await replay.standIn.whenWaiting(requests: 2)
        let streaming = try RecordedExchange("leader-lost/blocking-streaming")
        let stream = Task { try await client.send(streaming.method, streaming.target) }
        await replay.standIn.whenWaiting(requests: 3)
        replay.standIn.setFaults { $0.leader = .lost }
        try replay.check(try await stream.value, streaming, .bytes)
        try await replay.play("leader-lost/status-leader")
        var waiting = 2
        for name in ["health", "health-consistent", "register", "txn", "session-renew"] {
            let exchange = try RecordedExchange("leader-lost/\(name)")
            let request = replay.prepared(exchange, token: nil)
            let reply = Task {
                try await client.send(request.method, request.target, headers: request.headers, body: request.body)
            }
            await replay.standIn.whenWaiting(requests: waiting + 1)
            replay.clock.advance(by: .seconds(7))
            try replay.check(try await reply.value, exchange, .bytes)
            if name == "health" { try await replay.play("leader-lost/health-stale", "leader-lost/health-cached") }
            if name == "health-consistent" {
                replay.clock.advance(by: .milliseconds(7250))
                waiting = 0
                for (exchange, task) in pending { try replay.check(try await task.value, exchange, .bytes) }
            }
        }
        try expectComplete(replay, ["leader-lost"])
        await replay.standIn.stop()
    }
}
