import DNSCore
import DNSZones
import FuzzSupport
import ServiceCatalog

@testable import DNSState

/// Any octets as a state file, and as the contents of one whose checksum fits: what is read, is written as what reads the
/// same, and every kind of zone can show it.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    for file in [bytes, StateEnvelope.seal(bytes, .system).file] {
        do throws(StateFileError) {
            check(try SystemState.decode(file, identity: "").system)
        } catch {
            require(!error.description.isEmpty, "a refusal is explained")
        }
    }
    for file in [bytes, StateEnvelope.seal(bytes, .checkpoint).file] {
        guard let checkpoint = try? Checkpoint(decoding: file) else { continue }
        let again = requireSuccess("what is written can be read") { try Checkpoint(decoding: checkpoint.encode()) }
        require(again == checkpoint, "a checkpoint is read as it was written")
    }
    return 0
}

private func check(_ system: RememberedSystem) {
    let file = SystemState.encode(system.services, lastCurrent: system.lastCurrent, identity: "").file
    let again = requireSuccess("what is written can be read") { try SystemState.decode(file, identity: "").system }
    require(again == system, "a system is read as it was written")
    guard let apex = DomainName("zone.test") else { return }
    for schema in [ZoneDefinition.Schema.kubernetes, .registry, .merged] {
        var state = ZoneState(
            ZoneDefinition(name: apex, schema: schema, systems: ["east"], ttl: 5, reverse: ReverseZone.all)
        )
        state.start(from: Catalog(systems: ["east"]), remembering: ["east": system]) { _ in }
        require(state.isReady, "a zone whose system is remembered is answered")
    }
}
