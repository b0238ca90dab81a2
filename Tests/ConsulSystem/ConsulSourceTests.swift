import HTTPTransport
import Logging
import Sandbox
import ServiceCatalog
import SyncEngine
import Synchronization
import Testing

@testable import ConsulSystem

@Suite(.timeLimit(.minutes(5))) struct ConsulSourceTests {
    /// A source that reads a Consul into a catalog.
    private final class Reader: Sendable {
        let store = CatalogStore(systems: ["dc1"])
        let source: ConsulSource
        private let task: Task<Void, Never>
        private let signals: AsyncStream<Void>

        init(_ harness: ConsulHarness, through http: (any HTTPSending)? = nil) {
            source = ConsulSource(
                system: "dc1",
                cluster: "east",
                configuration: harness.configuration("east"),
                http: http ?? harness.http,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            self.signals = signals
            store.subscribe { _ in signal.yield() }
            task = Task { [source, store] in await source.run(into: store.writer(for: "dc1")) }
        }

        func service(_ name: String) -> Service? {
            store.service(ServiceKey(namespace: "default", name: name), in: "dc1")
        }
        func hosts(_ name: String) -> [String] { service(name)?.endpoints.map(\.host.description) ?? [] }
        var names: [String] { store.snapshot.systems["dc1"]?.services.keys.map(\.name).sorted() ?? [] }
        var freshness: Catalog.Freshness { store.freshness(of: "dc1") }

        func wait(until condition: () -> Bool) async {
            if condition() { return }
            for await _ in signals where condition() { return }
        }

        func stop() async {
            task.cancel()
            await task.value
        }
    }

    private func register(
        _ harness: ConsulHarness,
        _ id: String,
        _ name: String,
        address: String = "10.1.0.1",
        node: String = "vm-1",
        status: String = "passing",
        weight: Int = 1
    ) async throws {
        try await harness.register { writer in
            writer.field("Node", node)
            writer.field("Address", "192.0.2.1")
            writer.key("Service")
            writer.object { writer in
                writer.field("ID", id)
                writer.field("Service", name)
                writer.field("Address", address)
                writer.field("Port", 8080)
                writer.field("Tags", ["vm"])
                writer.field("Meta", ["rack": "7"])
                writer.key("Weights")
                writer.object { writer in
                    writer.field("Passing", weight)
                    writer.field("Warning", 1)
                }
            }
            writer.key("Check")
            writer.object { writer in
                writer.field("CheckID", "c-\(id)")
                writer.field("Status", status)
                writer.field("ServiceID", id)
            }
        }
    }

    @Test("Services and instances are read, and followed as they change")
    func follows() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            try await register(harness, "w1", "web", weight: 5)
            try await register(harness, "w2", "web", address: "10.1.0.2", status: "critical")
            try await register(harness, "w3", "web", address: "", status: "warning")
            let reader = Reader(harness)
            await reader.wait { reader.freshness == .current }
            #expect(reader.names == ["web"], "without Consul's own")
            let web = try #require(reader.service("web"))
            #expect(web.endpoints.map(\.host.description) == ["10.1.0.1", "10.1.0.2", "192.0.2.1"])
            #expect(web.endpoints.map(\.readiness) == [.ready, .notReady, .ready])
            #expect(web.endpoints[0].attributes == EndpointAttributes(weight: 5, tags: ["vm"], metadata: ["rack": "7"]))
            #expect(web.ports == [ServicePort(number: 8080)])
            #expect(web.origin == Origin(cluster: "east", system: "dc1"))

            try await register(harness, "w2", "web", address: "10.1.0.2", status: "passing")
            await reader.wait { reader.service("web")?.endpoints[1].readiness == .ready }
            try await register(harness, "a1", "api")
            await reader.wait { reader.names == ["api", "web"] }
            try await harness.removeNode("vm-1")
            await reader.wait { reader.names.isEmpty }
            #expect(reader.freshness == .current)
            await reader.stop()
        }
    }

    @Test("6 No loops: entries of any Portolan keep their origin and way")
    func origins() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let target = harness.target("west")
            let scene = SyncScene(target, cluster: "west")
            scene.tell(.snapshot([service("cart", [1], draining: [1])]))
            try await scene.settle(consul)
            let reader = Reader(harness)
            await reader.wait { reader.hosts("cart") == ["10.0.0.1"] }
            let cart = try #require(reader.service("cart"))
            let endpoint = try #require(cart.endpoints.first)
            // The source of west's sync says that east saw it first; its way led over west.
            #expect(cart.origin(of: endpoint) == Origin(cluster: "east", system: "k8s"))
            #expect(endpoint.attributes?.metadata == [EntryMetadata.Key.via.rawValue: "west/k8s"])
            #expect(endpoint.readiness == .draining)
            #expect(endpoint.targetName == "cart-1")
            let back = Projector(definition: SyncDefinition(from: "dc1", to: "k8s"), cluster: "east") { Normalised($0) }
            #expect(back.project(cart, as: "cart").entries.isEmpty, "it came from east's k8s")
            await reader.stop()
            await scene.stop()
        }
    }

    @Test("A Consul that goes away leaves what is known, grown stale, and is followed again when it returns")
    func down() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            try await register(harness, "w1", "web")
            let reader = Reader(harness)
            await reader.wait { reader.freshness == .current }
            await consul.goDown()
            await reader.wait { reader.freshness != .current }
            #expect(reader.names == ["web"])
            #expect(await reader.source.reread() == false)
            try await consul.comeUp()
            await reader.wait { reader.freshness == .current }
            try await register(harness, "w2", "web", address: "10.1.0.9")
            await reader.wait { reader.hosts("web").count == 2 }
            #expect(await reader.source.reread())
            await reader.stop()
        }
    }

    @Test("Services that are read in turn are not read anew for every registration in a busy datacenter")
    func busy() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            for number in 100..<300 { try await register(harness, "s\(number)", "s\(number)") }
            let count = Locked(0)
            let http = InterposedHTTP(harness.http) { request in
                // Beyond the first 128 names.
                if request.url.contains("/health/service/s25") { count.value.withLock { $0 += 1 } }
                return .passedOn
            }
            let begin = ContinuousClock.now
            let reader = Reader(harness, through: http)
            await reader.wait { reader.freshness == .current }
            for number in 1...20 {
                // One that is followed, by which time the list has been read, and a new one in turn.
                try await register(harness, "t\(number)", "t\(number)")
                try await register(harness, "s100", "s100", address: "10.1.1.\(number)")
                await reader.wait { reader.hosts("s100") == ["10.1.1.\(number)"] }
            }
            // Ten of 72 names or more, which are read every 3.6 s at most.
            let turns = Int((ContinuousClock.now - begin) / .milliseconds(3600)) + 2
            #expect(count.value.withLock { $0 } <= 10 * turns)
            await reader.wait { reader.names.count == 220 }
            await reader.stop()
        }
    }

    @Test("What changes while everything is read anew is not put back to what it was")
    func changedMeanwhile() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            try await register(harness, "w1", "web")
            try await register(harness, "z1", "zoo")
            let gate = GatedHTTP(harness.http, path: "/health/service/zoo")
            let reader = Reader(harness, through: gate)
            await reader.wait { reader.freshness == .current }
            await consul.whenWaiting(requests: 3)
            gate.close()
            async let outcome = reader.source.reread()
            await gate.reached()
            try await register(harness, "w2", "web", address: "10.1.0.2")
            await reader.wait { reader.hosts("web").count == 2 }
            gate.open()
            #expect(await outcome)
            #expect(reader.hosts("web") == ["10.1.0.1", "10.1.0.2"])
            await reader.stop()
        }
    }

    @Test("A token that loses its rights is shown an empty catalog, which is not believed")
    func rightsLost() async throws {
        let management = AccessControl.Token(secret: "t", policies: [.management])
        try await withStandIn(access: AccessControl(tokens: [management])) { consul in
            let harness = ConsulHarness(address: consul.url, token: "t")
            try await register(harness, "w1", "web")
            let reader = Reader(harness)
            await reader.wait { reader.freshness == .current }
            consul.setAccess { $0.set(AccessControl.Token(secret: "t", policies: [])) }
            #expect(await reader.source.reread() == false)
            #expect(reader.names == ["web"])
            consul.setAccess { $0.set(management) }
            #expect(await reader.source.reread())
            await reader.stop()
        }
    }

    @Test(
        "A token that loses node:read is shown services without instances, which is not believed",
        arguments: [false, true]
    )
    func nodesHidden(saysSo: Bool) async throws {
        let all: [AccessControl.Rule] = [.init(.node, prefix: "", .read), .init(.service, prefix: "", .write)]
        let sighted = AccessControl.Token(secret: "t", policies: [AccessControl.Policy("sighted", all)])
        let blind = AccessControl.Token(secret: "t", policies: [AccessControl.Policy("blind", [all[1]])])
        let management = AccessControl.Token(secret: "root", policies: [.management])
        try await withStandIn(access: AccessControl(tokens: [management, sighted])) { consul in
            let root = ConsulHarness(address: consul.url, token: "root")
            let harness = ConsulHarness(address: consul.url, token: "t")
            try await register(root, "w1", "web")
            try await register(root, "a1", "api")
            let isBlind = Locked(false)
            let http = InterposedHTTP(harness.http) { request in
                // As Consul answers from 1.11 on.
                guard saysSo, isBlind.value.withLock({ $0 }), request.url.contains("/health/service/") else {
                    return .passedOn
                }
                return .instead(
                    HTTPResponse(
                        status: 200,
                        headers: ["X-Consul-Index": "9999", "X-Consul-Results-Filtered-By-ACLs": "true"],
                        body: Array("[]".utf8)
                    )
                )
            }
            let reader = Reader(harness, through: http)
            await reader.wait { reader.freshness == .current }
            isBlind.value.withLock { $0 = true }
            consul.setAccess { $0.set(blind) }
            // Wakes the queries.
            try await register(root, "w2", "web", address: "10.1.0.2")
            try await register(root, "a1", "api", address: "10.1.0.3")
            await reader.wait { reader.freshness != .current }
            #expect(await reader.source.reread() == false)
            #expect(reader.hosts("web") == ["10.1.0.1"])
            #expect(reader.hosts("api") == ["10.1.0.1"])
            let findings = await ConsulCheckup(
                cluster: "east",
                configuration: harness.configuration("east"),
                http: http
            ).run(asTarget: false)
            #expect(findings.contains { $0.level == .denied && $0.text.contains("node:read") }, "\(findings)")
            isBlind.value.withLock { $0 = false }
            consul.setAccess { $0.set(sighted) }
            await reader.wait { reader.hosts("web").count == 2 && reader.hosts("api") == ["10.1.0.3"] }
            await reader.stop()
        }
    }

    @Test("Under ACLs that deny by default a service whose last instance goes is gone")
    func goneUnderACLs() async throws {
        let management = AccessControl.Token(secret: "t", policies: [.management])
        try await withStandIn(access: AccessControl(tokens: [management])) { consul in
            let harness = ConsulHarness(address: consul.url, token: "t")
            try await register(harness, "w1", "web")
            try await register(harness, "a1", "api", node: "vm-2")
            let reader = Reader(harness)
            await reader.wait { reader.freshness == .current }
            try await harness.removeNode("vm-1")
            await reader.wait { reader.names == ["api"] }
            await reader.wait { reader.freshness == .current }
            #expect(await reader.source.reread())
            #expect(reader.names == ["api"])
            await reader.stop()
        }
    }

    @Test("A token that may read nothing from the start never makes an empty, synced source")
    func noRights() async throws {
        let none = AccessControl.Token(secret: "t", policies: [])
        try await withStandIn(access: AccessControl(tokens: [none])) { consul in
            let reader = Reader(ConsulHarness(address: consul.url, token: "t"))
            await consul.whenWaiting(requests: 1)
            #expect(reader.freshness == .unsynced)
            #expect(await reader.source.reread() == false)
            await reader.stop()
        }
    }
}

@Suite struct ConsulPictureTests {
    private var picture = ConsulPicture(
        reading: ConsulServiceReading(origin: Origin(cluster: "east", system: "dc1")),
        excluding: ["consul"]
    )
    private let start = ContinuousClock.now

    private func describe(_ events: [SourceEvent]) -> [String] {
        events.map { event in
            switch event {
            case .snapshot(let services): "snapshot \(services.map(\.key.name).sorted().joined(separator: " "))"
            case .changes(let changes):
                changes.map { change in
                    switch change {
                    case .set(let service): "set \(service.key.name)"
                    case .remove(let key): "remove \(key.name)"
                    }
                }.joined(separator: " ")
            case .lost: "lost"
            case .current: "current"
            }
        }
    }

    private let entry = HealthEntry(
        node: "vm",
        nodeAddress: "10.0.0.1",
        service: CatalogService(id: "a1", name: "a", port: 80)
    )

    @Test("The snapshot comes with the last service of the list, not before")
    mutating func snapshot() {
        #expect(describe(picture.listed(["a", "b", "consul"], mayHide: false, at: start)) == [])
        #expect(describe(picture.read("a", [entry], at: start)) == [])
        #expect(describe(picture.read("b", [], at: start)) == ["snapshot a b"])
        #expect(describe(picture.read("b", [], at: start)) == [])
        #expect(describe(picture.read("b", [entry], at: start)) == ["set b"])
    }

    @Test("A service that leaves the list before it was read does not hold up the snapshot")
    mutating func leaves() {
        _ = picture.listed(["a", "b"], mayHide: false, at: start)
        _ = picture.read("a", [entry], at: start)
        #expect(describe(picture.listed(["a"], mayHide: false, at: start)) == ["snapshot a"])
        #expect(describe(picture.read("b", [entry], at: start)) == [], "read too late")
        #expect(describe(picture.listed([], mayHide: false, at: start)) == ["remove a"])
    }

    @Test("An empty list is believed only where nothing can be hidden")
    mutating func empty() {
        #expect(describe(picture.listed([], mayHide: true, at: start)) == ["lost"])
        #expect(!picture.isFollowing)
        #expect(describe(picture.listed([], mayHide: false, at: start)) == ["snapshot "])
        _ = picture.listed(["a"], mayHide: true, at: start)
        _ = picture.read("a", [entry], at: start)
        #expect(describe(picture.listed([], mayHide: true, at: start)) == ["lost"])
        #expect(picture.wanted == ["a"])
        #expect(describe(picture.listed(["a"], mayHide: true, at: start)) == ["current"])
        #expect(describe(picture.listed(["consul"], mayHide: true, at: start)) == ["remove a"], "Consul's own is shown")
    }

    @Test("What is read otherwise while everything is read stands; what was read before is replaced")
    mutating func newer() {
        let later = start + .seconds(2)
        var other = entry
        other.service.id = "a2"
        other.service.port = 81
        _ = picture.listed(["a", "b"], mayHide: false, at: start)
        _ = picture.read("a", [entry], at: start)
        _ = picture.read("b", [entry], at: start)
        _ = picture.read("a", [entry, other], at: later)
        let begin = start + .seconds(1)
        guard case .snapshot(let services) = picture.readAll(["a": [], "b": [other], "c": []], begunAt: begin).first
        else {
            Issue.record("no snapshot")
            return
        }
        let ports = Dictionary(
            uniqueKeysWithValues: services.map { ($0.key.name, $0.endpoints.flatMap { $0.ports.map(\.number) }) }
        )
        #expect(ports == ["a": [80, 81], "b": [81], "c": []])
        #expect(describe(picture.read("a", [entry, other], at: later)) == [], "nothing new")

        #expect(describe(picture.listed(["a", "d"], mayHide: false, at: later)) == ["remove b remove c"])
        #expect(describe(picture.readAll(["a": [entry], "b": [entry]], begunAt: begin)) == ["snapshot a"])
        #expect(picture.wanted == ["a", "d"])
        #expect(describe(picture.read("d", [entry], at: later)) == ["set d"])
    }

    @Test("Contact is back when every part is")
    mutating func contact() {
        _ = picture.listed(["a"], mayHide: false, at: start)
        _ = picture.read("a", [entry], at: start)
        #expect(describe(picture.failed("a", .unreachable("x"))) == ["lost"])
        #expect(describe(picture.failed(ConsulPicture.list, .unreachable("x"))) == ["lost"])
        #expect(describe(picture.recovered("a")) == [])
        #expect(describe(picture.recovered(ConsulPicture.list)) == ["current"])
    }

    @Test("Spellings of one name are one service")
    mutating func spellings() {
        _ = picture.listed(["Web", "web"], mayHide: false, at: start)
        #expect(picture.wanted == ["Web"])
    }

    @Test("Instances Consul takes and nobody can use are reported")
    func odd() {
        var bad = entry
        bad.service.port = 70000
        var nowhere = entry
        nowhere.nodeAddress = ""
        let service = ConsulServiceReading(origin: Origin(cluster: "east", system: "dc1")).service("a", [bad, nowhere])
        #expect(service.endpoints.count == 1)
        #expect(service.endpoints[0].ports.isEmpty)
        #expect(service.settings.problems.count == 2)
    }
}
