import KubernetesObjects
import ServiceCatalog

/// A kind that services are assembled from.
protocol AssembledObject: ReadableObject {
    /// Values that were left out when it was read.
    var unusable: [Problem] { get }
    /// The service it says something about.
    var service: ServiceKey? { get }

    func set(in assembler: inout ServiceAssembler) -> SourceEvent?
    func remove(from assembler: inout ServiceAssembler) -> SourceEvent?

    static func replaceAll(
        _ objects: [Self],
        malformed: [MalformedObject],
        in assembler: inout ServiceAssembler
    ) -> SourceEvent?
}

extension ServiceObject: AssembledObject {
    var unusable: [Problem] { settings.problems.isEmpty ? problems : problems + settings.problems }
    var service: ServiceKey? { ServiceKey(namespace: metadata.namespace, name: metadata.name) }

    func set(in assembler: inout ServiceAssembler) -> SourceEvent? { assembler.set(self) }
    func remove(from assembler: inout ServiceAssembler) -> SourceEvent? { assembler.removeService(metadata) }

    static func replaceAll(
        _ objects: [Self],
        malformed: [MalformedObject],
        in assembler: inout ServiceAssembler
    ) -> SourceEvent? {
        assembler.replaceAll(services: objects, malformed: malformed)
    }
}

extension EndpointSliceObject: AssembledObject {
    var unusable: [Problem] { problems }
    var service: ServiceKey? { serviceKey }

    func set(in assembler: inout ServiceAssembler) -> SourceEvent? { assembler.set(self) }
    func remove(from assembler: inout ServiceAssembler) -> SourceEvent? { assembler.removeEndpointSlice(metadata) }

    static func replaceAll(
        _ objects: [Self],
        malformed: [MalformedObject],
        in assembler: inout ServiceAssembler
    ) -> SourceEvent? {
        assembler.replaceAll(slices: objects, malformed: malformed)
    }
}

extension EndpointsObject: AssembledObject {
    var unusable: [Problem] { problems }
    var service: ServiceKey? { ServiceKey(namespace: metadata.namespace, name: metadata.name) }

    func set(in assembler: inout ServiceAssembler) -> SourceEvent? { assembler.set(self) }
    func remove(from assembler: inout ServiceAssembler) -> SourceEvent? { assembler.removeEndpoints(metadata) }

    static func replaceAll(
        _ objects: [Self],
        malformed: [MalformedObject],
        in assembler: inout ServiceAssembler
    ) -> SourceEvent? {
        assembler.replaceAll(endpoints: objects, malformed: malformed)
    }
}
