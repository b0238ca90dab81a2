import ServiceCatalog
import SyncEngine
import Testing

@Suite struct MachineTests {
    @Test("One entry the registry refuses does not block others, and is tried again less and less often")
    func poisoned() async throws {
        var world = try World()
        world.registry.with { $0.refuses = { $0.service == "bad" ? .invalid("no such thing") : nil } }
        world.tell(.snapshot([service("bad", [1])] + (1...10).map { service("s\($0)", [UInt32($0)]) }))
        #expect(await world.run().count == 10)
        #expect(world.status.problems.map(\.code) == [.writeRefused])
        let before = world.registry.with { $0.batches }
        await world.pass(.seconds(600))
        let tries = world.registry.with { $0.batches } - before
        #expect(tries > 5 && tries < 20, "\(tries)")
        // A changed wish is tried at once.
        world.registry.with { $0.refuses = { _ in nil } }
        world.tell(.changes([.set(service("bad", [1], draining: [1]))]))
        #expect(await world.run().count == 1)
        #expect(world.status.problems.isEmpty)
    }

    @Test("A conflict is decided anew with what stands there by then")
    func conflict() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1])]))
        let id = EntryID(service: "a", host: Host("10.0.0.1"), port: 8080)
        let registry = world.registry
        registry.with { state in
            state.beforeBatch = {
                registry.with { $0.beforeBatch = {} }
                registry.put(foreign: id, service: "a")
            }
        }
        #expect(await world.run().isEmpty)
        #expect(registry.entries()[id]?.registration == nil)
        #expect(world.status.problems.map(\.code) == [.foreignEntry])
    }

    @Test("Entries of a sync that is no longer declared go when every source has spoken, under the guard")
    func orphans() async throws {
        let registry = ModelRegistry()
        var both = try World(from: ["k8s", "west"], registry: registry)
        both.tell(.snapshot([service("a", [1])]))
        both.tell(.snapshot([service("b", [2], origin: Origin(cluster: "east", system: "west"))]), from: "west")
        await both.run()
        var one = try World(registry: registry)
        #expect(await one.run().isEmpty)
        one.tell(.snapshot([service("a", [1])]))
        #expect(await one.run().removed == ["b@10.0.0.2:8080"])
    }

    @Test("A damaged own entry is rewritten when it is wanted, and removed when it is not")
    func damaged() async throws {
        let target = DamagedTarget()
        var catalog = Catalog(systems: ["k8s"])
        var machine = SyncMachine(
            target: target,
            configuration: .init(cluster: "east", definitions: [SyncDefinition(from: "k8s", to: "model")])
        )
        _ = catalog.apply(.snapshot([service("a", [1])]), from: "k8s", at: World.start)
        machine.start(catalog, now: World.start)
        machine.targetChanged(target.takeChanges())
        guard case .apply(let operations) = machine.next(catalog, now: World.start) else {
            Issue.record("there is something to mend")
            return
        }
        #expect(operations.map(\.kind) == [.change, .remove])
    }

    @Test("A plan says what would be done, and does nothing")
    func plan() async throws {
        var world = try World(from: ["k8s", "west"])
        world.tell(.snapshot((1...20).map { service("s\($0)", [UInt32($0)]) }))
        await world.run()
        #expect(world.outline()?.isEmpty == true)
        #expect(world.outline()?.unsynced == ["west"])
        world.tell(.snapshot([service("s1", [1], draining: [1]), service("new", [9])]))
        let plan = try #require(world.outline())
        #expect(plan.added.map(\.service) == ["new"])
        #expect(plan.changed.map(\.after.health) == [.draining])
        #expect(plan.removed.count == 19)
        #expect(plan.held == 19)
        #expect(world.registry.entries().count == 20)
    }

    @Test("There is no plan before the target has been read")
    func noPlan() throws {
        let machine = SyncMachine(
            target: ModelTarget(ModelRegistry()),
            configuration: .init(cluster: "east", definitions: [SyncDefinition(from: "k8s", to: "model")])
        )
        #expect(machine.outline(Catalog(systems: ["k8s"]), now: World.start) == nil)
    }

    @Test("An explanation follows a service step by step")
    func explain() async throws {
        var world = try World()
        let foreign = EntryID(service: "cart", host: Host("10.0.0.1"), port: 8080)
        world.registry.put(foreign: foreign, service: "cart")
        var cart = service("cart", [1, 2, 3])
        cart.endpoints[2].attributes = EndpointAttributes(origin: Origin(cluster: "east", system: "model"))
        world.tell(.snapshot([cart, service("out", [4], settings: ServiceSettings(sync: false))]))
        await world.run()
        let steps = world.explain("cart")
        #expect(steps.contains { $0.isFine && $0.text == "selected" })
        #expect(steps.contains { $0.isFine && $0.text.contains("1 instances stand in model") })
        #expect(steps.contains { !$0.isFine && $0.text.contains("held by somebody") })
        #expect(steps.contains { !$0.isFine && $0.text.contains("10.0.0.3 is not written: it came from model") })
        #expect(world.explain("out").contains { !$0.isFine && $0.text.contains("portolan.dev/sync") })
        #expect(world.explain("nope").contains { !$0.isFine && $0.text.contains("has no service") })
    }

    @Test("Propagation is measured from the moment a change was seen to its acknowledgement")
    func propagation() async throws {
        var world = try World()
        world.tell(.snapshot([]))
        await world.run()
        _ = world.takeEvents()
        world.registry.with { $0.failures = [.unreachable("down")] }
        world.tell(.changes([.set(service("a", [1]))]))
        await world.run()
        await world.pass(.seconds(2))
        let times = world.takeEvents().compactMap { if case .propagated(_, let time) = $0 { time } else { nil } }
        #expect(times.count == 1)
        #expect(times.first.map { $0 > .milliseconds(100) && $0 < .seconds(1) } == true)
    }

    @Test("Withdrawing removes every own entry, guard or not, and nothing else")
    func withdraw() async throws {
        var world = try World()
        world.registry.put(foreign: try #require(EntryID("x")), service: "cart")
        world.tell(.snapshot((1...50).map { service("s\($0)", [UInt32($0)]) }))
        await world.run()
        world.withdraw()
        #expect(await world.run().removed.count == 50)
        #expect(world.registry.entries().keys.map(\.rawValue) == ["x"])
    }

    @Test("Delays double up to the cap, and lose up to half of their length at random")
    func backoff() {
        var backoff = Backoff(base: .seconds(1), cap: .seconds(60))
        var random = SplitMix64(seed: 7)
        let delays = (0..<100).map { _ in backoff.next(using: &random) }
        for (attempt, delay) in delays.enumerated() {
            let full = min(Duration.seconds(60), .seconds(1) * (1 << min(attempt, 20)))
            #expect(delay >= full / 2 && delay <= full)
        }
        #expect(Set(delays).count > 90)
        backoff.reset()
        #expect(backoff.next(using: &random) <= .seconds(1))
    }

    @Test("A full bucket lets a burst through, an empty one the rate")
    func rateLimit() {
        var limit = RateLimit(perSecond: 10, burst: 20)
        #expect(limit.delay(at: World.start) == nil)
        limit.take(30)
        #expect(limit.delay(at: World.start) == World.start + .seconds(1.1))
        #expect(limit.delay(at: World.start + .seconds(2)) == nil)
    }
}

/// Shows two own entries: one that is wanted and damaged, one without a readable mark.
private struct DamagedTarget: Target {
    let system: SystemName = "model"
    let batchLimit = 8

    func cost(of operation: SyncEngine.Operation) -> Int { 1 }
    func normalise(_ registration: Registration) -> Normalised { Normalised(registration) }
    func follow(notify: @escaping @Sendable () -> Void) async {}
    func apply(_ operations: [SyncEngine.Operation]) async -> [OperationResult] { operations.map { _ in .done } }

    func takeChanges() -> TargetChanges {
        let wanted = EntryID(service: "a", host: Host("10.0.0.1"), port: 8080)
        let stray = EntryID(service: "a", host: Host("10.0.0.9"), port: 8080)
        let mark = Mark(
            owner: "east",
            from: "k8s",
            key: ServiceKey(namespace: "shop", name: "a"),
            origin: Origin(cluster: "east", system: "k8s")
        )
        return TargetChanges(
            condition: .current,
            isComplete: true,
            entries: [
                wanted: ObservedEntry(id: wanted, service: "a", holder: .own(mark, nil), revision: 1),
                stray: ObservedEntry(id: stray, service: "a", holder: .own(nil, nil), revision: 2),
            ]
        )
    }
}
