import ServiceCatalog
import SyncEngine
import Testing

/// The guarantees of synchronisation, by their numbers.
@Suite struct GuaranteeTests {
    // MARK: - 1. Quiet restart

    @Test("1 Quiet restart: nothing is written when nothing changed")
    func quietRestartWritesNothing() async throws {
        var world = try World()
        let services = [service("a", [1, 2, 3]), service("b", [4], notReady: [4])]
        world.tell(.snapshot(services))
        await world.run()
        world.restart()
        #expect(await world.run().isEmpty)
        world.tell(.snapshot(services))
        #expect(await world.run().isEmpty)
        #expect(world.status.phase == .idle)
    }

    @Test("1 Quiet restart: no entry is removed before the source has delivered a complete snapshot")
    func quietRestartWaitsForSource() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2]), service("b", [3])]))
        await world.run()
        world.restart()
        #expect(await world.run().isEmpty)
        #expect(world.status.phase == .waitingForSource)
        // What comes before the snapshot is partial: it adds, and removes nothing.
        world.tell(.changes([.set(service("a", [1, 9]))]))
        #expect(await world.run().removed.isEmpty)
        #expect(world.registry.entries().count == 4)
        world.tell(.snapshot([service("a", [1, 9]), service("b", [3])]))
        #expect(await world.run().removed == ["a@10.0.0.2:8080"])
    }

    @Test("1 Quiet restart: nothing is written before the target's present state has been read")
    func quietRestartWaitsForTarget() throws {
        var catalog = Catalog(systems: ["k8s"])
        let delta = catalog.apply(.snapshot([service("a", [1])]), from: "k8s", at: World.start)
        let target = ModelTarget(ModelRegistry())
        let definition = SyncDefinition(from: "k8s", to: "model")
        var machine = SyncMachine(target: target, configuration: .init(cluster: "east", definitions: [definition]))
        machine.start(catalog, now: World.start)
        #expect(delta?.becameSynced == true)
        #expect(machine.next(catalog, now: World.start) == .wait(until: nil))
        machine.targetChanged(TargetChanges(condition: .failing(.unreachable("down"))))
        #expect(machine.next(catalog, now: World.start) == .wait(until: nil))
        machine.targetChanged(target.takeChanges())
        guard case .apply = machine.next(catalog, now: World.start) else {
            Issue.record("the read target gets its entries")
            return
        }
    }

    @Test("1 Quiet restart: a source that is not synced keeps its entries while another source goes on")
    func quietRestartPerSource() async throws {
        var world = try World(from: ["k8s", "west"])
        world.tell(.snapshot([service("a", [1])]))
        world.tell(.snapshot([service("b", [2], origin: Origin(cluster: "east", system: "west"))]), from: "west")
        await world.run()
        world.restart()
        world.tell(.snapshot([service("c", [3])]))
        let written = await world.run()
        #expect(written.added == ["c@10.0.0.3:8080"])
        #expect(written.removed == ["a@10.0.0.1:8080"])
        #expect(world.registry.entries().count == 2)
    }

    // MARK: - 2. Add before remove

    @Test("2 Add before remove: new endpoints are written before old ones are taken out", arguments: [1, 3, 8])
    func addBeforeRemove(batchLimit: Int) async throws {
        var world = try World(batchLimit: batchLimit)
        world.tell(.snapshot([service("a", [1, 2, 3])]))
        await world.run()
        world.tell(.changes([.set(service("a", [4, 5, 6]))]))
        let written = await world.run()
        #expect(written.map(\.kind) == [.add, .add, .add, .remove, .remove, .remove])
    }

    @Test("2 Add before remove: while the new ones are refused, the old ones stay")
    func addRefused() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2])]))
        await world.run()
        world.registry.with { $0.refuses = { $0.kind == .add ? .invalid("no") : nil } }
        world.tell(.changes([.set(service("a", [3, 4]))]))
        #expect(await world.run().isEmpty)
        #expect(world.registry.entries().count == 2)
        world.registry.with { $0.refuses = { _ in nil } }
        #expect(await world.pass(.seconds(10)).map(\.kind) == [.add, .add, .remove, .remove])
    }

    @Test("2 Add before remove: one refused endpoint does not keep the dead ones of its service alive")
    func oneRefused() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2])]))
        await world.run()
        world.registry.with { $0.refuses = { $0.id.rawValue == "a@10.0.0.3:8080" ? .invalid("no") : nil } }
        world.tell(.changes([.set(service("a", [3, 4]))]))
        await world.pass(.seconds(5))
        #expect(Set(world.registry.entries().keys.map(\.rawValue)) == ["a@10.0.0.4:8080"])
    }

    @Test("2 Add before remove: a renamed service stands under its new name before it leaves the old one")
    func rename() async throws {
        var world = try World(batchLimit: 1)
        world.tell(.snapshot([service("a", [1, 2])]))
        await world.run()
        world.tell(.changes([.set(service("a", [1, 2], settings: ServiceSettings(name: "b")))]))
        #expect(await world.run().map(\.kind) == [.add, .add, .remove, .remove])
    }

    @Test("2 Add before remove: a renamed service stays under the old name while the new one is refused")
    func renameRefused() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2])]))
        await world.run()
        world.registry.with { $0.refuses = { $0.service == "b" ? .permission("no") : nil } }
        world.tell(.changes([.set(service("a", [1, 2], settings: ServiceSettings(name: "b")))]))
        #expect(await world.pass(.seconds(600)).isEmpty)
        #expect(world.registry.entries().count == 2)
        world.registry.with { $0.refuses = { _ in nil } }
        #expect(await world.pass(.seconds(600)).first?.kind == .add)
        #expect(world.registry.registrations == world.desired)
    }

    @Test("2 Add before remove: a renamed service leaves its old name once the new stands, not in one batch with it")
    func renameInTwoBatches() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2])]))
        await world.run()
        world.tell(.changes([.set(service("a", [1, 2], settings: ServiceSettings(name: "b")))]))
        guard case .apply(let batch) = world.next() else {
            Issue.record("the new name was to be written")
            return
        }
        #expect(batch.map(\.kind) == [.add, .add])
        await world.finish(batch)
        #expect(await world.run().map(\.kind) == [.remove, .remove], "at once")
    }

    @Test("2 Add before remove: of a renamed service whose new name is refused, instances that are gone leave the old")
    func renameRefusedWithoutOne() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2, 3])]))
        await world.run()
        world.registry.with { $0.refuses = { $0.service == "b" ? .invalid("no") : nil } }
        world.tell(.changes([.set(service("a", [1, 2], settings: ServiceSettings(name: "b")))]))
        await world.pass(.seconds(60))
        #expect(world.registry.log.removed == ["a@10.0.0.3:8080"])
        world.tell(.changes([.set(service("a", [2, 4], settings: ServiceSettings(name: "b")))]))
        await world.pass(.seconds(60))
        #expect(world.registry.log.removed == ["a@10.0.0.3:8080", "a@10.0.0.1:8080"])
        world.registry.with { $0.refuses = { _ in nil } }
        await world.pass(.seconds(600))
        #expect(world.registry.registrations == world.desired)
    }

    @Test("2 Add before remove: a renamed service without endpoints leaves its old name")
    func renameOfEmpty() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2]), service("c", [3])]))
        await world.run()
        world.tell(.changes([.set(service("a", [], settings: ServiceSettings(name: "b")))]))
        #expect(await world.run().map(\.kind) == [.remove, .remove])
    }

    // MARK: - 3. Every removal is re-checked

    @Test("3 Every removal is re-checked against the catalog at the moment it is sent")
    func removalRechecked() async throws {
        var world = try World(batchLimit: 1)
        world.tell(.snapshot([service("a", [1]), service("b", [2])]))
        await world.run()
        // Both are to go; before the machine hears of it, b is back.
        world.tell(.changes([.remove(service("a", []).key), .remove(service("b", []).key)]))
        world.changeUnnoticed(.changes([.set(service("b", [2]))]))
        #expect(await world.run().removed == ["a@10.0.0.1:8080"])
        #expect(world.registry.entries().count == 1)
    }

    @Test("3 Every removal is re-checked: an endpoint that returns while a batch is in flight is not removed")
    func removalRecheckedBetweenBatches() async throws {
        var world = try World(batchLimit: 1)
        world.tell(.snapshot([service("a", [1, 2, 3])]))
        await world.run()
        world.tell(.changes([.set(service("a", [3]))]))
        guard case .apply(let first) = world.next() else {
            Issue.record("a removal is due")
            return
        }
        #expect(first.removed == ["a@10.0.0.1:8080"])
        world.changeUnnoticed(.changes([.set(service("a", [2, 3]))]))
        await world.finish(first)
        #expect(await world.run().isEmpty)
        #expect(world.registry.entries().count == 2)
    }

    @Test("3 Every removal is re-checked: losses the guard has not seen are not sent")
    func unseenLoss() async throws {
        var world = try World(batchLimit: 64)
        world.tell(.snapshot([service("a", Array(1...30)), service("b", [100])]))
        await world.run()
        // The machine hears of one change; the catalog has meanwhile lost the rest.
        world.tell(.changes([.set(service("a", Array(1...29)))]))
        world.changeUnnoticed(.changes([.set(service("a", []))]))
        await world.run()
        #expect(world.registry.entries().count == 31)
        #expect(world.status.held == 30)
    }

    // MARK: - 4. Removal guard

    @Test("4 Removal guard: a pass that would remove too much is held, alarmed and re-read")
    func guardHolds() async throws {
        var world = try World()
        let services = (1...20).map { service("s\($0)", [UInt32($0)]) }
        world.tell(.snapshot(services))
        await world.run()
        _ = world.takeEvents()
        world.tell(.snapshot(Array(services.prefix(5))))
        #expect(await world.run().isEmpty)
        #expect(world.takeEvents().contains(.held(entries: 15, systems: ["k8s"], owned: 20)))
        #expect(world.rereads == ["k8s"])
        #expect(world.status.phase == .held)
        #expect(world.status.held == 15)
    }

    @Test("4 Removal guard: after the hold it goes ahead only when the source, read again, still says so")
    func guardReleases() async throws {
        var world = try World()
        let services = (1...20).map { service("s\($0)", [UInt32($0)]) }
        world.tell(.snapshot(services))
        await world.run()
        world.tell(.snapshot(Array(services.prefix(5))))
        await world.run()
        world.answerReread()
        #expect(await world.pass(.seconds(299)).isEmpty)
        #expect(await world.pass(.seconds(10)).isEmpty)
        #expect(world.rereads == ["k8s"], "asked once more at the end of the hold")
        world.answerReread()
        #expect(await world.run().removed.count == 15)
        #expect(world.status.phase == .idle)
    }

    @Test("4 Removal guard: a source that cannot be read again is not believed")
    func guardUnconfirmed() async throws {
        var world = try World()
        world.tell(.snapshot((1...20).map { service("s\($0)", [UInt32($0)]) }))
        await world.run()
        world.tell(.snapshot([service("s1", [1])]))
        await world.run()
        world.answerReread()
        await world.pass(.seconds(301))
        world.answerReread(succeeded: false)
        #expect(await world.pass(.seconds(600)).isEmpty)
        world.tell(.lost(reason: "refused"))
        world.answerReread()
        #expect(await world.pass(.seconds(600)).isEmpty)
        world.tell(.current)
        world.answerReread()
        #expect(await world.pass(.seconds(10)).removed.count == 19)
    }

    @Test("4 Removal guard: a source that comes to its senses loses nothing, and the next hold starts anew")
    func guardResets() async throws {
        var world = try World()
        let services = (1...20).map { service("s\($0)", [UInt32($0)]) }
        world.tell(.snapshot(services))
        await world.run()
        world.tell(.snapshot([]))
        await world.run()
        await world.pass(.seconds(200))
        world.tell(.snapshot(services))
        #expect(await world.run().isEmpty)
        #expect(world.status.phase == .idle)
        world.tell(.snapshot([]))
        await world.run()
        world.answerReread()
        #expect(await world.pass(.seconds(200)).isEmpty, "the first hold does not count")
        #expect(world.registry.entries().count == 20)
    }

    @Test("4 Removal guard: everything of a source that looks empty is held, however little it is")
    func guardEmptySource() async throws {
        var world = try World(from: ["k8s", "west"])
        world.tell(.snapshot((1...20).map { service("s\($0)", [UInt32($0)]) }))
        world.tell(.snapshot([service("w", [99], origin: Origin(cluster: "east", system: "west"))]), from: "west")
        await world.run()
        world.tell(.snapshot([]), from: "west")
        #expect(await world.run().isEmpty)
        #expect(world.rereads == ["west"])
    }

    @Test("4 Removal guard: a source whose services stay and whose endpoints all vanish looks empty as well")
    func guardWithoutEndpoints() async throws {
        var world = try World()
        let alias = Service(
            key: ServiceKey(namespace: "shop", name: "mail"),
            origin: Origin(cluster: "east", system: "k8s"),
            kind: .alias("mail.example.com"),
            ports: [],
            endpoints: []
        )
        world.tell(.snapshot([service("a", [1]), service("b", [2, 3]), alias]))
        await world.run()
        #expect(world.registry.entries().count == 4)
        _ = world.takeEvents()

        world.tell(.changes([.set(service("a", [])), .set(service("b", []))]))
        #expect(await world.run().isEmpty)
        #expect(world.takeEvents().contains(.held(entries: 3, systems: ["k8s"], owned: 4)))
        #expect(world.rereads == ["k8s"])
        // What stands for a name rather than for an endpoint comes and goes as before.
        world.tell(.changes([.remove(alias.key)]))
        #expect(await world.run().removed == ["mail@mail.example.com:0"])
        // One list mended is enough to tell that the source has not gone blind: the other service is simply empty.
        world.tell(.changes([.set(service("b", [2, 3]))]))
        #expect(await world.run().removed == ["a@10.0.0.1:8080"])
    }

    @Test("4 Removal guard: endpoints that stay away go once the source, read again after the hold, still says so")
    func guardWithoutEndpointsReleases() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1]), service("b", [2, 3])]))
        await world.run()
        world.tell(.snapshot([service("a", []), service("b", [])]))
        await world.run()
        world.answerReread(succeeded: false)
        #expect(await world.pass(.seconds(301)).isEmpty)
        world.answerReread()
        #expect(await world.run().removed.count == 3)
    }

    @Test("4 Removal guard: a mass removal is noticed also when it arrives piece by piece")
    func guardTrickle() async throws {
        var world = try World()
        world.tell(.snapshot((1...40).map { service("s\($0)", [UInt32($0)]) }))
        await world.run()
        for number in 1...30 {
            world.tell(.changes([.remove(service("s\(number)", []).key)]))
            await world.run()
            world.now += .milliseconds(10)
        }
        #expect(world.registry.entries().count == 28)
        #expect(world.status.held == 18)
    }

    @Test("4 Removal guard: a rollout, which replaces, is no removal")
    func guardRollout() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", Array(1...40))]))
        await world.run()
        world.tell(.changes([.set(service("a", Array(101...140)))]))
        await world.run()
        #expect(world.registry.entries().count == 40)
        for step in 0..<40 {
            let old = Array(UInt32(101 + step)...140)
            let new = (0..<UInt32(step)).map { 201 + $0 }
            world.tell(.changes([.set(service("a", new + [UInt32(201 + step)] + old))]))
            await world.run()
            world.tell(.changes([.set(service("a", new + [UInt32(201 + step)] + old.dropFirst()))]))
            await world.run()
            world.now += .seconds(1)
        }
        #expect(world.registry.registrations == world.desired)
        #expect(world.rereads.isEmpty)
    }

    @Test("4 Removal guard: a source that has been read again after the hold is left alone while another is away")
    func guardOfTwoSources() async throws {
        var world = try World(from: ["k8s", "west"])
        world.tell(.snapshot([service("cart", [1])]))
        world.tell(.snapshot([service("cart", [2], origin: Origin(cluster: "east", system: "west"))]), from: "west")
        await world.run()
        world.tell(.lost(reason: "gone"), from: "west")
        world.tell(.snapshot([service("cart", [])]))
        await world.run()
        world.answerReread()
        world.answerReread("west", succeeded: false)
        #expect(await world.pass(.seconds(301)).isEmpty)
        #expect(Set(world.rereads) == ["k8s", "west"])
        world.answerReread()
        for _ in 0..<10 {
            world.answerReread("west", succeeded: false)
            await world.run()
            #expect(world.rereads.isEmpty)
            await world.pass(.seconds(6))
            #expect(world.rereads == ["west"])
        }
        world.tell(.current, from: "west")
        world.answerReread("west")
        #expect(await world.run().removed == ["cart@10.0.0.1:8080"])
    }

    @Test("4 Removal guard: a released loss that grows before it is carried out is held anew")
    func guardOfGrowingLoss() async throws {
        var world = try World(batchLimit: 1)
        world.tell(.snapshot([service("a", Array(1...20))]))
        await world.run()
        world.tell(.changes([.set(service("a", [1, 2]))]))
        await world.run()
        world.answerReread()
        await world.pass(.seconds(301))
        world.answerReread()
        // Released; the first of eighteen goes, and before the next the source loses what it had left.
        guard case .apply(let first) = world.next() else {
            Issue.record("the removals were to go ahead")
            return
        }
        await world.finish(first)
        world.tell(.changes([.set(service("a", []))]))
        #expect(await world.run().isEmpty)
        #expect(world.status.held == 19)
        #expect(world.rereads == ["k8s"])
        // What was released is carried out once it is no more than that.
        world.answerReread()
        world.tell(.changes([.set(service("a", [1, 2]))]))
        await world.pass(.seconds(301))
        world.answerReread()
        #expect(await world.run().removed.count == 17)
    }

    @Test("4 Removal guard: a released loss is carried out whole beside what is added meanwhile")
    func guardOfReplacedLoss() async throws {
        var world = try World(batchLimit: 1)
        world.tell(.snapshot([service("a", Array(1...20))]))
        await world.run()
        world.restart()
        world.tell(.snapshot([service("a", [31, 32, 33])]))
        world.registry.with { $0.refuses = { $0.kind == .add ? .invalid("no") : nil } }
        await world.pass(.seconds(2))
        world.answerReread()
        await world.pass(.seconds(301))
        world.registry.with { $0.refuses = { _ in nil } }
        world.answerReread()
        await world.pass(.seconds(299))
        #expect(world.registry.registrations == world.desired)
    }

    @Test("4 Removal guard: small removals go at once")
    func guardSmall() async throws {
        var world = try World()
        world.tell(.snapshot((1...20).map { service("s\($0)", [UInt32($0)]) }))
        await world.run()
        world.tell(.snapshot((1...10).map { service("s\($0)", [UInt32($0)]) }))
        #expect(await world.run().removed.count == 10)
    }

    @Test("4 Removal guard: what is held does not keep other services from being written")
    func guardOthersGoOn() async throws {
        var world = try World()
        let services = (1...20).map { service("s\($0)", [UInt32($0)]) }
        world.tell(.snapshot(services))
        await world.run()
        world.tell(.snapshot([services[0]]))
        await world.run()
        world.tell(.changes([.set(service("s1", [1, 77])), .set(service("new", [78]))]))
        #expect(await world.run().added.sorted() == ["new@10.0.0.78:8080", "s1@10.0.0.77:8080"])
    }

    // MARK: - Overlapping batches

    @Test("2 and 3: batches overlap only on different names, and one that removes is under way alone")
    func overlapping() async throws {
        var world = try World(batchLimit: 4, concurrentBatches: 2)
        world.tell(.snapshot((1...3).map { service("s\($0)", [UInt32($0)]) }))
        await world.run()
        world.tell(
            .changes([
                .set(service("big", Array(11...16))), .set(service("other", [21])), .set(service("s1", [101])),
                .set(service("late", [31])),
            ])
        )
        guard case .apply(let first) = world.next(), case .apply(let second) = world.next() else {
            Issue.record("two batches were to be under way")
            return
        }
        #expect(first.map(\.service) == ["big", "big", "big", "big"])
        #expect(second.map(\.service) == ["other"], "s1 removes something: neither it nor what is behind it goes now")
        #expect(world.next() == .wait(until: nil))
        await world.finish(second)
        #expect(world.next() == .wait(until: nil), "big is still under way")
        await world.finish(first)
        guard case .apply(let third) = world.next() else {
            Issue.record("the rest was to follow")
            return
        }
        #expect(third.map(\.kind) == [.add, .add, .add, .remove])
        #expect(third.map(\.service) == ["big", "big", "s1", "s1"])
        #expect(world.next() == .wait(until: nil), "nothing beside a removal")
        // The source changes its mind about everything meanwhile.
        world.tell(.changes([.set(service("big", [11])), .set(service("s1", [1]))]))
        #expect(world.next() == .wait(until: nil))
        await world.finish(third)
        await world.run()
        #expect(world.registry.registrations == world.desired)
    }

    // MARK: - 5. Ownership

    @Test("5 Ownership: only entries with this installation's mark are changed or removed")
    func ownership() async throws {
        let registry = ModelRegistry()
        var east = try World(registry: registry)
        let foreign = try #require(EntryID("cart@10.9.9.9:1"))
        registry.put(foreign: foreign, service: "cart")
        east.tell(.snapshot([service("cart", [1]), service("other", [2])]))
        await east.run()
        east.tell(.changes([.remove(service("cart", []).key)]))
        #expect(await east.run().removed == ["cart@10.0.0.1:8080"])
        #expect(registry.entries()[foreign] != nil)
    }

    @Test("5 Ownership: a name that strangers register as well is reported, and neither side is touched")
    func sharedName() async throws {
        var world = try World()
        world.tell(.snapshot([service("cart", [1]), service("web", [2]), service("db", [3])]))
        await world.run()
        _ = world.takeEvents()
        let stranger = OtherHolder(description: "node \"vm-1\" (2 instances)")
        let same = OtherHolder(
            description: "the Portolan installation \"west\"",
            key: ServiceKey(namespace: "shop", name: "web")
        )
        let namesake = OtherHolder(
            description: "the Portolan installation \"west\"",
            key: ServiceKey(namespace: "billing", name: "db")
        )
        world.registry.with { $0.otherHolders = ["cart": [stranger], "web": [same], "db": [namesake]] }
        #expect(await world.run().isEmpty, "nothing is written and nothing removed for it")
        let problems = world.status.problems
        #expect(problems.map(\.code) == [.nameCollision, .nameCollision], "the same service elsewhere is no stranger")
        #expect(problems[0].message.contains("\"cart\" of service shop/cart is also registered by node \"vm-1\""))
        #expect(problems[1].message.contains("\"db\""))
        #expect(world.explain("cart").contains { !$0.isFine && $0.text == problems[0].message })
        let told = world.takeEvents().compactMap { event -> [SyncEvent.Subject]? in
            if case .problem(_, let subjects) = event { subjects } else { nil }
        }
        #expect(Set(told.joined().map(\.key.name)) == ["cart", "db"], "told once, and about whom")

        world.tell(.changes([.set(service("cart", [1, 4]))]))
        #expect(await world.run().added == ["cart@10.0.0.4:8080"])
        world.registry.with { $0.otherHolders = [:] }
        await world.run()
        #expect(world.status.problems.isEmpty)
    }

    @Test("5 Ownership: an id held by someone else is a reported collision, not an overwrite")
    func collision() async throws {
        var world = try World()
        let id = EntryID(service: "cart", host: Host("10.0.0.1"), port: 8080)
        world.registry.put(foreign: id, service: "cart")
        world.tell(.snapshot([service("cart", [1, 2])]))
        #expect(await world.run().added == ["cart@10.0.0.2:8080"])
        #expect(world.status.problems.map(\.code) == [.foreignEntry])
        #expect(world.registry.entries()[id]?.registration == nil)
        // The holder leaves: the name is free.
        world.registry.edit { $0.regions["east"]?[id] = nil }
        #expect(await world.run().added == ["cart@10.0.0.1:8080"])
        #expect(world.status.problems.isEmpty)
    }

    @Test("5 Ownership: two installations share one registry without touching each other")
    func twoInstallations() async throws {
        let registry = ModelRegistry()
        var east = try World(registry: registry)
        var west = try World(registry: registry, cluster: "west")
        east.tell(.snapshot([service("cart", [1]), service("x", [3])]))
        west.tell(.snapshot([service("cart", [2]), service("x", [4])]))
        await east.run()
        await west.run()
        east.tell(.changes([.remove(service("cart", []).key)]))
        #expect(await east.run().removed == ["cart@10.0.0.1:8080"])
        #expect(await west.run().isEmpty)
        #expect(registry.entries(of: "west").count == 2)
    }

    @Test("5 Ownership: of two own services that claim a name, the one that holds it keeps it")
    func ownCollision() async throws {
        var world = try World()
        world.tell(.snapshot([service("cart", [1], namespace: "shop")]))
        await world.run()
        world.tell(.changes([.set(service("cart", [2], namespace: "alpha"))]))
        #expect(await world.run().isEmpty)
        #expect(world.status.problems.map(\.code) == [.nameCollision])
        world.restart()
        world.tell(.snapshot([service("cart", [2], namespace: "alpha"), service("cart", [1], namespace: "shop")]))
        #expect(await world.run().isEmpty, "also after a restart")
        world.tell(.changes([.remove(ServiceKey(namespace: "shop", name: "cart"))]))
        #expect(await world.run().map(\.kind) == [.add, .remove])
        #expect(world.status.problems.isEmpty)
    }

    @Test("5 Ownership: the same service of two clusters is one service in the target")
    func sameKeyMerges() async throws {
        var world = try World(from: ["k8s", "west"])
        world.tell(.snapshot([service("cart", [1])]))
        world.tell(.snapshot([service("cart", [2], origin: Origin(cluster: "east", system: "west"))]), from: "west")
        #expect(await world.run().added.sorted() == ["cart@10.0.0.1:8080", "cart@10.0.0.2:8080"])
        #expect(world.status.problems.isEmpty)
    }

    // MARK: - 6. No loops

    @Test("6 No loops: what came from the target is never written back to it")
    func noLoopDirect() async throws {
        var world = try World()
        world.tell(.snapshot([service("vm", [1], origin: Origin(cluster: "east", system: "model"))]))
        #expect(await world.run().isEmpty)
    }

    @Test("6 No loops: nor through other systems, whoever saw it first")
    func noLoopThroughOthers() async throws {
        var world = try World()
        func passed(_ origin: Origin, via: String?) -> Service {
            var result = service("vm", [1])
            result.endpoints[0].attributes = EndpointAttributes(
                origin: origin,
                metadata: via.map { [EntryMetadata.Key.via.rawValue: $0] } ?? [:]
            )
            return result
        }
        // From the target over k8s; from another installation over the target and k8s.
        for vm in [
            passed(Origin(cluster: "east", system: "model"), via: nil),
            passed(Origin(cluster: "west", system: "hz"), via: "east/model"),
            passed(Origin(cluster: "west", system: "hz"), via: "west/etcd,east/model,east/x"),
        ] {
            world.tell(.snapshot([vm]))
            #expect(await world.run().isEmpty)
        }
        world.tell(.snapshot([passed(Origin(cluster: "west", system: "model"), via: "west/model")]))
        #expect(await world.run().count == 1, "west's model is another system")
        let mark = world.registry.registrations.first?.mark
        #expect(mark?.origin == Origin(cluster: "west", system: "model"))
        #expect(mark?.via == [Origin(cluster: "west", system: "model"), Origin(cluster: "east", system: "k8s")])
    }

    // MARK: - 7. Steady state is silent

    @Test("7 Steady state is silent: no change, no writes")
    func silence() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2]), service("b", [3])]))
        await world.run()
        let batches = world.registry.with { $0.batches }
        world.tell(.snapshot([service("a", [1, 2]), service("b", [3])]))
        world.tell(.lost(reason: "gone"))
        world.tell(.current)
        await world.pass(.seconds(3600))
        #expect(world.registry.with { $0.batches } == batches)
        #expect(world.waitsUntil == nil, "nothing to wake for")
    }

    @Test("7 Steady state is silent: an entry that someone deletes or changes is mended")
    func drift() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2, 3])]))
        await world.run()
        let id = EntryID(service: "a", host: Host("10.0.0.1"), port: 8080)
        world.registry.edit { $0.regions["east"]?[id] = nil }
        #expect(await world.run().added == ["a@10.0.0.1:8080"])
        world.registry.edit { state in
            state.regions["east"]?[id]?.registration?.tags = ["tampered"]
            state.regions["east"]?[id]?.revision = state.revision
        }
        await world.pass(.seconds(10))
        #expect(world.registry.registrations == world.desired)
    }

    @Test("7 Steady state is silent: a fight over an entry slows down")
    func fight() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1])]))
        await world.run()
        let id = EntryID(service: "a", host: Host("10.0.0.1"), port: 8080)
        var writes = 0
        for _ in 0..<600 {
            world.registry.edit { $0.regions["east"]?[id] = nil }
            writes += await world.pass(.seconds(1)).count
        }
        #expect(writes < 20)
        #expect(writes > 3)
    }

    // MARK: - 9. Targets are independent

    @Test("9 Targets are independent: a dead target loses nothing and is caught up with when it returns")
    func deadTarget() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1]), service("b", [2])]))
        await world.run()
        world.registry.with { $0.failures = Array(repeating: .unreachable("connection refused"), count: 8) }
        for step in 0..<100 {
            world.tell(.changes([.set(service("a", [UInt32(step + 10)])), .set(service("c\(step)", [UInt32(step)]))]))
            await world.run()
        }
        #expect(world.status.phase == .failing)
        await world.pass(.seconds(300))
        #expect(world.registry.registrations == world.desired)
        #expect(world.status.phase == .idle)
        #expect(world.takeEvents().contains(.targetRecovered))
    }

    @Test("9 Targets are independent: a failing target is asked less and less often")
    func backoff() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1])]))
        world.registry.with { $0.failures = Array(repeating: .unreachable("down"), count: 1000) }
        await world.pass(.seconds(600))
        let batches = world.registry.with { $0.batches }
        #expect(batches > 20 && batches < 60, "\(batches) attempts in ten minutes")
    }

    @Test("9 Targets are independent: Retry-After is kept")
    func retryAfter() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1])]))
        world.registry.with { $0.failures = [.throttled("slow down", retryAfter: .seconds(40))] }
        #expect(await world.pass(.seconds(39)).isEmpty)
        #expect(await world.pass(.seconds(2)).count == 1)
    }

    @Test("9 Targets are independent: batches that were under way when the target asked to wait do not end the wait")
    func stragglers() async throws {
        var world = try World(batchLimit: 1, concurrentBatches: 4)
        world.tell(.snapshot((1...12).map { service("s\($0)", [UInt32($0)]) }))
        var underWay: [[SyncEngine.Operation]] = []
        while case .apply(let batch) = world.next() { underWay.append(batch) }
        #expect(underWay.count == 4)
        world.registry.with { $0.failures = [.throttled("slow down", retryAfter: .seconds(40))] }
        await world.finish(underWay[1])
        await world.finish(underWay[0])
        world.registry.with { $0.failures = [.unreachable("reset")] }
        await world.finish(underWay[2])
        let end = world.now + .seconds(40)
        #expect(world.next() == .wait(until: end))
        world.now = end
        #expect(world.next() == .wait(until: nil), "the last of them is still under way")
        await world.finish(underWay[3])
        guard case .apply(let probe) = world.next() else {
            Issue.record("the target was to be tried again")
            return
        }
        #expect(world.next() == .wait(until: nil), "one alone tries whether it is back")
        await world.finish(probe)
        underWay = []
        while case .apply(let batch) = world.next() { underWay.append(batch) }
        #expect(underWay.count == 4)
        for batch in underWay { await world.finish(batch) }
        await world.run()
        #expect(world.registry.registrations == world.desired)
        #expect(world.registry.log.count == 12)
    }

    @Test("9 Targets are independent: batches that fail together are one failure")
    func backoffOfSeveral() async throws {
        var world = try World(batchLimit: 1, concurrentBatches: 4)
        world.tell(.snapshot((1...12).map { service("s\($0)", [UInt32($0)]) }))
        var underWay: [[SyncEngine.Operation]] = []
        while case .apply(let batch) = world.next() { underWay.append(batch) }
        world.registry.with { $0.failures = Array(repeating: .unreachable("down"), count: 4) }
        for batch in underWay { await world.finish(batch) }
        guard case .wait(until: let moment?) = world.next() else {
            Issue.record("the target was to be left alone for a while")
            return
        }
        #expect(moment <= world.now + .milliseconds(250), "the delay of a first failure")
    }

    // MARK: - 10. Draining

    @Test("10 Draining: an endpoint that terminates but serves stays, marked, until it is gone")
    func draining() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2])]))
        await world.run()
        world.tell(.changes([.set(service("a", [1, 2], draining: [1]))]))
        let written = await world.run()
        #expect(written.map(\.kind) == [.change])
        let marked = world.registry.registrations.first { $0.id.rawValue == "a@10.0.0.1:8080" }
        #expect(marked?.health == .draining)
        world.tell(.changes([.set(service("a", [2]))]))
        #expect(await world.run().removed == ["a@10.0.0.1:8080"])
    }

    @Test("10 Draining: what is not ready stays registered, as critical")
    func notReady() async throws {
        var world = try World()
        world.tell(.snapshot([service("a", [1, 2], notReady: [1])]))
        await world.run()
        let marked = world.registry.registrations.first { $0.id.rawValue == "a@10.0.0.1:8080" }
        #expect(marked?.health == .critical)
    }
}
