import DNSCore
import DNSZones
import FuzzObjects
import FuzzSupport
import ServiceCatalog

/// Any octets as API objects, and on into zones of every schema: zones take all that is made for them, what a zone becomes
/// step by step is what it is from scratch, and no record leads to a name that is not there.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let script = ClusterScript(json: [UInt8](input: start, count)) else { return 0 }
    for definition in definitions {
        var scene = Scene(definition)
        for system in definition.systems.dropFirst() { scene.send(.snapshot([]), from: system) }
        for event in script.events {
            scene.send(event, from: "east")
            scene.check()
        }
        for system in definition.systems.dropFirst() {
            scene.send(script.events[0], from: system)
            scene.check()
        }
    }
    return 0
}

private let definitions: [ZoneDefinition] = [
    ZoneDefinition(
        name: DomainName("cluster.local")!,
        schema: .kubernetes,
        systems: ["east"],
        ttl: 5,
        reverse: ReverseZone.all
    ),
    ZoneDefinition(name: DomainName("dc1.example.com")!, schema: .registry, systems: ["east"], ttl: 5),
    ZoneDefinition(
        name: DomainName("mesh.example.com")!,
        schema: .merged,
        systems: ["east", "west"],
        prefer: "west",
        ttl: 5
    ),
]

/// A catalog, a zone made from it, and a server of that zone.
private struct Scene {
    private var catalog: Catalog
    private var state: ZoneState
    private var published: [DomainName: [RecordSet]] = [:]
    private let zones: [DomainName: Zone]
    private let now = ContinuousClock.now

    init(_ definition: ZoneDefinition) {
        catalog = Catalog(systems: definition.systems)
        state = ZoneState(definition)
        let store = ZoneStore()
        let names = [definition.name] + definition.reverse.map(\.name)
        zones = Dictionary(
            uniqueKeysWithValues: names.map { name in
                let authority = StartOfAuthority(primary: definition.name, mailbox: definition.name, serial: 1)
                return (name, Zone(apex: name, authority: authority, ttl: 5, epochs: store.epochs))
            }
        )
        store.serve(Array(zones.values))
        var batches: [ZoneBatch] = []
        state.start(from: catalog) { batches.append($0) }
        apply(batches)
    }

    mutating func send(_ event: SourceEvent, from system: SystemName) {
        guard let delta = catalog.apply(event, from: system, at: now) else { return }
        let catalog = catalog
        var batches: [ZoneBatch] = []
        state.update(delta, reading: { catalog.service($0, in: $1) }, publish: { batches.append($0) })
        apply(batches)
    }

    private mutating func apply(_ batches: [ZoneBatch]) {
        for batch in batches {
            guard let zone = zones[batch.zone] else { fatalError("\(batch.zone) is none of the zones") }
            let applied = zone.apply(batch.changes)
            require(applied.rejected.isEmpty, "a zone takes what is made for it: \(applied.rejected)")
            for change in batch.changes { published[change.owner] = change.sets.isEmpty ? nil : change.sets }
        }
    }

    func check() {
        var scratch = ZoneState(state.zone)
        var fromScratch: [DomainName: [RecordSet]] = [:]
        scratch.start(from: catalog) { batch in
            for change in batch.changes { fromScratch[change.owner] = change.sets.isEmpty ? nil : change.sets }
        }
        require(published == fromScratch, "what a zone becomes step by step is what it is from scratch")
        require(state.problems == scratch.problems, "and so are its problems")
        for problem in state.problems.values.joined() {
            require(problem.message.utf8.count <= 2048, "a problem is short: \(problem.message.utf8.count)")
        }
        for data in published.values.joined().flatMap(\.data) {
            switch data {
            case .srv(_, _, _, let target) where target.isSubdomain(of: state.zone.name), .ptr(let target):
                require(published[target] != nil, "\(target) is there")
            default:
                break
            }
        }
    }
}
