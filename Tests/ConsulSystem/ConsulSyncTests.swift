import Sandbox
import ServiceCatalog
import SyncEngine
import Testing

@testable import ConsulSystem

/// The whole way from the catalog into Consul, over HTTP.
@Suite(.timeLimit(.minutes(5))) struct ConsulSyncTests {
    @Test("Services appear with health, weights, tags and metadata, and follow")
    func follows() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let scene = SyncScene(harness.target())
            let settings = ServiceSettings(tags: ["v1"], metadata: ["team": "a"], weight: 7)
            scene.tell(.snapshot([service("cart", [1, 2, 3], notReady: [2], draining: [3], settings: settings)]))
            try await scene.settle(consul)
            let instances = consul.instances(of: "cart")
            #expect(instances.map(\.address) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
            #expect(instances.map(\.status) == ["passing", "critical", "warning"])
            #expect(instances.allSatisfy { $0.weight == 7 && $0.tags == ["v1"] && $0.port == 8080 })
            #expect(instances[0].meta["team"] == "a")
            #expect(instances[0].meta["external-source"] == "portolan")
            #expect(instances[0].meta["portolan-origin"] == "east/k8s")
            #expect(consul.nodeNames == [harness.node(of: "east")])

            consul.resetCounters()
            scene.tell(.changes([.set(service("cart", [1, 2, 4], settings: settings))]))
            try await scene.wait {
                consul.instances(of: "cart").map(\.address) == ["10.0.0.1", "10.0.0.2", "10.0.0.4"]
            }
            try await scene.settle(consul)
            #expect(consul.counters.transactions == 1, "one change, one transaction")
            #expect(consul.counters.operations == 4, "health of 2; service and check of 4; removal of 3")
            await scene.stop()
        }
    }

    @Test("1 Quiet restart and 7 Steady state: a new process that finds everything as it should be writes nothing")
    func quietRestart() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let services = (1...20).map { service("s\($0)", [UInt32($0), 100 + UInt32($0)]) }
            let first = SyncScene(harness.target())
            first.tell(.snapshot(services))
            try await first.settle(consul)
            await first.stop()
            consul.resetCounters()
            let second = SyncScene(harness.target())
            second.tell(.snapshot(services))
            try await second.settle(consul)
            #expect(consul.counters.writes == 0)
            await second.stop()
        }
    }

    @Test("5 Ownership: instances of virtual machines under the same name are left alone")
    func virtualMachines() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            try await harness.register { writer in
                writer.field("Node", "vm-1")
                writer.field("Address", "192.0.2.1")
                writer.key("Service")
                writer.object { writer in
                    writer.field("ID", "cart-vm")
                    writer.field("Service", "cart")
                    writer.field("Port", 9)
                }
            }
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot([service("cart", [1]), service("other", [2])]))
            try await scene.settle(consul)
            #expect(consul.instances(of: "cart").count == 2)
            // Whoever asks for the name gets both, which somebody should know.
            try await scene.wait { await !scene.status.problems.isEmpty }
            let problems = await scene.status.problems
            #expect(problems.map(\.code) == [.nameCollision])
            #expect(problems[0].message.contains("also registered by node \"vm-1\" (1 instance)"))
            scene.tell(.changes([.remove(service("cart", []).key)]))
            try await scene.wait { consul.instances(of: "cart").map(\.node) == ["vm-1"] }
            await scene.stop()
        }
    }

    @Test("5 Ownership: who else holds a name is found, by installation and service or by node")
    func otherHolders() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            for (cluster, namespace) in [("east", "shop"), ("west", "shop"), ("south", "billing")] {
                let scene = SyncScene(harness.target(cluster), cluster: cluster)
                var cart = service("cart", [1, 2])
                cart.key = ServiceKey(namespace: namespace, name: "cart")
                scene.tell(.snapshot([cart, service("own-\(cluster)", [3])]))
                try await scene.settle(consul)
                await scene.stop()
            }
            try await harness.register { writer in
                writer.field("Node", "vm-1")
                writer.field("Address", "192.0.2.1")
                writer.key("Service")
                writer.object { writer in
                    writer.field("ID", "cart-vm")
                    writer.field("Service", "Cart")
                }
            }
            let client = ConsulClient(harness.configuration("east"), http: harness.http)
            var search = OtherHolderSearch(client: client, node: harness.node(of: "east"))
            #expect(try await search.holders(of: []) == nil)
            let holders = try #require(try await search.holders(of: ["cart", "own-east"]))
            #expect(holders.keys.sorted() == ["cart"])
            #expect(
                holders["cart"] == [
                    OtherHolder(description: "node \"vm-1\" (1 instance)"),
                    OtherHolder(
                        description: "the Portolan installation \"south\" for service billing/cart (2 instances)",
                        key: ServiceKey(namespace: "billing", name: "cart")
                    ),
                    OtherHolder(
                        description: "the Portolan installation \"west\" for service shop/cart (2 instances)",
                        key: ServiceKey(namespace: "shop", name: "cart")
                    ),
                ]
            )
            #expect(try await search.holders(of: ["cart", "own-east"]) == nil, "nothing has changed")
        }
    }

    @Test("The name of Consul's own servers is not taken")
    func reservedName() async throws {
        try await withStandIn { consul in
            let scene = SyncScene(ConsulHarness(address: consul.url).target())
            scene.tell(.snapshot([service("Consul", [1]), service("cart", [2])]))
            try await scene.wait { await scene.status.problems.map(\.code) == [.writeRefused] }
            try await scene.wait { consul.instances(of: "cart").count == 1 }
            #expect(consul.instances(of: "consul").allSatisfy { $0.meta["portolan-owner"] == nil })
            await scene.stop()
        }
    }

    @Test("7 Drift: what somebody removes or changes is mended")
    func drift() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot([service("cart", [1, 2, 3])]))
            try await scene.settle(consul)
            let id = EntryID(service: "cart", host: Host("10.0.0.2"), port: 8080)
            try await harness.removeBehindBack(id, service: "cart", cluster: "east")
            try await scene.wait { consul.instances(of: "cart").count == 3 }
            // A check alone: no change of a service wakes anybody.
            try await harness.register { writer in
                writer.field("Node", harness.node(of: "east"))
                writer.key("SkipNodeUpdate")
                writer.value(Array("true".utf8))
                writer.key("Check")
                writer.object { writer in
                    writer.field("CheckID", "service:\(id)")
                    writer.field("Status", "critical")
                    writer.field("ServiceID", id.rawValue)
                }
            }
            try await scene.wait { consul.instances(of: "cart").allSatisfy { $0.status == "passing" } }
            // The whole node.
            try await harness.removeNode(harness.node(of: "east"))
            try await scene.wait { consul.instances(of: "cart").count == 3 }
            await scene.stop()
        }
    }

    @Test("A Consul restored from an older snapshot, whose indexes fall, is brought up to date")
    func restored() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.settle(consul)
            let snapshot = consul.snapshot()
            for octet in 2...30 {
                scene.tell(.changes([.set(service("cart", [1, UInt32(octet)]))]))
                try await scene.wait { consul.instances(of: "cart").contains { $0.address == "10.0.0.\(octet)" } }
            }
            try await scene.settle(consul)
            consul.restore(snapshot)
            try await scene.wait { consul.instances(of: "cart").map(\.address) == ["10.0.0.1", "10.0.0.30"] }
            consul.reset()
            try await scene.wait { consul.instances(of: "cart").map(\.address) == ["10.0.0.1", "10.0.0.30"] }
            await scene.stop()
        }
    }

    @Test(
        "A Consul restored while queries are on their way to it is noticed when their wait ends",
        arguments: [false, true]
    )
    func restoredUnnoticed(leavesIndex: Bool) async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let gate = GatedHTTP(harness.http, path: "index=")
            let scene = SyncScene(
                ConsulTarget(
                    system: "dc1",
                    cluster: "east",
                    configuration: harness.configuration("east"),
                    http: gate,
                    wait: .seconds(1)
                )
            )
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.settle(consul)
            var snapshot = consul.snapshot()
            scene.tell(.changes([.set(service("cart", [1, 2]))]))
            // Both queries see the change, read it and set out again.
            gate.close()
            try await scene.settle(consul, reads: 0)
            await gate.reached()
            await gate.reached()
            if leavesIndex {
                // What is taken back is an own write that the queries know nothing of: they ask for the restored index.
                snapshot = consul.snapshot()
                scene.tell(.changes([.set(service("cart", [1, 2, 3]))]))
                try await scene.wait { consul.instances(of: "cart").count == 3 }
                try await scene.settle(consul, reads: 0)
            }
            let before = consul.instances(of: "cart").map(\.address)
            consul.restore(snapshot)
            #expect(consul.instances(of: "cart").count == before.count - 1)
            gate.open()
            try await scene.wait { consul.instances(of: "cart").map(\.address) == before }
            await scene.stop()
        }
    }

    @Test("9 A Consul that is down is caught up with when it returns")
    func down() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot([service("cart", [1]), service("old", [9])]))
            try await scene.settle(consul)
            await consul.goDown()
            scene.tell(.changes([.set(service("cart", [2, 3])), .remove(service("old", []).key)]))
            try await scene.wait { await scene.status.phase == .failing }
            scene.tell(.changes([.set(service("cart", [3, 4]))]))
            try await consul.comeUp()
            try await scene.wait {
                consul.instances(of: "cart").map(\.address) == ["10.0.0.3", "10.0.0.4"]
                    && consul.serviceNames == ["cart"]
            }
            try await scene.wait { await scene.status.phase == .idle }
            await scene.stop()
        }
    }

    @Test(
        "9 Every way to fail ends, is named, and loses nothing",
        arguments: [
            "read-only", "no leader", "nonsense", "html", "truncated", "throttled",
        ]
    )
    func failures(kind: String) async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.settle(consul)
            consul.setFaults { faults in
                faults.leaderPatience = .zero
                faults.paths = ["/v1/txn"]
                switch kind {
                case "read-only": faults.refusedWrites = (405, "Method Not Allowed")
                case "no leader": faults.leader = .lost
                case "nonsense": faults.answer = .nonsense(status: 200, body: "{\"hello\":[]}")
                case "html": faults.answer = .nonsense(status: 200, body: "<html></html>")
                case "truncated": faults.answer = .truncated
                default: faults.answer = .tooManyRequests
                }
            }
            scene.tell(.changes([.set(service("cart", [2]))]))
            // It may be over soon: what fails may be the answer alone.
            try await scene.wait { scene.seenEvents.contains { if case .targetFailed = $0 { true } else { false } } }
            consul.setFaults { $0 = ConsulFaults() }
            try await scene.wait { consul.instances(of: "cart").map(\.address) == ["10.0.0.2"] }
            try await scene.wait { await scene.status.phase == .idle }
            await scene.stop()
        }
    }

    @Test("9 Targets are independent: a Consul that answers nothing delays no other")
    func independent() async throws {
        try await withStandIn { slow in
            try await withStandIn { fast in
                let store = CatalogStore(systems: ["k8s"])
                let stuck = SyncScene(ConsulHarness(address: slow.url).target(system: "slow"), store: store)
                let scene = SyncScene(ConsulHarness(address: fast.url).target(system: "fast"), store: store)
                slow.setStalled(true)
                scene.tell(.snapshot([service("cart", [1])]))
                try await scene.settle(fast)
                for octet in 2...20 {
                    scene.tell(.changes([.set(service("cart", [UInt32(octet)]))]))
                    try await scene.wait { fast.instances(of: "cart").map(\.address) == ["10.0.0.\(octet)"] }
                }
                slow.setStalled(false)
                try await stuck.wait { slow.instances(of: "cart").map(\.address) == ["10.0.0.20"] }
                await scene.stop()
                await stuck.stop()
            }
        }
    }

    @Test("11 Clean stop: the batch in flight is finished and entries stay", arguments: [false, true])
    func cleanStop(byCancellation: Bool) async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let gate = GatedHTTP(harness.http, path: "/v1/txn")
            let target = ConsulTarget(
                system: "dc1",
                cluster: "east",
                configuration: harness.configuration("east"),
                http: gate
            )
            let scene = SyncScene(target)
            scene.tell(.snapshot([service("cart", [1])]))
            try await scene.settle(consul)
            gate.close()
            scene.tell(.changes([.set(service("cart", [2]))]))
            await gate.reached()
            if byCancellation { scene.beginCancel() } else { scene.driver.stop() }
            gate.open()
            await scene.ended()
            #expect(consul.instances(of: "cart").map(\.address) == ["10.0.0.2"])
            #expect(scene.seenEvents.contains(.operation(sync: "k8s-to-dc1", .add, result: "ok")))
        }
    }

    @Test("11 Clean stop: with withdrawOnExit the installation's entries go, and nobody else's")
    func withdraw() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let foreign = EntryID("somebody")!
            try await harness.putForeignEntry(foreign, service: "cart", cluster: "east")
            let scene = SyncScene(harness.target())
            scene.tell(.snapshot((1...100).map { service("s\($0)", [UInt32($0)]) }))
            try await scene.settle(consul)
            await scene.stop(withdrawing: true)
            #expect(consul.serviceNames == ["cart"])
            #expect(try await harness.hasForeignEntry(foreign, service: "cart", cluster: "east"))
        }
    }

    @Test("2 Add before remove: what was rolled back with somebody else's mistake has not replaced anything")
    func rolledBack() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let target = harness.target()
            let projector = Projector(
                definition: SyncDefinition(from: "k8s", to: "dc1"),
                cluster: "east",
                normalise: { target.normalise($0) }
            )
            func registration(_ name: String, _ octet: UInt32) throws -> Registration {
                try #require(projector.project(service(name, [octet]), as: name).entries.values.first)
            }
            let old = try registration("cart", 1)
            #expect(await target.apply([.put(old, replacing: nil)]) == [.done])
            let standing = ObservedEntry(
                id: old.id,
                service: "cart",
                holder: .own(old.mark, old),
                revision: try #require(try await harness.services(of: "east").first).modifyIndex
            )
            // Two writes fill a transaction, so that the removal is left to the next.
            var new = try registration("cart", 2)
            new.tags = [String(repeating: "t", count: 240_000)]
            var bad = try registration("web", 3)
            bad.tags = new.tags
            bad.metadata["a.b/c"] = "a key Consul does not take"
            let filler = SyncEngine.Operation.put(try registration("db", 4), replacing: nil)
            var large = try registration("db", 5)
            large.tags = new.tags
            let results = await target.apply([
                .put(new, replacing: nil), .put(bad, replacing: nil), .put(large, replacing: nil), filler,
                .remove(standing),
            ])
            guard case .failed(.invalid) = results[1] else {
                Issue.record("\(results)")
                return
            }
            #expect(results[0] == .notTried)
            #expect(results[2...3] == [.done, .done])
            #expect(results[4] == .notTried)
            #expect(consul.instances(of: "cart").map(\.address) == ["10.0.0.1"])
        }
    }

    @Test("A plan reads Consul, names what would be written, and writes nothing")
    func plan() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            var catalog = Catalog(systems: ["k8s"])
            _ = catalog.apply(.snapshot([service("cart", [1, 2])]), from: "k8s", at: .now)
            let configuration = SyncMachine.Configuration(
                cluster: "east",
                definitions: [SyncDefinition(from: "k8s", to: "dc1")]
            )
            let plan = try await SyncMachine.plan(
                target: harness.target(),
                configuration: configuration,
                view: catalog,
                now: .now
            )
            #expect(plan.added.count == 2)
            #expect(consul.counters.writes == 0)
            #expect(consul.nodeNames.isEmpty)
            await consul.goDown()
            await #expect(throws: TargetError.self) {
                try await SyncMachine.plan(
                    target: harness.target(),
                    configuration: configuration,
                    view: catalog,
                    now: .now
                )
            }
        }
    }

    @Test("A first sync of many instances arrives whole, in full transactions")
    func firstSync() async throws {
        try await withStandIn { consul in
            let scene = SyncScene(ConsulHarness(address: consul.url).target())
            scene.tell(
                .snapshot((1...20).map { number in service("s\(number)", (1...50).map { UInt32(number * 100 + $0) }) })
            )
            try await scene.settle(consul)
            #expect((1...20).allSatisfy { consul.instances(of: "s\($0)").count == 50 })
            // One for the node, and at the end some that would be fuller if they might share a service.
            #expect(consul.counters.transactions <= 1000 * 2 / 64 + 8, "\(consul.counters)")
            await scene.stop()
        }
    }
}
