import Foundation
import Logging
import ServiceCatalog
import Testing

@testable import ManifestsSystem

/// A real directory, changed as people and kubelets change it.
@Suite(.timeLimit(.minutes(5))) struct DirectoryFollowerTests {
    private final class Folder: Sendable {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("manifests-\(UUID().uuidString)")

        var path: String { url.appendingPathComponent("services").path }

        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

        deinit { try? FileManager.default.removeItem(at: url) }

        func make(_ name: String = "") throws {
            try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        }

        func write(_ text: String, to name: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        }

        func link(_ name: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
        }

        func remove(_ name: String = "") throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }

        func rename(_ name: String, to other: String) throws {
            guard Glibc.rename("\(path)/\(name)", "\(path)/\(other)") == 0 else { throw CocoaError(.fileWriteUnknown) }
        }
    }

    /// Reads on until the directory holds exactly these, by name: what comes before is a change half made.
    private func expect(
        _ files: [String: String]?,
        _ readings: inout AsyncStream<DirectoryReading>.Iterator
    ) async {
        let expected = files.map { Manifests.reading($0) }
        while let reading = await readings.next() {
            switch reading {
            case .unreadable: if expected == nil { return }
            case .files: if reading == expected { return }
            }
        }
        Issue.record("the readings ended")
    }

    @Test("Files that come, change and go are seen, in folders that come and go")
    func files() async throws {
        let folder = try Folder()
        try folder.make()
        try folder.write("1", to: "a.yaml")
        try folder.write("ignored", to: "readme.md")
        try folder.write("ignored", to: ".hidden.yaml")
        var readings = DirectoryFollower.readings(of: folder.path).makeAsyncIterator()
        await expect(["a.yaml": "1"], &readings)
        try folder.write("2", to: "a.yaml")
        await expect(["a.yaml": "2"], &readings)
        try folder.make("sub/deep")
        try folder.write("3", to: "sub/deep/b.json")
        await expect(["a.yaml": "2", "sub/deep/b.json": "3"], &readings)
        try folder.write("4", to: "sub/deep/b.json")
        await expect(["a.yaml": "2", "sub/deep/b.json": "4"], &readings)
        try folder.remove("sub")
        try folder.remove("a.yaml")
        await expect([:], &readings)
    }

    @Test("An editor that writes a new file and renames it is followed")
    func renameReplace() async throws {
        let folder = try Folder()
        try folder.make()
        try folder.write("1", to: "a.yaml")
        var readings = DirectoryFollower.readings(of: folder.path).makeAsyncIterator()
        await expect(["a.yaml": "1"], &readings)
        try folder.write("2", to: ".a.yaml.swp")
        try folder.rename(".a.yaml.swp", to: "a.yaml")
        await expect(["a.yaml": "2"], &readings)
    }

    @Test("A ConfigMap volume that swaps its ..data link is followed")
    func configMap() async throws {
        let folder = try Folder()
        try folder.make("..2026_01")
        try folder.write("1", to: "..2026_01/a.yaml")
        try folder.link("..data", to: "..2026_01")
        try folder.link("a.yaml", to: "..data/a.yaml")
        var readings = DirectoryFollower.readings(of: folder.path).makeAsyncIterator()
        await expect(["a.yaml": "1"], &readings)
        try folder.make("..2026_02")
        try folder.write("2", to: "..2026_02/a.yaml")
        try folder.link("..data_tmp", to: "..2026_02")
        try folder.rename("..data_tmp", to: "..data")
        try folder.remove("..2026_01")
        await expect(["a.yaml": "2"], &readings)
    }

    @Test("A directory that comes, goes and comes again is followed")
    func comesAndGoes() async throws {
        let folder = try Folder()
        var readings = DirectoryFollower.readings(of: folder.path + "/").makeAsyncIterator()
        await expect(nil, &readings)
        try folder.make()
        try folder.write("1", to: "a.yaml")
        await expect(["a.yaml": "1"], &readings)
        try folder.remove()
        await expect(nil, &readings)
        try folder.make()
        try folder.write("2", to: "a.yaml")
        await expect(["a.yaml": "2"], &readings)
        try folder.write("3", to: "a.yaml")
        await expect(["a.yaml": "3"], &readings)
    }

    @Test("Links that lead in circles or nowhere, and things that are no files, do no harm")
    func oddities() throws {
        let folder = try Folder()
        try folder.make("sub")
        try folder.link("sub/up", to: "..")
        try folder.link("nowhere.yaml", to: "missing")
        #expect(mkfifo("\(folder.path)/pipe.yaml", 0o600) == 0)
        try folder.make("folder.yaml")
        guard case .files(let files) = DirectoryReading(of: folder.path) else {
            Issue.record("unreadable")
            return
        }
        #expect(Set(files.keys) == ["nowhere.yaml"])
        guard case .unreadable(let reason)? = files["nowhere.yaml"] else {
            Issue.record("read a link that leads nowhere")
            return
        }
        #expect(reason.contains("No such file"))
    }

    @Test("A file is not a directory")
    func notADirectory() throws {
        let folder = try Folder()
        try folder.make()
        try folder.write("1", to: "a.yaml")
        guard case .unreadable(let reason) = DirectoryReading(of: "\(folder.path)/a.yaml") else {
            Issue.record("read a file as a directory")
            return
        }
        #expect(reason.contains("Not a directory"))
    }

    @Test("From a file on disk to the catalog, and on when it changes")
    func endToEnd() async throws {
        let folder = try Folder()
        try folder.make()
        try folder.write(Manifests.cart, to: "cart.yaml")
        let store = CatalogStore(systems: ["files"])
        let (deltas, continuation) = AsyncStream.makeStream(of: CatalogDelta.self)
        store.subscribe { continuation.yield($0) }
        let source = ManifestsSource(path: folder.path, origin: Manifests.origin, logger: Logger(label: "test"))
        let task = Task { await source.run(into: store.writer(for: "files")) }
        var iterator = deltas.makeAsyncIterator()
        let key = ServiceKey(namespace: "shop", name: "cart")
        #expect(await iterator.next()?.becameSynced == true)
        #expect(store.service(key, in: "files")?.endpoints.map(\.host) == [Host("10.0.0.1")])

        try folder.write(Manifests.cart.replacing("10.0.0.1", with: "10.0.0.2"), to: "cart.yaml")
        #expect(await iterator.next()?.changed == [key])
        #expect(store.service(key, in: "files")?.endpoints.map(\.host) == [Host("10.0.0.2")])

        // In one step: a directory that is seen empty before it is gone has lost its services.
        try folder.rename("", to: "../elsewhere")
        #expect(await iterator.next()?.changed == [])
        guard case .stale(_, let reason) = store.freshness(of: "files") else {
            Issue.record("not stale")
            return
        }
        #expect(reason.contains(folder.path))
        #expect(store.service(key, in: "files") != nil)
        task.cancel()
        await task.value
    }

    @Test("4 Removal guard: reading again reads the directory, whatever it is said to have changed")
    func reread() async throws {
        let folder = try Folder()
        try folder.make()
        try folder.write(Manifests.cart, to: "a.yaml")
        let store = CatalogStore(systems: ["files"])
        let (readings, continuation) = AsyncStream.makeStream(of: DirectoryReading.self)
        let source = ManifestsSource(path: folder.path, origin: Manifests.origin, logger: Logger(label: "test")) {
            readings
        }
        #expect(await source.reread() == false, "nobody follows the directory")
        let (deltas, delta) = AsyncStream.makeStream(of: CatalogDelta.self)
        store.subscribe { delta.yield($0) }
        let task = Task { await source.run(into: store.writer(for: "files")) }
        continuation.yield(DirectoryReading(of: folder.path))
        for await _ in deltas { break }

        try folder.write(Manifests.cart.replacing("10.0.0.1", with: "10.0.0.2"), to: "a.yaml")
        #expect(await source.reread())
        let services = try #require(store.snapshot.systems["files"]?.services.values)
        #expect(services.flatMap(\.endpoints).map(\.host.description) == ["10.0.0.2"])
        try folder.remove()
        #expect(await source.reread() == false)
        #expect(store.snapshot.systems["files"]?.services.count == 1, "what is known stays")
        continuation.finish()
        await task.value
    }
}
