import HTTPTransport
import KubernetesClient
import KubernetesObjects
import Logging
import Sandbox
import ServiceCatalog
import Synchronization
import Testing

@testable import KubernetesSystem

/// The source over real HTTP, against the API server stand-in and its faults.
@Suite(.timeLimit(.minutes(5))) struct SandboxTests {
    private static let key = ServiceKey(namespace: "shop", name: "cart")

    /// A source that runs against a server into a catalog, with short waits.
    private final class Cluster: Sendable {
        let server: APIServer
        let api: KubernetesAPI
        let source: KubernetesSource
        let store = CatalogStore(systems: ["east"])
        private let deltas = AsyncStream<CatalogDelta>.makeStream()
        private let task: Task<Void, Never>

        init(
            _ server: APIServer,
            credentials: CredentialSource = .none,
            _ configure: (inout KubernetesSettings, inout ListWatchMachine.Settings) -> Void = { _, _ in }
        ) {
            self.server = server
            let configuration = ClusterConfiguration(
                server: server.url,
                credentials: credentials,
                source: "the sandbox"
            )
            let connection = ClusterConnection(
                configuration,
                credentials: CredentialProvider(credentials, environment: [:])
            )
            api = KubernetesAPI(connection)
            var settings = KubernetesSettings(origin: Origin(cluster: "east", system: "east"))
            var machine = ListWatchMachine.Settings()
            machine.slowRetry = .milliseconds(50)
            configure(&settings, &machine)
            source = KubernetesSource(
                settings,
                connection: connection,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                machineSettings: machine
            )
            store.subscribe { [deltas] in deltas.continuation.yield($0) }
            task = Task { [source, store] in await source.run(into: store.writer(for: "east")) }
        }

        var addresses: [String]? {
            store.service(SandboxTests.key, in: "east")?.endpoints.map(\.host.description)
        }

        /// Waits until the catalog says so.
        func until(_ isMet: () -> Bool) async {
            if isMet() { return }
            for await _ in deltas.stream where isMet() { return }
        }

        /// Every state of the service that the catalog passed through so far.
        func watchAddresses(_ note: @escaping @Sendable ([String]?) -> Void) {
            store.subscribe { [store] _ in
                note(store.service(SandboxTests.key, in: "east")?.endpoints.map(\.host.description))
            }
        }

        func setAddresses(_ addresses: [String]) async throws {
            let endpoints = JSONValue.array(addresses.map { ["addresses": [.string($0)]] })
            let slice = ObjectReference(.endpointSlices, namespace: "shop", name: "cart-1")
            _ = try await api.patch(slice, .merge(["endpoints": endpoints]))
        }

        func stop() async {
            task.cancel()
            await task.value
            await server.stop()
        }
    }

    private static let objects = """
        apiVersion: v1
        kind: Namespace
        metadata: {name: shop}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: cart, namespace: shop}
        spec: {ports: [{name: http, port: 80}]}
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}
        addressType: IPv4
        endpoints: [{addresses: [10.1.0.1]}]
        ports: [{name: http, port: 8080}]
        """

    private func server(_ configure: (inout APIServer.Configuration) -> Void = { _ in }) async throws -> APIServer {
        var configuration = APIServer.Configuration()
        configure(&configuration)
        let server = try await APIServer.start(configuration)
        _ = try server.load(yaml: Self.objects)
        return server
    }

    @Test(
        "read and followed, whatever the server makes of streamed lists",
        arguments: [
            APIServer.Configuration.StreamingLists.offered, .refusedByStorage, .disabled,
        ]
    )
    func follows(streamingLists: APIServer.Configuration.StreamingLists) async throws {
        let cluster = Cluster(try await server { $0.streamingLists = streamingLists })
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        try await cluster.setAddresses(["10.1.0.1", "10.1.0.2"])
        await cluster.until { cluster.addresses == ["10.1.0.1", "10.1.0.2"] }
        try await cluster.api.delete(ObjectReference(.services, namespace: "shop", name: "cart"))
        await cluster.until { cluster.addresses == nil }
        await cluster.stop()
    }

    @Test(
        "a cluster of many pages is read whole",
        arguments: [
            APIServer.Configuration.StreamingLists.offered, .disabled,
        ]
    )
    func pages(streamingLists: APIServer.Configuration.StreamingLists) async throws {
        let server = try await server { $0.streamingLists = streamingLists }
        try server.fill(services: 600, endpoints: 3)
        let cluster = Cluster(server)
        await cluster.until { cluster.store.freshness(of: "east") == .current }
        let services = cluster.store.snapshot.systems["east"]?.services ?? [:]
        #expect(services.count == 601)
        #expect(services.values.filter { $0.key.namespace == "load" }.allSatisfy { $0.endpoints.count == 3 })
        #expect(try await cluster.source.list().count == 601)
        await cluster.stop()
    }

    private enum PageFault: CaseIterable {
        case cut, truncation, restart, compaction
    }

    @Test(
        "a list that breaks off between its pages is read again, and nothing is told of half of it",
        arguments: PageFault.allCases
    )
    private func interruptedPages(fault: PageFault) async throws {
        let server = try await server { $0.streamingLists = .disabled }
        try server.fill(services: 9, endpoints: 2)
        let isNextPage: @Sendable (ServerRequest) -> Bool = {
            $0.path.hasSuffix("/services") && $0.parameter("continue") != nil
        }
        let (reached, reaches) = AsyncStream<Void>.makeStream()
        switch fault {
        case .cut: server.faults.add(.cut, times: 1, where: isNextPage)
        case .truncation: server.faults.add(.truncation(after: 100), times: 1, where: isNextPage)
        case .restart:
            server.faults.add(.silence, times: 1) { request in
                guard isNextPage(request) else { return false }
                reaches.yield()
                return true
            }
        case .compaction:
            server.faults.add(.cut) { request in
                guard isNextPage(request) else { return false }
                // The version of the first page is forgotten before the second is asked for.
                let later = "{apiVersion: v1, kind: ConfigMap, metadata: {name: later, namespace: shop}}"
                _ = try? server.load(yaml: later)
                server.compact()
                return false
            }
        }
        let cluster = Cluster(server) { _, machine in machine.pageSize = 2 }
        let seen = Mutex<[Int]>([])
        cluster.store.subscribe { [store = cluster.store] _ in
            seen.withLock { $0.append(store.snapshot.systems["east"]?.services.count ?? 0) }
        }
        if fault == .restart {
            for await _ in reached { break }
            try await server.restart()
        }
        await cluster.until { cluster.store.freshness(of: "east") == .current }
        #expect(seen.withLock { $0 } == [10])
        #expect(cluster.store.snapshot.systems["east"]?.endpointCount == 19)
        await cluster.stop()
    }

    private enum Interruption: CaseIterable {
        case cut, end, expire, restart, compact
    }

    @Test(
        "whatever ends a watch, nothing is missed and nothing is ever gone in between",
        arguments: Interruption.allCases
    )
    private func interruptions(interruption: Interruption) async throws {
        let cluster = Cluster(try await server())
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        let seen = Mutex<[[String]?]>([])
        cluster.watchAddresses { addresses in seen.withLock { $0.append(addresses) } }
        switch interruption {
        case .cut: cluster.server.cutWatches()
        case .end: cluster.server.endWatches()
        case .expire: cluster.server.expireWatches()
        case .restart: try await cluster.server.restart()
        case .compact:
            cluster.server.compact()
            cluster.server.cutWatches()
        }
        try await cluster.setAddresses(["10.1.0.2"])
        await cluster.until { cluster.addresses == ["10.1.0.2"] }
        #expect(seen.withLock { $0 }.allSatisfy { $0 == ["10.1.0.1"] || $0 == ["10.1.0.2"] })
        await cluster.stop()
    }

    @Test("a half-dead watch is noticed and replaced")
    func silence() async throws {
        let cluster = Cluster(try await server()) { _, machine in
            machine.answerLimit = .seconds(1)
            machine.streamedListSilence = .seconds(1)
            machine.watchSilence = .seconds(1)
        }
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        cluster.server.faults.muteOpenWatches()
        try await cluster.setAddresses(["10.1.0.2"])
        await cluster.until { cluster.addresses == ["10.1.0.2"] }
        await cluster.stop()
    }

    @Test(
        "lists that fail on the way are read again",
        arguments: [
            Faults.Effect.failure(500, message: "m"), .tooManyRequests(retryAfter: 1), .cut, .truncation(after: 100),
            .raw(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)), .failure(401, message: "Unauthorized"),
        ]
    )
    func faults(effect: Faults.Effect) async throws {
        let server = try await server()
        server.faults.add(effect, times: 2) { $0.path.hasSuffix("/endpointslices") }
        let cluster = Cluster(server)
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        await cluster.stop()
    }

    @Test(
        "4 Removal guard: reading again lists everything anew and tells the catalog before it says so",
        arguments: [
            APIServer.Configuration.StreamingLists.offered, .disabled,
        ]
    )
    func reread(streamingLists: APIServer.Configuration.StreamingLists) async throws {
        let cluster = Cluster(try await server { $0.streamingLists = streamingLists })
        #expect(await cluster.source.reread() == false, "nothing was read yet")
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        // The watches tell nothing more, so that whatever the catalog learns it learns from lists.
        cluster.server.faults.muteOpenWatches()
        try await cluster.setAddresses(["10.1.0.2"])
        #expect(await cluster.source.reread())
        #expect(cluster.addresses == ["10.1.0.2"])
        // What is followed from then on begins where the lists ended.
        try await cluster.setAddresses(["10.1.0.3"])
        await cluster.until { cluster.addresses == ["10.1.0.3"] }
        await cluster.stop()
        #expect(await cluster.source.reread() == false, "nobody reads any more")
    }

    @Test(
        "4 Removal guard: a cluster of which one list fails was not read again",
        arguments: ["services", "endpointslices"]
    )
    func rereadFails(resource: String) async throws {
        let cluster = Cluster(try await server())
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        cluster.server.faults.add(.failure(500, message: "m")) { $0.path.hasSuffix("/\(resource)") }
        #expect(await cluster.source.reread() == false)
        #expect(cluster.addresses == ["10.1.0.1"])
        cluster.server.faults.removeAll()
        try await cluster.setAddresses(["10.1.0.2"])
        await cluster.until { cluster.addresses == ["10.1.0.2"] }
        #expect(await cluster.source.reread())
        await cluster.stop()
    }

    @Test("a token is replaced while the source runs")
    func tokens() async throws {
        let server = try await server { $0.tokens = ["old": .admin] }
        let file = try TokenFile("old")
        let cluster = Cluster(server, credentials: .tokenFile(path: file.path, fallback: nil))
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        server.setToken("new", .admin)
        server.setToken("old", nil)
        try file.write("new")
        server.endWatches()
        try await cluster.setAddresses(["10.1.0.2"])
        await cluster.until { cluster.addresses == ["10.1.0.2"] }
        #expect(cluster.store.freshness(of: "east") == .current)
        await cluster.stop()
    }

    @Test("a missing permission is named by the status and by check, and waited for")
    func permissions() async throws {
        let server = try await server {
            $0.tokens = [
                "t": APIUser(
                    "reader",
                    rules: [
                        PolicyRule(verbs: ["list", "watch"], apiGroups: [""], resources: ["services"])
                    ]
                )
            ]
        }
        let cluster = Cluster(server, credentials: .token(Secret("t")))
        let needed = ["list", "watch"].map { CollectionScope(.endpointSlices).permission($0) }
        while await cluster.source.status.missingPermissions.isEmpty { await Task.yield() }
        let missing = await cluster.source.status.missingPermissions
        #expect(needed.contains(missing[0]))
        let finding = await cluster.source.check().first { $0.verdict == .forbidden }
        #expect(finding?.remedy?.contains(Permission.rules(granting: needed)) == true)

        server.setToken("t", .admin)
        await cluster.until { cluster.addresses == ["10.1.0.1"] }
        #expect(await cluster.source.check().allSatisfy { $0.verdict == .fine })
        await cluster.stop()
    }

    @Test("an Event tells of an annotation that cannot be used")
    func events() async throws {
        let server = try await server()
        let cluster = Cluster(server)
        let recorder = EventRecorder(cluster.api, instance: "pod-1")
        let task = Task { await recorder.run() }
        let cart = ObjectReference(.services, namespace: "shop", name: "cart")
        recorder.record(ObjectEvent(.warning, about: cart, reason: "AnnotationInvalid", message: "weight is heavy"))
        let uid = try await cluster.api.get(cart)["metadata"]?["uid"]
        var event: JSONValue?
        while event == nil {
            let list = try await cluster.api.get(ObjectReference(.events, namespace: "shop", name: ""))
            event = list["items"]?.array?.first
        }
        #expect(event?["message"] == "weight is heavy")
        #expect(event?["involvedObject"]?["uid"] == uid)
        task.cancel()
        await task.value
        await cluster.stop()
    }
}
