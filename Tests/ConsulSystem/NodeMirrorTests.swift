import ServiceCatalog
import SyncEngine
import Testing

@testable import ConsulSystem

@Suite struct NodeMirrorTests {
    private var mirror = NodeMirror(ConsulEntry(node: "portolan-east", cluster: "east"))

    private func service(_ id: String, _ index: UInt64, owner: String = "east", tags: [String] = []) -> CatalogService {
        let mark = Mark(
            owner: owner,
            from: "k8s",
            key: ServiceKey(namespace: "shop", name: "cart"),
            origin: Origin(cluster: owner, system: "k8s")
        )
        let registration = Registration(
            id: EntryID(id)!,
            service: "cart",
            host: Host("10.0.0.1"),
            port: 80,
            mark: mark
        )
        var meta = registration.storedMetadata
        meta["external-source"] = "portolan"
        return CatalogService(
            id: id,
            name: "cart",
            tags: tags,
            address: "10.0.0.1",
            port: 80,
            meta: meta,
            passingWeight: 1,
            warningWeight: 0,
            modifyIndex: index
        )
    }

    private func check(_ id: String, _ index: UInt64, _ status: String = "passing") -> CatalogCheck {
        CatalogCheck(id: "service:\(id)", status: status, serviceID: id, modifyIndex: index)
    }

    /// - Parameter writes: those answered before the read began; all by default.
    private mutating func readServices(_ services: [CatalogService], at index: UInt64, begunAfter writes: Int? = nil) {
        mirror.read(
            NodeServices(hasNode: true, services: services),
            at: index,
            begunAfter: writes ?? mirror.writes
        )
    }

    private mutating func readChecks(_ checks: [CatalogCheck], at index: UInt64, begunAfter writes: Int? = nil) {
        mirror.read(checks, at: index, begunAfter: writes ?? mirror.writes)
    }

    /// Ids with the tags and health of their entries; what is gone has `nil`.
    private mutating func taken() -> [String: String?] {
        var result: [String: String?] = [:]
        for (id, entry) in mirror.take()?.entries ?? [:] {
            let text = entry.map { entry in
                entry.registration.map { "\($0.health.rawValue)\($0.tags.joined())" } ?? "damaged"
            }
            result.updateValue(text, forKey: id.rawValue)
        }
        return result
    }

    @Test("Nothing is told before both services and checks have been read")
    mutating func both() {
        readServices([service("a", 5)], at: 5)
        #expect(mirror.take() == nil)
        readChecks([check("a", 5)], at: 5)
        let taken = mirror.take()
        #expect(taken?.isComplete == true)
        #expect(taken?.entries.count == 1)
        #expect(mirror.take()?.entries.isEmpty == true)
    }

    @Test("A read made before an own write does not undo it")
    mutating func lateRead() {
        readServices([], at: 5)
        readChecks([], at: 5)
        _ = taken()
        mirror.wrote(service("a", 8))
        mirror.wrote(check("a", 8))
        #expect(taken() == ["a": "passing"])
        readServices([], at: 6, begunAfter: 0)
        readChecks([], at: 6, begunAfter: 0)
        #expect(taken().isEmpty)
        // At its index or later, the same read tells that the entry is gone.
        readServices([], at: 8, begunAfter: 0)
        #expect(taken() == ["a": nil])
    }

    @Test("A read made before an own deletion does not bring the entry back; one made after a new writing does")
    mutating func lateReadOfDeleted() throws {
        readServices([service("a", 5)], at: 5)
        readChecks([check("a", 5)], at: 5)
        _ = taken()
        mirror.deleted(try #require(EntryID("a")))
        #expect(taken() == ["a": nil])
        readServices([service("a", 5)], at: 6, begunAfter: 0)
        #expect(taken().isEmpty)
        readServices([service("a", 9)], at: 9, begunAfter: 0)
        readChecks([check("a", 9)], at: 9, begunAfter: 0)
        #expect(taken() == ["a": "passing"])
    }

    @Test("An older record does not replace a newer one")
    mutating func olderRecord() {
        readServices([service("a", 5)], at: 5)
        readChecks([check("a", 5)], at: 5)
        mirror.wrote(service("a", 9, tags: ["new"]))
        _ = taken()
        readServices([service("a", 5)], at: 7, begunAfter: 0)
        #expect(taken().isEmpty)
        mirror.wrote(service("a", 8, tags: ["late answer"]))
        #expect(taken().isEmpty)
    }

    @Test("A read begun after all own writes is the truth, also of a restored Consul whose indexes have passed the old")
    mutating func restored() throws {
        readServices([service("a", 90), service("b", 90), service("c", 90)], at: 90)
        readChecks([check("a", 90), check("b", 90), check("c", 90)], at: 90)
        mirror.wrote(service("a", 100, tags: ["new"]))
        mirror.deleted(try #require(EntryID("c")))
        _ = taken()
        readServices([service("a", 40, tags: ["old"]), service("c", 90)], at: 120)
        #expect(taken() == ["a": "passingold", "b": nil, "c": "damaged"])
        readChecks([check("a", 40), check("c", 90)], at: 120)
        #expect(taken() == ["a": "passingold", "b": nil, "c": "passing"])
    }

    @Test("Once indexes have fallen, an own write counts although its index is lower than what was known")
    mutating func writtenAfterFall() {
        readServices([service("a", 100)], at: 100)
        readChecks([check("a", 100)], at: 100)
        _ = taken()
        mirror.indexesFell()
        #expect(mirror.highestIndex == 0)
        mirror.wrote(service("a", 12, tags: ["new"]))
        mirror.wrote(check("a", 12))
        #expect(taken() == ["a": "passingnew"])
        // The read that was under way when it was written.
        readServices([], at: 11, begunAfter: 0)
        #expect(taken().isEmpty)
    }

    @Test("A change of a check alone is a change of the entry; a missing check damages it")
    mutating func checks() {
        readServices([service("a", 5)], at: 5)
        readChecks([check("a", 5)], at: 5)
        _ = taken()
        readChecks([check("a", 6, "critical")], at: 6)
        #expect(taken() == ["a": "critical"])
        readChecks([check("a", 7, "sleepy")], at: 7)
        #expect(taken() == ["a": "damaged"])
        readChecks([], at: 8)
        #expect(taken() == ["a": "damaged"])
    }

    @Test("Checks of others on our instances are not ours to judge")
    mutating func othersChecks() {
        readServices([service("a", 5)], at: 5)
        let foreign = CatalogCheck(id: "probe", status: "critical", serviceID: "a", modifyIndex: 5)
        readChecks([check("a", 5), foreign], at: 5)
        #expect(taken() == ["a": "passing"])
    }

    @Test("Ids that differ by case are one")
    mutating func cases() {
        readServices([service("A", 5)], at: 5)
        readChecks([check("A", 5)], at: 5)
        #expect(mirror.take()?.entries.keys.map(\.rawValue) == ["a"])
    }

    @Test("A node with serfHealth is an agent's")
    mutating func agents() {
        readChecks([CatalogCheck(id: "serfHealth", status: "passing")], at: 5)
        #expect(mirror.isAgents)
    }

    @Test("An instance without id, which only its node's removal removes, is passed over")
    mutating func emptyID() {
        readServices([CatalogService(modifyIndex: 4)], at: 5)
        readChecks([], at: 5)
        #expect(mirror.take()?.entries.isEmpty == true)
    }
}
