import HTTPTransport
import KubernetesClient
import KubernetesObjects
import KubernetesScripts
import Logging
import ServiceCatalog
import Synchronization
import Testing

@testable import KubernetesSystem

/// The whole source against a scripted API server.
@Suite(.timeLimit(.minutes(5))) struct KubernetesSourceTests {
    private static let services = "/api/v1/services"
    private static let slices = "/apis/discovery.k8s.io/v1/endpointslices"
    private static let endpoints = "/api/v1/endpoints"

    /// A source that runs into a catalog of its own.
    private final class Harness: Sendable {
        let server: ScriptedServer
        let clock = TestClock()
        let store = CatalogStore(systems: ["east"])
        let source: KubernetesSource
        let restarts = Mutex<[RestartReason]>([])
        let problems = Mutex<[String]>([])
        private let deltas = AsyncStream<CatalogDelta>.makeStream()
        private let task = Mutex<Task<Void, Never>?>(nil)

        init(_ server: ScriptedServer, _ configure: (inout KubernetesSettings) -> Void = { _ in }) {
            self.server = server
            var settings = KubernetesSettings(origin: Origin(cluster: "east", system: "east"))
            configure(&settings)
            var machine = ListWatchMachine.Settings()
            machine.streamsLists = false
            let configuration = ClusterConfiguration(server: "https://h", source: "context \"c\" of /k")
            let connection = ClusterConnection(
                configuration,
                credentials: CredentialProvider(.none, environment: [:])
            ) { _ in server }
            let box = Box()
            source = KubernetesSource(
                settings,
                connection: connection,
                observer: KubernetesObserver(
                    restarted: { reason in box.harness?.restarts.withLock { $0.append(reason) } },
                    problem: { problem, object in
                        box.harness?.problems.withLock {
                            $0.append("\(object.resource.kind) \(object.name): \(problem)")
                        }
                    }
                ),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                clock: clock.clientClock,
                machineSettings: machine
            )
            box.set(self)
            store.subscribe { [deltas] in deltas.continuation.yield($0) }
        }

        func run() {
            let task = Task { await source.run(into: store.writer(for: "east")) }
            self.task.withLock { $0 = task }
        }

        func next() async -> CatalogDelta? {
            for await delta in deltas.stream { return delta }
            return nil
        }

        func addresses(_ name: String) -> [String]? {
            store.service(ServiceKey(namespace: "n", name: name), in: "east")?.endpoints.map(\.host.description)
        }

        func stop() async {
            let task = task.withLock { $0 }
            task?.cancel()
            await task?.value
        }
    }

    /// The callbacks exist before the harness does.
    private final class Box: Sendable {
        private let content = Mutex<Harness?>(nil)

        var harness: Harness? { content.withLock { $0 } }
        func set(_ harness: Harness) { content.withLock { $0 = harness } }
    }

    private static func slices(_ objects: String..., version: Int = 2) -> ScriptedServer.Reply {
        .response(Body.list(of: "EndpointSlice", objects, version: version))
    }

    private static func services(_ objects: String..., version: Int = 2) -> ScriptedServer.Reply {
        .response(Body.list(of: "Service", objects, version: version))
    }

    @Test("from the first lists through a change to a clean stop")
    func follows() async {
        let watch = ScriptedStream()
        let harness = Harness(
            ScriptedServer(routes: [
                Self.services: [Self.services(Body.service("a", 1))],
                Self.slices: [Self.slices(Body.slice("a-1", of: "a", ["1.1.1.1"], 1)), .stream(watch)],
            ])
        )
        harness.run()
        #expect(await harness.next()?.becameSynced == true)
        #expect(harness.addresses("a") == ["1.1.1.1"])
        watch.send(Body.event("MODIFIED", Body.slice("a-1", of: "a", ["1.1.1.1", "1.1.1.2"], 3)))
        #expect(await harness.next()?.changed == [ServiceKey(namespace: "n", name: "a")])
        #expect(harness.addresses("a") == ["1.1.1.1", "1.1.1.2"])
        await harness.stop()
    }

    @Test("an API server without EndpointSlices is read through v1 Endpoints")
    func fallback() async {
        let harness = Harness(
            ScriptedServer(routes: [
                Self.services: [Self.services(Body.service("a", 1))], Self.slices: [], Self.endpoints: [],
            ])
        )
        harness.run()
        // Both lists and the watch of the services.
        await harness.server.requests(reach: 3)
        harness.server.reply(
            .response(HTTPResponse(status: 404, headers: ["Content-Type": "text/plain"])),
            on: Self.slices
        )
        // Both lists again.
        await harness.server.requests(reach: 5)
        harness.server.reply(Self.services(Body.service("a", 1)), on: Self.services)
        let endpoints = Body.list(of: "Endpoints", [Body.endpoints("a", ["1.1.1.1"], 1)], version: 2)
        harness.server.reply(.response(endpoints), on: Self.endpoints)
        #expect(await harness.next()?.becameSynced == true)
        #expect(harness.addresses("a") == ["1.1.1.1"])
        #expect(await harness.source.status.collections.map(\.resource) == [.endpoints, .services])
        await harness.stop()
    }

    @Test("named namespaces are read one by one, the label selector goes to the server")
    func namespaces() async throws {
        let selector = try LabelSelector("app!=internal")
        let harness = Harness(
            ScriptedServer(routes: [
                "/namespaces/n/services": [Self.services(Body.service("a", 1))],
                "/namespaces/m/services": [Self.services(Body.service("b", 1, namespace: "m"))],
                "/namespaces/n/endpointslices": [Self.slices()], "/namespaces/m/endpointslices": [Self.slices()],
            ])
        ) {
            $0.include = ["n", "m"]
            $0.services = selector
        }
        harness.run()
        #expect(await harness.next()?.changed.count == 2)
        let lists = harness.server.targets.filter { $0.contains("limit") }.sorted()
        #expect(
            lists == [
                "GET /api/v1/namespaces/m/services?labelSelector=app%21%3Dinternal&limit=500",
                "GET /api/v1/namespaces/n/services?labelSelector=app%21%3Dinternal&limit=500",
                "GET /apis/discovery.k8s.io/v1/namespaces/m/endpointslices?limit=500",
                "GET /apis/discovery.k8s.io/v1/namespaces/n/endpointslices?limit=500",
            ]
        )
        await harness.stop()
    }

    @Test("the system is stale after the grace, its contents kept, and current again with the next answer")
    func staleness() async {
        let watch = ScriptedStream()
        let harness = Harness(
            ScriptedServer(routes: [
                Self.services: [Self.services(Body.service("a", 1))],
                Self.slices: [Self.slices(), .stream(watch), .failure(.connect)],
            ])
        ) { $0.grace = .milliseconds(100) }
        harness.run()
        _ = await harness.next()
        await watch.drained()
        watch.end()
        while await harness.source.status.troubledSince == nil { await Task.yield() }
        #expect(harness.store.freshness(of: "east") == .current)
        await harness.clock.pass(.milliseconds(100))
        _ = await harness.next()
        guard case .stale(_, let reason) = harness.store.freshness(of: "east") else {
            Issue.record("not stale")
            return
        }
        #expect(reason.hasSuffix("scripted"))
        #expect(harness.addresses("a") == [])
        // The reader's own wait is the only other sleeper that ends within a second.
        harness.server.reply(.stream(ScriptedStream()), on: Self.slices)
        await harness.clock.pass(.milliseconds(700))
        _ = await harness.next()
        #expect(harness.store.freshness(of: "east") == .current)
        #expect(harness.restarts.withLock { $0 } == [.ended, .transport])
        await harness.stop()
    }

    @Test("what cannot be used is told to the observer, once per object")
    func problems() async {
        let watch = ScriptedStream()
        let bad = Body.service("a", 1, annotations: #"{"portolan.dev/weight":"heavy"}"#)
        let harness = Harness(
            ScriptedServer(routes: [
                Self.services: [Self.services(bad), .stream(watch)], Self.slices: [Self.slices()],
            ])
        )
        harness.run()
        _ = await harness.next()
        watch.send(Body.event("MODIFIED", bad))
        watch.send(Body.event("ADDED", Body.service("b", 3)))
        _ = await harness.next()
        #expect(harness.problems.withLock { $0 }.count == 1)
        #expect(harness.problems.withLock { $0.first }?.hasPrefix("Service a: annotation portolan.dev/weight") == true)
        await harness.stop()
    }

    @Test("a plan reads everything once", arguments: [true, false])
    func list(hasSlices: Bool) async throws {
        let slices = Self.slices(Body.slice("a-1", of: "a", ["1.1.1.1"], 1))
        let endpoints = Body.list(of: "Endpoints", [Body.endpoints("a", ["1.1.1.1"], 1)], version: 2)
        let harness = Harness(
            ScriptedServer(routes: [
                Self.services: [Self.services(Body.service("a", 1))],
                Self.slices: [hasSlices ? slices : .response(Body.status(404, "NotFound"))],
                Self.endpoints: [.response(endpoints)],
            ])
        )
        let services = try await harness.source.list()
        #expect(services.map(\.key.name) == ["a"])
        #expect(services.first?.endpoints.count == 1)
    }

    @Test("a plan says what stands in its way")
    func refusedList() async {
        let harness = Harness(ScriptedServer(routes: [Self.slices: [.response(Body.status(403, "Forbidden"))]]))
        await #expect(throws: Trouble.forbidden(CollectionScope(.endpointSlices).permission("list"))) {
            _ = try await harness.source.list()
        }
    }

    // MARK: check

    private static func review(_ isAllowed: Bool) -> ScriptedServer.Reply {
        let body = #"{"kind":"SelfSubjectAccessReview","status":{"allowed":\#(isAllowed)}}"#
        return .response(HTTPResponse(status: 201, headers: Body.json, body: Array(body.utf8)))
    }

    private static let version = ScriptedServer.Reply.response(
        HTTPResponse(status: 200, headers: Body.json, body: Array(#"{"gitVersion":"v1.36.0"}"#.utf8))
    )

    private func check(
        _ routes: [String: [ScriptedServer.Reply]],
        _ configure: (inout KubernetesSettings) -> Void = { _ in }
    ) async -> [CheckFinding] {
        await Harness(ScriptedServer(routes: routes), configure).source.check()
    }

    @Test("a cluster that can be read passes")
    func checkPasses() async {
        let findings = await check([
            "/version": [Self.version], "/apis/discovery.k8s.io/v1": [.response(Body.status(200))],
            "/selfsubjectaccessreviews": Array(repeating: Self.review(true), count: 7),
        ])
        #expect(
            findings == [
                CheckFinding(.fine, "https://h answers, Kubernetes v1.36.0"),
                CheckFinding(.fine, "the account may list and watch services and endpointslices"),
            ]
        )
    }

    @Test("every missing permission is named, with the rule to add")
    func checkPermissions() async {
        let findings = await check([
            "/version": [Self.version], "/apis/discovery.k8s.io/v1": [.response(Body.status(404))],
            "/selfsubjectaccessreviews": [
                Self.review(true), Self.review(false), Self.review(false), Self.review(false),
                Self.review(true), Self.review(false), Self.review(true),
            ],
        ]) { $0.include = ["shop"] }
        #expect(
            findings[1]
                == CheckFinding(
                    .forbidden,
                    "the account may not watch services in namespace shop, nor list endpoints in namespace shop, nor "
                        + "watch endpoints in namespace shop",
                    remedy: """
                        grant it these rules:
                        # Role in namespace shop
                        - apiGroups: [""]
                          resources: ["services"]
                          verbs: ["watch"]
                        # Role in namespace shop
                        - apiGroups: [""]
                          resources: ["endpoints"]
                          verbs: ["list", "watch"]
                        """
                )
        )
        #expect(findings[2].verdict == .warning)
        #expect(findings[2].message.hasSuffix("the account may not create events in namespace shop"))
    }

    @Test(
        "what stands in the way is told apart",
        arguments: [
            (ScriptedServer.Reply.failure(.connect), CheckFinding.Verdict.unavailable, "is https://h right?"),
            (.failure(.tls), .unavailable, "certificate authority that signed"),
            (.failure(.request), .misconfigured, "correct context \"c\" of /k"),
            (.response(Body.status(401, "Unauthorized")), .forbidden, "get new ones"),
            (.response(Body.status(503)), .unavailable, "is https://h right?"),
            (.response(HTTPResponse(status: 200, body: Array("<html>".utf8))), .unavailable, "is https://h right?"),
        ]
    )
    func checkFailures(reply: ScriptedServer.Reply, verdict: CheckFinding.Verdict, remedy: String) async {
        let findings = await check(["/version": [reply, reply]])
        #expect(findings.count == 1)
        #expect(findings.first?.verdict == verdict)
        #expect(findings.first?.remedy?.contains(remedy) == true)
    }
}
