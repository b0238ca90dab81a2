import Foundation
import Testing

@testable import Sandbox

/// The recorded catalog and transaction exchanges, under other names and in another state: played against the stand-in
/// and, when PORTOLAN_TEST_CONSUL names one on loopback, against a real Consul, which keeps nothing of it.
///
/// Statuses and the recorded members of bodies are compared; raft indexes must map one to one.
@Suite("Consul: stand-in and real server agree", .timeLimit(.minutes(5)))
struct ConsulAgreementTests {
    @Test("the stand-in answers under other names as recorded")
    func standIn() async throws {
        let standIn = try await ConsulStandIn.start()
        standIn.skipIndexes(1234)
        let agreement = ConsulAgreement(port: standIn.port)
        try await agreement.playAll()
        #expect(standIn.nodeNames == [])
        await standIn.stop()
    }

    @Test("a real Consul answers as recorded", .enabled(if: RealConsul.loopbackPort != nil))
    func realServer() async throws {
        let agreement = ConsulAgreement(port: try #require(RealConsul.loopbackPort))
        try await agreement.readVersion()
        try await agreement.playAll()
    }
}

final class ConsulAgreement {
    private let client: TestClient
    /// Takes the place of `rec-` in every name.
    private let prefix = "portolan-\(UInt32.random(in: .min ... .max))-"
    /// Recorded raft indexes and this server's.
    private var indexes: [UInt64: UInt64] = [:]
    /// Texts and limits are those of 1.10 only.
    private var isRecordedVersion = true

    init(port: Int) { client = TestClient(port: port) }

    func readVersion() async throws {
        let reply = try await client.get("/v1/agent/self")
        guard case .string(let version)? = try reply.json["Config"]?["Version"] else { return }
        isRecordedVersion = version.hasPrefix("1.10.")
    }

    func playAll() async throws {
        do {
            for name in Self.registrations + Self.reads { try await play(name) }
            try await clean()
            indexes = [:]
            try await send(
                "/v1/catalog/register",
                #"{"Node":"rec-node","Address":"192.0.2.1","NodeMeta":{"rec":"yes"}}"#
            )
            for name in Self.transactions where isRecordedVersion || name != "txn/65-operations" {
                try await play(name)
            }
            for name in Self.deregistrations { try await play(name) }
        } catch {
            try await clean()
            throw error
        }
        try await clean()
    }

    private func clean() async throws {
        for node in ["rec-node", "rec-node-2", "rec-empty", "rec-noaddr"] {
            try await send("/v1/catalog/deregister", #"{"Node":"\#(node)"}"#)
        }
        _ = try await client.send("DELETE", "/v1/kv/\(prefix)kv/?recurse")
    }

    private func send(_ target: String, _ body: String) async throws {
        let reply = try await client.send("PUT", target, body: Array(renamed(body).utf8))
        try #require(reply.status == 200, "\(target): \(reply.text)")
    }

    private func renamed(_ text: String) -> String { text.replacing("rec-", with: prefix) }

    private func play(_ name: String) async throws {
        let exchange = try RecordedExchange(name)
        var body = exchange.requestBody.map { renamed(String(decoding: $0, as: UTF8.self)) }
        for (recorded, own) in indexes {
            body = body?.replacing("\"ModifyIndex\":\(recorded)}", with: "\"ModifyIndex\":\(own)}")
        }
        let reply = try await client.send(exchange.method, renamed(exchange.target), body: body.map { Array($0.utf8) })
        #expect(reply.status == exchange.status, "\(name): \(reply.text)")
        #expect((reply.headers["X-Consul-Index"] != nil) == (exchange.headers["X-Consul-Index"] != nil), "\(name)")
        guard isRecordedVersion || reply.status == 200 else { return }
        let recorded = renamed(String(decoding: exchange.body, as: UTF8.self))
        if exchange.headers["Content-Type"] == "application/json" {
            let (shown, wanted) = (try reply.json, try GoJSON(parsing: Array(recorded.utf8)))
            #expect(agrees(shown, with: wanted), "\(name): \(reply.text)")
        } else {
            #expect(reply.text == recorded, "\(name)")
        }
    }

    /// Whether everything recorded is there; members that a newer server adds do not matter.
    private func agrees(_ own: GoJSON, with recorded: GoJSON, member: String = "") -> Bool {
        switch (own, recorded) {
        case (.object(let own), .object(let recorded)):
            return recorded.allSatisfy { wanted in
                own.first { $0.name == wanted.name }.map {
                    agrees($0.value, with: wanted.value, member: wanted.name)
                } ?? !isRecordedVersion
            }
        case (.array(let own), .array(let recorded)):
            return own.count == recorded.count && zip(own, recorded).allSatisfy { agrees($0, with: $1) }
        case (.number(let own), .number(let recorded)) where member == "CreateIndex" || member == "ModifyIndex":
            guard let own = UInt64(own), let recorded = UInt64(recorded) else { return false }
            if let known = indexes[recorded] { return known == own }
            indexes[recorded] = own
            return true
        default: return own == recorded
        }
    }

    private static let registrations = [
        "ok", "ok.read-back", "same-again", "same-again.read-back", "node-only", "skip-node-update",
        "skip-node-update-other-address", "skip-node-update-absent-node", "skip-node-update-absent-node.read-back",
        "several-checks", "check-only", "check-without-status", "check-status-unknown", "check-definition",
        "checks.read-back", "weights-zero", "weights-zero.read-back", "id-defaults-to-name", "case",
        "node-meta-odd-key", "odd-names", "odd-names.read-back", "passing", "error-missing-node",
        "error-missing-address", "error-bad-node-id", "error-service-without-name", "error-service-address-any",
        "error-meta-key", "error-meta-key-long", "error-meta-value-long", "error-meta-reserved", "error-meta-many",
        "error-check-missing-service", "error-check-other-node", "error-check-no-name", "error-unknown-field",
        "error-unknown-field-nested", "error-wrong-type", "error-broken-json", "error-empty-body", "error-port-range",
        "error-method",
    ].map { "register/\($0)" }

    private static let reads = [
        "catalog-service", "catalog-service-unknown", "catalog-service-tag", "catalog-node-unknown",
        "catalog-node-services-unknown", "catalog-node-services-filter", "health-service-all",
        "health-service-passing", "health-service-unknown", "health-service-filter", "health-service-filter-bad",
        "health-service-stale", "health-service-consistent", "health-service-both", "health-service-passing-bad",
        "health-service-dc", "health-service-index-bad", "health-service-wait-bad", "health-node", "health-checks",
        "health-service-pretty",
    ].map { "read/\($0)" }

    private static let transactions = [
        "node-service-check", "64-operations", "65-operations", "missing-node", "one-of-three-fails",
        "one-of-three-fails.read-back", "two-fail", "get", "cas-ok", "cas-stale", "cas-zero-new", "cas-zero-present",
        "delete", "delete-absent", "delete-cas-stale", "set-same", "meta-key", "get-absent", "tagged-addresses",
        "check-status-missing", "kv", "unknown-verb", "unknown-field", "empty-operation", "empty", "broken-json",
        "object-body", "wrong-method",
    ].map { "txn/\($0)" }

    private static let deregistrations = [
        "check", "service", "service-again", "check-unknown", "empty-service-id", "empty-service-id.read-back",
        "node-unknown", "error-missing-node", "error-unknown-field", "field-case", "error-broken-json",
    ].map { "deregister/\($0)" }
}

extension RealConsul {
    /// Its port, when it is on loopback and speaks plain HTTP: all that the test client can reach.
    static var loopbackPort: Int? {
        guard let url, url.scheme == "http", ["127.0.0.1", "localhost"].contains(url.host() ?? "") else { return nil }
        return url.port ?? 8500
    }
}
