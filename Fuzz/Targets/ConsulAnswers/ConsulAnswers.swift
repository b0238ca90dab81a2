import FuzzSupport
import ServiceCatalog
import SyncEngine

@testable import ConsulSystem

/// Any octets as the body of every answer that is read from Consul, and on into the catalog and the mirror.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let body = [UInt8](input: start, count)
    if let entries = reads(body, HealthEntry.readAll) { check(entries) }
    _ = reads(body, ServiceNames.read)
    let services = reads(body, NodeServices.read)
    let checks = reads(body, CatalogCheck.readAll)
    let answer = reads(body, TransactionAnswer.read)

    var mirror = NodeMirror(ConsulEntry(node: "portolan-east", cluster: "east"))
    mirror.read(services ?? NodeServices(), at: 10, isRestart: false)
    mirror.read(checks ?? [], at: 10, isRestart: false)
    for service in answer?.services ?? [] { mirror.wrote(service) }
    for check in answer?.checks ?? [] { mirror.wrote(check) }
    for (id, entry) in mirror.take()?.entries ?? [:] {
        guard let entry else { continue }
        require(entry.id == id, "an entry goes by its id")
        require(!id.rawValue.isEmpty, "no entry has an empty id")
        guard let registration = entry.registration else { continue }
        require(entry.mark == registration.mark, "an entry has one mark")
        require(registration.mark.owner == "east", "what is own carries the own mark")
    }
    return 0
}

private func reads<Value>(_ body: [UInt8], _ read: ([UInt8]) throws(JSONReader.Malformed) -> Value) -> Value? {
    do throws(JSONReader.Malformed) {
        return try read(body)
    } catch {
        require((0...body.count).contains(error.offset), "an error's place is in the body")
        require(error.description.utf8.count < 200, "an error is short")
        return nil
    }
}

private func check(_ entries: [HealthEntry]) {
    let reading = ConsulServiceReading(origin: Origin(cluster: "east", system: "dc1"))
    let service = reading.service("web", entries)
    require(service.endpoints.count <= entries.count, "an instance is one endpoint at most")
    require(service == reading.service("web", entries.reversed()), "the order of instances means nothing")
}
