import ServiceCatalog
import SyncEngine
import Testing

/// Random histories of changes, failures and restarts.
@Suite struct PropertyTests {
    @Test("Nothing the source still has is ever removed, and in the end all agree", arguments: 0..<80)
    func histories(seed: Int) async throws {
        var random = SplitMix64(seed: UInt64(seed))
        var world = try World(
            policy: GuardPolicy(maxRemoved: 0.3, above: 4, hold: .seconds(60)),
            batchLimit: [1, 3, 8].randomElement(using: &random) ?? 8,
            concurrentBatches: Int.random(in: 1...3, using: &random)
        )
        var underWay: [[SyncEngine.Operation]] = []
        /// What the source holds, whether or not the process knows.
        var truth: [String: Service] = [:]
        var isSynced = false
        var isRestless = true

        func wanted() -> Set<EntryID> {
            Set(
                truth.values.flatMap { service in
                    service.endpoints.map { EntryID(service: service.key.name, host: $0.host, port: 8080) }
                }
            )
        }

        func change() -> ServiceChange {
            let name = "s\(Int.random(in: 0..<6, using: &random))"
            if Int.random(in: 0..<5, using: &random) == 0 {
                truth[name] = nil
                return .remove(ServiceKey(namespace: "shop", name: name))
            }
            let octets = (0..<6).filter { _ in Bool.random(using: &random) }.map { UInt32($0) }
            let sick = Set(octets.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
            let made = service(name, octets, notReady: sick)
            truth[name] = made
            return .set(made)
        }

        func step() async {
            switch world.next() {
            case .apply(let operations):
                // The source moves while the batch is on its way.
                for case .remove(let entry) in operations {
                    #expect(!wanted().contains(entry.id), "seed \(seed): \(entry.id) is removed and still there")
                }
                if isSynced, isRestless, Int.random(in: 0..<4, using: &random) == 0 {
                    world.changeUnnoticed(.changes([change()]))
                }
                let names = Set(underWay.joined().map(\.service))
                #expect(
                    names.isDisjoint(with: operations.map(\.service)),
                    "seed \(seed): one batch at a time for a name"
                )
                let removes = (underWay + [operations]).contains { $0.contains { $0.kind == .remove } }
                #expect(underWay.isEmpty || !removes, "seed \(seed): a removal is under way alone")
                underWay.append(operations)
                if Bool.random(using: &random) { return }
            case .reread(let system): world.answerReread(system)
            case .wait: break
            }
            guard let index = underWay.indices.randomElement(using: &random) else { return }
            await world.finish(underWay.remove(at: index))
            if !isRestless || Bool.random(using: &random) { world.hear() }
        }

        for _ in 0..<150 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<8:
                let change = change()
                if isSynced { world.tell(.changes([change])) }
            case 8..<14: await step()
            case 14:
                world.tell(.snapshot(Array(truth.values)))
                isSynced = true
            case 15:
                world.restart()
                underWay = []
                isSynced = false
            case 16:
                let error: TargetError =
                    [
                        .unreachable("down"), .throttled("slow", retryAfter: .seconds(2)), .nonsense("?"),
                        .unauthorized("no"),
                    ].randomElement(using: &random) ?? .unreachable("down")
                world.registry.with { $0.failures.append(error) }
            case 17:
                let unlucky =
                    "s\(Int.random(in: 0..<6, using: &random))@10.0.0.\(Int.random(in: 0..<6, using: &random)):8080"
                world.registry.with { $0.refuses = { $0.id.rawValue == unlucky ? .invalid("no") : nil } }
            case 18:
                let victim = world.registry.entries().keys.sorted().randomElement(using: &random)
                if let victim { world.registry.edit { $0.regions["east"]?[victim] = nil } }
            default: world.now += .seconds(Int.random(in: 0..<30, using: &random))
            }
        }

        // Everything heals.
        world.registry.with { state in
            state.failures = []
            state.refuses = { _ in nil }
        }
        world.tell(.snapshot(Array(truth.values)))
        world.hear()
        isSynced = true
        isRestless = false
        for _ in 0..<1200 {
            await step()
            world.now += .seconds(2)
        }
        #expect(world.registry.registrations == world.desired, "seed \(seed)")
        #expect(Set(world.registry.entries().keys) == wanted())
        #expect(await world.run().isEmpty, "and then all is silent")
    }
}
