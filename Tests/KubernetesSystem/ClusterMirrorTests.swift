import HTTPTransport
import KubernetesClient
import KubernetesObjects
import ServiceCatalog
import Testing

@testable import KubernetesSystem

/// The mirror without readers: updates in, effects out.
@Suite struct ClusterMirrorTests {
    private typealias Effect = ClusterMirror.Effect

    private let start = ContinuousClock.now
    private let origin = Origin(cluster: "east", system: "east")
    private let unreachable = Trouble.unreachable(
        HTTPError(.connect, method: .get, url: "https://h", detail: "refused")
    )

    private func settings(_ configure: (inout KubernetesSettings) -> Void = { _ in }) -> KubernetesSettings {
        var settings = KubernetesSettings(origin: origin)
        configure(&settings)
        return settings
    }

    private func metadata(_ name: String, _ namespace: String = "n", _ version: Int = 1) -> ObjectMetadata {
        ObjectMetadata(namespace: namespace, name: name, resourceVersion: "\(version)")
    }

    private func service(_ name: String, _ namespace: String = "n", problems: [Problem] = []) -> ServiceObject {
        ServiceObject(
            metadata: metadata(name, namespace),
            clusterAddresses: [IPAddress("10.0.0.1")!],
            problems: problems
        )
    }

    private func slice(_ service: String, _ addresses: [String], _ namespace: String = "n") -> EndpointSliceObject {
        EndpointSliceObject(
            metadata: metadata("\(service)-1", namespace),
            serviceName: service,
            endpoints: addresses.map { Endpoint(host: Host($0)) }
        )
    }

    /// A mirror of one service with one endpoint, complete.
    private func complete() -> ClusterMirror {
        var mirror = ClusterMirror(settings())
        _ = mirror.take(.snapshot([service("a")], unreadable: []), in: nil, at: start)
        _ = mirror.take(.snapshot([slice("a", ["1.1.1.1"])], unreadable: []), in: nil, at: start)
        return mirror
    }

    private func told(_ effects: [ClusterMirror.Effect]) -> [String] {
        effects.compactMap { effect in
            guard case .tell(let event, let since) = effect else { return nil }
            let age = since == start ? "" : " @\((since - start).components.seconds)"
            switch event {
            case .snapshot(let services): return "snapshot \(services.map(\.key.description).sorted())\(age)"
            case .changes(let changes):
                return "changes "
                    + changes.map { change in
                        switch change {
                        case .set(let service): "\(service.key):\(service.endpoints.count)"
                        case .remove(let key): "-\(key)"
                        }
                    }.joined(separator: " ") + age
            case .lost: return "lost\(age)"
            case .current: return "current\(age)"
            }
        }
    }

    private func noted(_ effects: [ClusterMirror.Effect]) -> [ClusterMirror.Finding] {
        effects.compactMap { if case .note(let finding) = $0 { finding } else { nil } }
    }

    // MARK: Contents

    @Test("the catalog hears nothing before every list is complete, then everything")
    func completeness() {
        var mirror = ClusterMirror(settings())
        #expect(told(mirror.take(.snapshot([service("a")], unreadable: []), in: nil, at: start)) == [])
        #expect(told(mirror.take(.changes([.set(service("b"))]), in: nil, at: start)) == [])
        let effects = mirror.take(.snapshot([slice("a", ["1.1.1.1"])], unreadable: []), in: nil, at: start)
        #expect(told(effects) == ["snapshot [\"n/a\", \"n/b\"]"])
        #expect(noted(effects) == [.read(services: 2, endpoints: 1)])
        #expect(mirror.status.isComplete)
    }

    @Test("with several namespaces the catalog waits for all of them")
    func namespaces() {
        var mirror = ClusterMirror(
            settings {
                $0.include = ["n", "m", "k"]; $0.exclude = ["k"]
            }
        )
        #expect(Set(mirror.parts.keys) == ["n", "m"])
        _ = mirror.take(.snapshot([service("a")], unreadable: []), in: "n", at: start)
        #expect(told(mirror.take(.snapshot([slice("a", [])], unreadable: []), in: "n", at: start)) == [])
        // Changes of a namespace that is complete wait with it.
        #expect(told(mirror.take(.changes([.set(slice("a", ["1.1.1.1"]))]), in: "n", at: start)) == [])
        _ = mirror.take(.snapshot([service("b", "m")], unreadable: []), in: "m", at: start)
        let none: [EndpointSliceObject] = []
        #expect(
            told(mirror.take(.snapshot(none, unreadable: []), in: "m", at: start)) == ["snapshot [\"m/b\", \"n/a\"]"]
        )
        #expect(mirror.explanation(of: ServiceKey(namespace: "m", name: "b")).standing == .published)
        guard case .excluded = mirror.explanation(of: ServiceKey(namespace: "z", name: "b")).standing else {
            Issue.record("a namespace that is not read explains itself")
            return
        }
    }

    @Test(
        "namespaces are read one by one where all are named",
        arguments: [
            (["*"], [], [nil]), (["team-*"], [], [nil]), (["a", "team-*"], [], [nil]), (["b", "a"], [], ["a", "b"]),
            (["a/x", "a/y*", "b"], ["b"], ["a"]),
        ] as [([String], [String], [String?])]
    )
    func watchedNamespaces(include: [String], exclude: [String], watched: [String?]) {
        #expect(
            settings {
                $0.include = include; $0.exclude = exclude
            }.watchedNamespaces == watched
        )
    }

    @Test("changes that came together are told together, the moment they arrived")
    func changes() {
        var mirror = complete()
        let now = start + .seconds(7)
        let effects = mirror.take(
            .changes([.set(slice("a", ["1.1.1.1", "1.1.1.2"])), .set(slice("b", ["1.1.1.3"]))]),
            in: nil,
            at: now
        )
        #expect(told(effects) == ["changes n/a:2 @7"])
        #expect(told(mirror.take(.changes([.removed(service("a"))]), in: nil, at: now)) == ["changes -n/a @7"])
        #expect(mirror.status.collections.map(\.changed) == [now, now])
    }

    @Test("a new list after 410 is told as what differs, never as an empty world")
    func relist() {
        var mirror = complete()
        let same = mirror.take(.snapshot([slice("a", ["1.1.1.1"])], unreadable: []), in: nil, at: start)
        #expect(told(same) == [])
        let other = mirror.take(.snapshot([slice("a", ["1.1.1.9", "1.1.1.8"])], unreadable: []), in: nil, at: start)
        #expect(told(other) == ["changes n/a:2"])
        let services = mirror.take(.snapshot([service("b")], unreadable: []), in: nil, at: start)
        #expect(told(services) == ["changes -n/a n/b:0"])
    }

    // MARK: Contact

    @Test("a trouble shorter than the grace is nobody's business")
    func grace() {
        var mirror = complete()
        let effects = mirror.take(CollectionUpdate<ServiceObject>.troubled(unreachable), in: nil, at: start)
        #expect(told(effects) == [])
        guard case .judgeContact(let deadline)? = effects.first else {
            Issue.record("no deadline: \(effects)")
            return
        }
        #expect(deadline == start + .seconds(10))
        #expect(told(mirror.take(CollectionUpdate<ServiceObject>.recovered, in: nil, at: start + .seconds(9))) == [])
        #expect(mirror.judgeContact(at: deadline).isEmpty)
    }

    @Test("lost counts from the first failure, and ends when all collections are back")
    func lost() {
        var mirror = complete()
        _ = mirror.take(CollectionUpdate<ServiceObject>.troubled(unreachable), in: nil, at: start + .seconds(1))
        _ = mirror.take(CollectionUpdate<EndpointSliceObject>.troubled(unreachable), in: nil, at: start + .seconds(5))
        let lost = mirror.judgeContact(at: start + .seconds(11))
        #expect(told(lost) == ["lost @1"])
        #expect(noted(lost) == [.lost("GET https://h: refused")])
        #expect(mirror.status.problems == ["GET https://h: refused"])
        #expect(mirror.judgeContact(at: start + .seconds(20)).isEmpty)
        let one = mirror.take(CollectionUpdate<ServiceObject>.recovered, in: nil, at: start + .seconds(30))
        #expect(told(one) == [])
        // What the one says does not make up for the silence of the other.
        let change = mirror.take(.changes([.removed(service("a"))]), in: nil, at: start + .seconds(31))
        #expect(told(change) == ["changes -n/a @31", "lost @1"])
        let both = mirror.take(CollectionUpdate<EndpointSliceObject>.recovered, in: nil, at: start + .seconds(40))
        #expect(told(both) == ["current @40"])
        #expect(mirror.status.troubledSince == nil)
    }

    @Test("a trouble that ended and began again within the grace is judged by its own beginning")
    func twoTroubles() {
        var mirror = complete()
        _ = mirror.take(CollectionUpdate<ServiceObject>.troubled(unreachable), in: nil, at: start)
        _ = mirror.take(CollectionUpdate<ServiceObject>.recovered, in: nil, at: start + .seconds(2))
        _ = mirror.take(CollectionUpdate<ServiceObject>.troubled(unreachable), in: nil, at: start + .seconds(8))
        guard case .judgeContact(let deadline)? = mirror.judgeContact(at: start + .seconds(10)).first else {
            Issue.record("lost too soon")
            return
        }
        #expect(deadline == start + .seconds(18))
        #expect(told(mirror.judgeContact(at: deadline)) == ["lost @8"])
    }

    @Test("a whole list ends a trouble by itself")
    func listEndsTrouble() {
        var mirror = complete()
        _ = mirror.take(CollectionUpdate<ServiceObject>.troubled(unreachable), in: nil, at: start)
        _ = mirror.judgeContact(at: start + .seconds(10))
        let effects = mirror.take(
            .snapshot([service("a"), service("b")], unreadable: []),
            in: nil,
            at: start + .seconds(11)
        )
        #expect(told(effects) == ["changes n/b:0 @11", "current @11"])
    }

    @Test("a missing permission is told once, with what it is")
    func permission() {
        var mirror = ClusterMirror(settings())
        let trouble = Trouble.forbidden(CollectionScope(.services).permission("list"))
        let key = ClusterMirror.CollectionKey(resource: .services, namespace: nil)
        let first = mirror.take(CollectionUpdate<ServiceObject>.troubled(trouble), in: nil, at: start)
        #expect(noted(first) == [.trouble(trouble, key)])
        let second = mirror.take(CollectionUpdate<ServiceObject>.troubled(trouble), in: nil, at: start + .seconds(30))
        #expect(noted(second) == [])
        #expect(mirror.status.missingPermissions == [CollectionScope(.services).permission("list")])
        #expect(
            noted(mirror.judgeContact(at: start + .seconds(40))) == [
                .lost("the account may not list services in all namespaces")
            ]
        )
    }

    // MARK: Endpoint sources

    private func restarts(_ effects: [ClusterMirror.Effect]) -> Bool {
        effects.contains { if case .restart = $0 { true } else { false } }
    }

    @Test("without EndpointSlices the v1 Endpoints are read")
    func fallback() {
        var mirror = ClusterMirror(settings())
        _ = mirror.take(.snapshot([service("a")], unreadable: []), in: nil, at: start)
        let missing = Trouble.missing(.endpointSlices)
        let effects = mirror.take(CollectionUpdate<EndpointSliceObject>.troubled(missing), in: nil, at: start)
        #expect(restarts(effects))
        #expect(noted(effects) == [.usesEndpoints(namespace: nil, .endpoints)])
        #expect(mirror.endpointSource(in: nil) == .endpoints)
        // The readers begin anew: what was read before counts no longer.
        let endpoints = EndpointsObject(metadata: metadata("a"), endpoints: [Endpoint(host: Host("1.1.1.1"))])
        #expect(told(mirror.take(.snapshot([endpoints], unreadable: []), in: nil, at: start)) == [])
        let complete = mirror.take(.snapshot([service("a")], unreadable: []), in: nil, at: start)
        #expect(noted(complete) == [.read(services: 1, endpoints: 1)])
        // The last words of a reader that has ended.
        #expect(mirror.take(.snapshot([slice("a", [])], unreadable: []), in: nil, at: start).isEmpty)
        #expect(mirror.status.isComplete)
    }

    @Test("a server that lacks both is asked for each in turn, slowly")
    func neither() {
        var mirror = ClusterMirror(settings())
        _ = mirror.take(CollectionUpdate<EndpointSliceObject>.troubled(.missing(.endpointSlices)), in: nil, at: start)
        let endpoints = CollectionUpdate<EndpointsObject>.troubled(.missing(.endpoints))
        #expect(!restarts(mirror.take(endpoints, in: nil, at: start)))
        #expect(restarts(mirror.take(endpoints, in: nil, at: start + .seconds(30))))
        #expect(mirror.endpointSource(in: nil) == .slices)
    }

    @Test("slices that were read once, or are asked for, are not given up", arguments: [true, false])
    func noFallback(hasRead: Bool) {
        var mirror = hasRead ? complete() : ClusterMirror(settings { $0.endpoints = .slices })
        let missing = CollectionUpdate<EndpointSliceObject>.troubled(.missing(.endpointSlices))
        #expect(!restarts(mirror.take(missing, in: nil, at: start)))
        #expect(mirror.endpointSource(in: nil) == .slices)
    }

    // MARK: Problems

    @Test("a problem of an object is told once, again when it is back, and not for what is excluded")
    func problems() {
        var mirror = complete()
        let problem = Problem(.annotationInvalid, "x")
        let bad = service("a", problems: [problem])
        let key = ClusterMirror.ObjectKey(.services, metadata("a"))
        #expect(noted(mirror.take(.changes([.set(bad)]), in: nil, at: start)) == [.problem(problem, key)])
        #expect(noted(mirror.take(.changes([.set(bad)]), in: nil, at: start)) == [])
        #expect(noted(mirror.take(.snapshot([bad], unreadable: []), in: nil, at: start)) == [])
        #expect(noted(mirror.take(.changes([.set(service("a"))]), in: nil, at: start)) == [])
        #expect(noted(mirror.take(.changes([.set(bad)]), in: nil, at: start)) == [.problem(problem, key)])
        let excluded = service("a", "kube-system", problems: [problem])
        #expect(noted(mirror.take(.changes([.set(excluded)]), in: nil, at: start)) == [])
    }

    @Test("an object that cannot be read keeps its last good state and is a problem")
    func unreadable() {
        var mirror = complete()
        let broken = MalformedObject(metadata: metadata("a"), reason: "no ports")
        let change = mirror.take(CollectionUpdate<ServiceObject>.changes([.unreadable(broken)]), in: nil, at: start)
        #expect(told(change) == [])
        #expect(noted(change).count == 1)
        let list = mirror.take(CollectionUpdate<ServiceObject>.snapshot([], unreadable: [broken]), in: nil, at: start)
        #expect(told(list) == [])
        #expect(noted(list) == [])
        #expect(mirror.explanation(of: ServiceKey(namespace: "n", name: "a")).standing == .published)
    }
}
