import ServiceCatalog
import SyncEngine
import Testing

@testable import ConsulSystem

/// Decoders against what a real Consul 1.10 sent.
@Suite struct RecordTests {
    @Test("A node's services")
    func nodeServices() throws {
        let read = try NodeServices.read(try Recording("read/catalog-node-services").body)
        #expect(read.hasNode)
        let web = try #require(read.services.first { $0.id == "rec-web-1" })
        #expect(web.name == "rec-web")
        #expect(web.tags == ["k8s", "v1"])
        #expect(web.address == "10.1.0.1")
        #expect(web.port == 8080)
        #expect(web.meta == ["external-source": "portolan", "portolan-owner": "east"])
        #expect(web.passingWeight == 10)
        #expect(web.warningWeight == 1)
        #expect(web.modifyIndex == 3281)
    }

    @Test("An unknown node")
    func unknownNode() throws {
        let read = try NodeServices.read(try Recording("read/catalog-node-services-unknown").body)
        #expect(read == NodeServices())
    }

    @Test("A node's checks")
    func checks() throws {
        let checks = try CatalogCheck.readAll(try Recording("read/health-node").body)
        let ready = try #require(checks.first { $0.id == "rec-web-1:ready" })
        #expect(
            ready == CatalogCheck(id: "rec-web-1:ready", status: "critical", serviceID: "rec-web-1", modifyIndex: 3288)
        )
    }

    @Test("A transaction's results")
    func results() throws {
        let answer = try TransactionAnswer.read(try Recording("txn/node-service-check").body)
        #expect(answer.services.map(\.id) == ["rec-t-1000"])
        #expect(answer.checks.map(\.id) == ["rec-t-1000:ready"])
        #expect(answer.checks.map(\.modifyIndex) == [3856])
        #expect(answer.failures.isEmpty)
    }

    @Test(
        "A transaction's failures",
        arguments: [
            ("txn/two-fail", [0, 2]), ("txn/one-of-three-fails", [1]), ("acl/txn-service-only", [1]),
            ("txn/meta-key", [0]),
        ]
    )
    func failures(recording: String, operations: [Int]) throws {
        let answer = try TransactionAnswer.read(try Recording(recording).body)
        #expect(answer.failures.map(\.operation) == operations)
        #expect(answer.services.isEmpty)
    }

    @Test("Service names; the nameless one is passed over")
    func names() throws {
        let names = try ServiceNames.read(try Recording("read/catalog-services").body)
        #expect(names == ["REC-NoId", "rec-bad", "rec-w", "rec-web"])
    }

    @Test("A service's instances and their health")
    func health() throws {
        let entries = try HealthEntry.readAll(try Recording("read/health-service-all").body)
        let web = try #require(entries.first { $0.service.id == "rec-web-1" })
        #expect(web.node == "rec-node")
        #expect(web.status == .critical)
        let compact = try HealthEntry.readAll(try Recording("acl/health-allowed-compact").body)
        #expect(!compact.isEmpty)
    }

    @Test("Maintenance is critical, as it is to Consul")
    func maintenance() throws {
        let entries = try HealthEntry.readAll(try Recording("agent/maintenance-seen").body)
        #expect(entries.map(\.status) == [.critical])
        let service = ConsulServiceReading(origin: Origin(cluster: "east", system: "dc1")).service("rec-agent", entries)
        #expect(service.endpoints.map(\.readiness) == [.notReady])
        #expect(service.endpoints.first?.attributes?.tags == ["vm"])
        #expect(service.endpoints.first?.attributes?.metadata == ["k": "v"])
        #expect(service.endpoints.first?.nodeName == "vm")
        #expect(service.endpoints.first?.host == Host("10.4.0.1"))
    }
}
