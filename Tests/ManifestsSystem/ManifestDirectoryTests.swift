import KubernetesObjects
import ServiceCatalog
import Testing

@testable import ManifestsSystem

@Suite struct ManifestDirectoryTests {
    private func directory() -> ManifestDirectory { ManifestDirectory(origin: Manifests.origin) }

    private func read(_ files: [String: String], into directory: inout ManifestDirectory) -> ManifestDirectory.Outcome {
        directory.apply(Manifests.reading(files))
    }

    private func snapshot(_ outcome: ManifestDirectory.Outcome) -> [Service]? {
        if case .snapshot(let services)? = outcome.event { services } else { nil }
    }

    /// What changed, as "+name" and "-name".
    private func changes(_ outcome: ManifestDirectory.Outcome) -> [String]? {
        guard case .changes(let changes)? = outcome.event else { return nil }
        return changes.map { change in
            switch change {
            case .set(let service): "+\(service.key.name) \(service.endpoints.map(\.host.description))"
            case .remove(let key): "-\(key.name)"
            }
        }
    }

    @Test("Services and endpoints of all files make one snapshot")
    func snapshot() throws {
        var directory = directory()
        let outcome = read(
            [
                "cart.yaml": Manifests.cart, "pay.yaml": Manifests.service("pay"),
                "more/slice.yml": Manifests.slice("pay-1", of: "pay", "10.0.1.1"),
            ],
            into: &directory
        )
        let services = try #require(snapshot(outcome))
        #expect(services.map(\.key.description) == ["default/pay", "shop/cart"])
        #expect(services.map { $0.endpoints.map(\.host.description) } == [["10.0.1.1"], ["10.0.0.1"]])
        #expect(services.allSatisfy { $0.kind == .headless && $0.origin == Manifests.origin })
        #expect(outcome.newProblems.isEmpty)
    }

    @Test("An empty directory is a world without services")
    func empty() {
        var directory = directory()
        #expect(snapshot(read([:], into: &directory)) == [])
    }

    @Test("Endpoints count where a service has no slices, and never beside them")
    func endpoints() throws {
        let endpoints = """
            apiVersion: v1
            kind: Endpoints
            metadata: {name: cart, namespace: shop}
            subsets: [{addresses: [{ip: 10.0.0.9}], ports: [{port: 1}]}]
            """
        var directory = directory()
        let both = read(["a.yaml": Manifests.cart, "b.yaml": endpoints], into: &directory)
        #expect(snapshot(both)?.first?.endpoints.map(\.host.description) == ["10.0.0.1"])
        let alone = read(
            ["a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}", "b.yaml": endpoints],
            into: &directory
        )
        #expect(changes(alone) == ["+cart [\"10.0.0.9\"]"])
    }

    @Test("Reading the same again tells nothing, and neither does a comment")
    func silence() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.cart], into: &directory)
        #expect(read(["a.yaml": Manifests.cart], into: &directory).event == nil)
        #expect(read(["a.yaml": "# hello\n" + Manifests.cart], into: &directory).event == nil)
    }

    @Test("A change is told at once for everything it changes, once for each service")
    func change() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.service("a"), "b.yaml": Manifests.service("b")], into: &directory)
        let outcome = read(
            [
                "a.yaml": Manifests.service("a", spec: "{ports: [{port: 1}]}") + "\n---\n"
                    + Manifests.slice("a-1", of: "a", "10.0.0.1"),
                "c.yaml": Manifests.service("c"),
            ],
            into: &directory
        )
        #expect(changes(outcome) == ["+a [\"10.0.0.1\"]", "-b", "+c []"])
    }

    // MARK: Errors

    @Test("A file with an error keeps its last good state, and says where, once")
    func lastGoodState() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.service("a"), "b.yaml": Manifests.service("b")], into: &directory)
        let broken = "apiVersion: v1\nkind: Service\nmetadata:\n  name: A_A"
        let outcome = read(["a.yaml": broken, "b.yaml": Manifests.service("bb")], into: &directory)
        #expect(changes(outcome) == ["-b", "+bb []"])
        #expect(outcome.newProblems.map { $0.position?.description } == ["4:9"])
        #expect(directory.problems == outcome.newProblems)
        let again = read(["a.yaml": broken, "b.yaml": Manifests.service("bb")], into: &directory)
        #expect(again.newProblems.isEmpty)
        #expect(again.event == nil)
        let mended = read(["a.yaml": Manifests.service("a"), "b.yaml": Manifests.service("bb")], into: &directory)
        #expect(mended.mendedFiles == ["a.yaml"])
        #expect(mended.event == nil)
        #expect(directory.problems.isEmpty)
    }

    @Test("Until every file was read once, nothing is concluded from what is missing")
    func brokenAtStart() {
        var directory = directory()
        let outcome = read(["a.yaml": Manifests.service("a"), "b.yaml": "a: ["], into: &directory)
        #expect(outcome.event == nil)
        #expect(outcome.newProblems.map(\.file) == ["b.yaml"])
        #expect(!directory.isSynced)
        let mended = read(["a.yaml": Manifests.service("a"), "b.yaml": Manifests.service("b")], into: &directory)
        #expect(snapshot(mended)?.map(\.key.name) == ["a", "b"])
    }

    @Test("A new file with an error, later, holds up nothing")
    func brokenLater() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.service("a")], into: &directory)
        let outcome = read(["a.yaml": Manifests.service("aa"), "b.yaml": "a: ["], into: &directory)
        #expect(changes(outcome) == ["-a", "+aa []"])
        #expect(outcome.newProblems.map(\.file) == ["b.yaml"])
    }

    @Test("A vanished file takes its objects with it")
    func vanishedFile() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.service("a"), "b.yaml": Manifests.service("b")], into: &directory)
        #expect(changes(read(["b.yaml": Manifests.service("b")], into: &directory)) == ["-a"])
    }

    @Test("A file that turned empty is taken to be half written")
    func emptied() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.service("a")], into: &directory)
        let outcome = read(["a.yaml": ""], into: &directory)
        #expect(outcome.event == nil)
        #expect(outcome.newProblems.first?.message.contains("delete it") == true)
        #expect(changes(read(["a.yaml": "# nothing any more"], into: &directory)) == ["-a"])
        #expect(directory.problems.isEmpty)
    }

    @Test("A file or folder that cannot be read keeps what it held")
    func unreadable() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.service("a"), "sub/b.yaml": Manifests.service("b")], into: &directory)
        let outcome = directory.apply(
            .files(["a.yaml": .unreadable("Permission denied"), "sub/": .unreadable("Permission denied")])
        )
        #expect(outcome.event == nil)
        #expect(outcome.newProblems.map(\.description) == ["a.yaml: Permission denied", "sub/: Permission denied"])
        let back = read(["a.yaml": Manifests.service("a"), "sub/b.yaml": Manifests.service("b")], into: &directory)
        #expect(back.event == nil)
        #expect(directory.problems.isEmpty)
    }

    @Test("A vanished directory is lost, not empty; when it is back, only differences are told")
    func vanishedDirectory() {
        var directory = directory()
        _ = read(["a.yaml": Manifests.service("a"), "b.yaml": Manifests.service("b")], into: &directory)
        let lost = directory.apply(.unreadable("No such file or directory"))
        guard case .lost(let reason)? = lost.event else {
            Issue.record("not lost: \(String(describing: lost.event))")
            return
        }
        #expect(reason == "No such file or directory")
        #expect(directory.apply(.unreadable("No such file or directory")).event == nil, "told once")
        #expect(directory.problems.count == 1)
        guard
            case .current? = read(
                ["a.yaml": Manifests.service("a"), "b.yaml": Manifests.service("b")],
                into: &directory
            )
            .event
        else {
            Issue.record("not current")
            return
        }
        _ = directory.apply(.unreadable("gone"))
        #expect(changes(read(["a.yaml": Manifests.service("a")], into: &directory)) == ["-b"])
    }

    @Test("A directory that is not there at first is waited for")
    func missingAtStart() {
        var directory = directory()
        let outcome = directory.apply(.unreadable("No such file or directory"))
        #expect(outcome.event == nil)
        #expect(outcome.newProblems.count == 1)
        #expect(snapshot(read(["a.yaml": Manifests.service("a")], into: &directory))?.count == 1)
    }

    @Test("Of an object defined twice the first counts, and both places are told")
    func duplicates() {
        var directory = directory()
        let outcome = read(
            [
                "a.yaml": Manifests.service("a", spec: "{ports: [{port: 1}]}"),
                "b.yaml": "# b\n" + Manifests.service("a", spec: "{ports: [{port: 2}]}"),
            ],
            into: &directory
        )
        #expect(snapshot(outcome)?.map { $0.ports.map(\.number) } == [[1]])
        #expect(
            outcome.newProblems.map(\.description)
                == ["b.yaml:2:1: Service default/a is already defined at a.yaml:1:1, which counts"]
        )
    }

    @Test("The defaults leave out kube-system and the API server's own service")
    func namespaces() {
        var directory = directory()
        let outcome = read(
            [
                "a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: kube-system}\n---\n"
                    + Manifests.service("kubernetes") + "\n---\n" + Manifests.service("a")
            ],
            into: &directory
        )
        #expect(snapshot(outcome)?.map(\.key.name) == ["a"])
        #expect(directory.explanation(of: ServiceKey(namespace: "default", name: "a")).standing == .published)
    }
}
