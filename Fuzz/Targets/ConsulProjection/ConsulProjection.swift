import FuzzObjects
import FuzzSupport
import KubernetesObjects
import ServiceCatalog
import SyncEngine

@testable import ConsulSystem

/// Any octets as API objects, and on into a Consul: what is written there is within Consul's limits, and reads back as what
/// was meant. Anything else would be mended for ever.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let script = ClusterScript(json: [UInt8](input: start, count)) else { return 0 }
    for event in script.events {
        switch event {
        case .snapshot(let services):
            services.forEach(check)
        case .changes(let changes):
            for case .set(let service) in changes { check(service) }
        case .lost, .current:
            break
        }
    }
    return 0
}

private let projector = Projector(
    definition: SyncDefinition(from: "east", to: "dc1"),
    cluster: "one",
    normalise: ConsulNormalForm.of
)
private let consul = ConsulEntry(node: "portolan-one", cluster: "one")

private func check(_ service: Service) {
    for name in projector.names(of: service) {
        let projection = projector.project(service, as: name)
        for problem in projection.problems {
            require(problem.message.utf8.count <= 2048, "a problem is short: \(problem.message.utf8.count)")
        }
        for (id, registration) in projection.entries {
            require(registration.id == id && !id.rawValue.isEmpty, "an entry goes by its id, which is not empty")
            check(registration)
        }
    }
}

private func check(_ registration: Registration) {
    require(ConsulNormalForm.of(registration).registration == registration, "a normal form is its own")
    let operations = consul.transaction(.put(registration, replacing: nil)).map { operation in
        requireSuccess("an operation is JSON") { try JSONValue(parsing: operation) }
    }
    require(operations.count == 2, "a new instance is a service and a check")
    guard let service = operations[0]["Service"]?["Service"], let check = operations[1]["Check"]?["Check"] else {
        fatalError("operations are of a service and its check: \(operations)")
    }
    let written = requireSuccess("a service reads back") {
        try JSONReader.read(service.encoded) { (reader) throws(JSONReader.Malformed) in
            try CatalogService.read(&reader)
        }
    }
    let writtenCheck = requireSuccess("a check reads back") {
        try JSONReader.read(check.encoded) { (reader) throws(JSONReader.Malformed) in try CatalogCheck.read(&reader) }
    }
    require(written.meta.count <= 64, "Consul takes 64 pairs of metadata")
    for (key, value) in written.meta {
        require((1...128).contains(key.utf8.count) && value.utf8.count <= 512, "Consul takes short metadata")
        require(key.utf8.allSatisfy(isKeyByte) && !key.hasPrefix("consul-"), "Consul takes plain keys")
    }
    require((1...65535).contains(written.passingWeight), "Consul takes weights from 1")
    guard let observed = consul.observed(written, writtenCheck) else { fatalError("an entry has an id") }
    require(
        observed.holder == .own(registration.mark, registration),
        "what is written reads back as what was meant: \(registration) became \(observed.holder)"
    )
}

private func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
