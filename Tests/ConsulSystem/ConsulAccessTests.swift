import Sandbox
import ServiceCatalog
import SyncEngine
import Testing

@testable import ConsulSystem

/// Under ACLs, where what may not be read looks like what is not there.
@Suite(.timeLimit(.minutes(5))) struct ConsulAccessTests {
    private typealias Rule = AccessControl.Rule

    private static let root = AccessControl.Token(secret: "root", policies: [.management])

    private func access(_ rules: [AccessControl.Rule]) -> AccessControl {
        AccessControl(tokens: [
            Self.root, AccessControl.Token(secret: "portolan", policies: [AccessControl.Policy("portolan", rules)]),
        ])
    }

    @Test("A token with write on the node and on its services suffices")
    func suffices() async throws {
        let rules = [Rule(.node, prefix: "portolan-", .write), Rule(.service, prefix: "", .write)]
        try await withStandIn(access: access(rules)) { consul in
            let scene = SyncScene(ConsulHarness(address: consul.url, token: "portolan").target())
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.settle(consul)
            #expect(consul.instances(of: "cart").count == 1)
            await scene.stop()
        }
    }

    @Test("A token that may write some services writes these, and the others are reported by name")
    func someServices() async throws {
        let rules = [
            Rule(.node, prefix: "portolan-", .write), Rule(.service, prefix: "shop-", .write),
            Rule(.service, prefix: "", .read),
        ]
        try await withStandIn(access: access(rules)) { consul in
            let scene = SyncScene(ConsulHarness(address: consul.url, token: "portolan").target())
            scene.tell(.snapshot([service("shop-cart", [1]), service("bank", [2]), service("shop-pay", [3])]))
            try await scene.wait {
                let problems = await scene.status.problems
                return consul.serviceNames == ["shop-cart", "shop-pay"] && problems.map(\.code) == [.writeRefused]
            }
            #expect(await scene.status.problems.first?.message.contains("service \"bank\"") == true)
            await scene.stop()
        }
    }

    @Test("Without node:write the node that is missing is named, and nothing else is tried")
    func nodeMissing() async throws {
        let rules = [Rule(.node, prefix: "", .read), Rule(.service, prefix: "", .write)]
        try await withStandIn(access: access(rules)) { consul in
            let harness = ConsulHarness(address: consul.url, token: "portolan")
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.wait { await scene.status.phase == .failing }
            let error = try #require(await scene.status.error)
            #expect(error.contains(harness.node(of: "east")) && error.contains("node:write"))
            #expect(consul.nodeNames.isEmpty)
            await scene.stop()
        }
    }

    @Test("An unknown token is told apart from a missing permission")
    func unknownToken() async throws {
        try await withStandIn(access: access([])) { consul in
            let scene = SyncScene(ConsulHarness(address: consul.url, token: "nobody").target())
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.wait { await scene.status.error?.contains("does not know the token") == true }
            #expect(await scene.status.phase == .waitingForTarget)
            await scene.stop()
        }
    }

    @Test("Entries the token is not shown are neither taken for gone nor rewritten for ever")
    func hidden() async throws {
        let blind = [Rule(.node, prefix: "", .write), Rule(.service, exactly: "other", .write)]
        try await withStandIn(access: access([])) { consul in
            let harness = ConsulHarness(address: consul.url, token: "root")
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot([service("cart", [1, 2])]))
            try await scene.settle(consul)
            await scene.stop()
            let modified = consul.counters.changes
            consul.setAccess { access in
                access.set(
                    AccessControl.Token(secret: "root", policies: [AccessControl.Policy("blind", blind)])
                )
            }
            let second = SyncScene(harness.target())
            second.tell(.snapshot([service("cart", [1, 2])]))
            try await second.wait { await !second.status.problems.isEmpty }
            #expect(await second.status.problems.allSatisfy { $0.code == .writeRefused })
            #expect(consul.instances(of: "cart").count == 2)
            #expect(consul.counters.changes == modified)
            await second.stop()
        }
    }

    @Test("A node the token is not shown is not written to")
    func hiddenNode() async throws {
        try await withStandIn(access: access([])) { consul in
            let root = ConsulHarness(address: consul.url, token: "root")
            let scene = SyncScene(root.target())
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.settle(consul)
            await scene.stop()
            let rules = [
                Rule(.node, prefix: "", .deny), Rule(.service, prefix: "", .write),
            ]
            consul.setAccess { access in
                access.set(AccessControl.Token(secret: "root", policies: [AccessControl.Policy("blind", rules)]))
            }
            let second = SyncScene(root.target())
            second.tell(.snapshot([service("cart", [1, 2])]))
            try await second.wait { await second.status.phase == .failing }
            #expect(consul.instances(of: "cart").count == 1)
            await second.stop()
        }
    }

    @Test("A node that belongs to an agent is never written to")
    func agentsNode() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let configuration = ConsulConfiguration(address: consul.url, node: ConsulSettings().nodeName)
            let target = ConsulTarget(system: "dc1", cluster: "east", configuration: configuration, http: harness.http)
            let scene = SyncScene(target)
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.wait { await scene.status.error?.contains("belongs to an agent") == true }
            #expect(consul.serviceNames.isEmpty)
            let findings = await ConsulCheckup(cluster: "east", configuration: configuration, http: harness.http)
                .run(asTarget: true)
            #expect(findings.contains { $0.level == .failure && $0.text.contains("belongs to an agent") })
            await scene.stop()
        }
    }

    @Test("The check-up names version, node and permissions, and writes nothing")
    func checkup() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let findings = await ConsulCheckup(
                cluster: "east",
                configuration: harness.configuration("east"),
                http: harness.http
            ).run(asTarget: true)
            #expect(findings.allSatisfy { $0.level == .fine || $0.level == .warning }, "\(findings)")
            #expect(findings.contains { $0.text.contains("datacenter dc1") })
            #expect(consul.counters.writes == 0)
            #expect(consul.nodeNames.isEmpty)
        }
    }

    @Test("The check-up of what is no Consul, or not there, says so")
    func checkupFailures() async throws {
        var address = ""
        try await withStandIn { consul in
            address = consul.url
            consul.setFaults { $0.answer = .nonsense(status: 200, body: "<html>") }
            let harness = ConsulHarness(address: consul.url)
            let checkup = ConsulCheckup(
                cluster: "east",
                configuration: harness.configuration("east"),
                http: harness.http
            )
            #expect(await checkup.run(asTarget: true).last?.text.contains("is this the address") == true)
            consul.setFaults { faults in
                faults.answer = nil
                faults.leader = .never
                faults.leaderPatience = .zero
            }
            #expect(await checkup.run(asTarget: true).contains { $0.text.contains("no leader") })
        }
        let harness = ConsulHarness(address: address)
        let findings = await ConsulCheckup(
            cluster: "east",
            configuration: harness.configuration("east"),
            http: harness.http
        ).run(asTarget: true)
        #expect(findings.map(\.level) == [.failure])
    }
}
