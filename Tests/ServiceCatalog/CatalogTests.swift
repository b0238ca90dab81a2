import ServiceCatalog
import Synchronization
import Testing

private let origin = Origin(cluster: "east", system: "k8s")
private let now = ContinuousClock.now

private func service(_ name: String, endpoints: Int = 1) -> Service {
    Service(
        key: ServiceKey(namespace: "shop", name: name),
        origin: origin,
        kind: .headless,
        endpoints: (0..<endpoints).map { Endpoint(host: .address(.v4(0x0a00_0000 + UInt32($0)))) }
    )
}

@Suite struct CatalogTests {
    private var catalog = Catalog(systems: ["k8s", "consul"])

    @Test("Changes before the first snapshot leave a system unsynced")
    mutating func changesBeforeSnapshot() {
        let delta = catalog.apply(.changes([.set(service("a"))]), from: "k8s", at: now)
        #expect(delta?.becameSynced == false)
        #expect(catalog.systems["k8s"]?.freshness == .unsynced)
    }

    @Test("The first snapshot makes a system synced, once")
    mutating func firstSnapshot() {
        let first = catalog.apply(.snapshot([service("a")]), from: "k8s", at: now)
        #expect(first?.becameSynced == true)
        let second = catalog.apply(.snapshot([service("b")]), from: "k8s", at: now)
        #expect(second?.becameSynced == false)
        #expect(Set(second?.changed.map(\.name) ?? []) == ["a", "b"])
        #expect(catalog.systems["consul"]?.freshness == .unsynced)
    }

    @Test("An empty first snapshot is a delta: the system became synced")
    mutating func emptySnapshot() {
        let delta = catalog.apply(.snapshot([]), from: "k8s", at: now)
        #expect(delta?.becameSynced == true)
        #expect(delta?.changed.isEmpty == true)
    }

    @Test("An equal snapshot or change is no delta")
    mutating func noChange() {
        _ = catalog.apply(.snapshot([service("a")]), from: "k8s", at: now)
        #expect(catalog.apply(.snapshot([service("a")]), from: "k8s", at: now) == nil)
        #expect(catalog.apply(.changes([.set(service("a"))]), from: "k8s", at: now) == nil)
        #expect(catalog.apply(.changes([.remove(.init(namespace: "shop", name: "z"))]), from: "k8s", at: now) == nil)
    }

    @Test("Losing contact keeps the contents and ages them from the first loss")
    mutating func lost() {
        _ = catalog.apply(.snapshot([service("a")]), from: "k8s", at: now)
        _ = catalog.apply(.lost(reason: "refused"), from: "k8s", at: now)
        #expect(catalog.apply(.lost(reason: "again"), from: "k8s", at: now + .seconds(9)) == nil)
        #expect(catalog.systems["k8s"]?.freshness == .stale(since: now, reason: "refused"))
        #expect(catalog.service(.init(namespace: "shop", name: "a"), in: "k8s") != nil)
        _ = catalog.apply(.current, from: "k8s", at: now)
        #expect(catalog.systems["k8s"]?.freshness == .current)
    }

    @Test("Endpoints are counted through sets, removals and snapshots")
    mutating func endpointCount() {
        _ = catalog.apply(.snapshot([service("a", endpoints: 3), service("b", endpoints: 2)]), from: "k8s", at: now)
        #expect(catalog.systems["k8s"]?.endpointCount == 5)
        _ = catalog.apply(.changes([.set(service("a", endpoints: 1))]), from: "k8s", at: now)
        #expect(catalog.systems["k8s"]?.endpointCount == 3)
        _ = catalog.apply(.changes([.remove(.init(namespace: "shop", name: "b"))]), from: "k8s", at: now)
        #expect(catalog.systems["k8s"]?.endpointCount == 1)
    }

    @Test("Keeping some systems leaves their contents, forgets the others and adds new ones unsynced")
    mutating func keepSystems() {
        _ = catalog.apply(.snapshot([service("a")]), from: "k8s", at: now)
        catalog.keep(systems: ["k8s", "files"])
        #expect(Set(catalog.systems.keys) == ["k8s", "files"])
        #expect(catalog.service(.init(namespace: "shop", name: "a"), in: "k8s") != nil)
        #expect(catalog.systems["files"]?.freshness == .unsynced)
        #expect(catalog.apply(.snapshot([service("b")]), from: "consul", at: now) == nil)
    }

    @Test("A subscriber is told before apply returns, and finds the new state in the store")
    func subscriber() {
        let store = CatalogStore(systems: ["k8s"])
        let seen = Mutex<[Bool]>([])
        let key = ServiceKey(namespace: "shop", name: "a")
        let id = store.subscribe { [unowned store] delta in
            seen.withLock { $0.append(delta.changed == [key] && store.service(key, in: "k8s") != nil) }
        }
        store.writer(for: "k8s").apply(.snapshot([service("a")]))
        #expect(seen.withLock { $0 } == [true])
        store.unsubscribe(id)
        store.writer(for: "k8s").apply(.snapshot([]))
        #expect(seen.withLock { $0.count } == 1)
    }
}
