import KubernetesObjects
package import ServiceCatalog

/// What a cluster tells the catalog while the objects of a document appear in it and some go again.
package struct ClusterScript {
    package static let origin = Origin(cluster: "one", system: "east")

    /// A snapshot first.
    package private(set) var events: [SourceEvent] = []

    /// `nil` when `json` describes no objects.
    package init?(json: [UInt8]) {
        let objects = ManifestContents(json: json).objects.map(\.object)
        guard !objects.isEmpty else { return nil }
        var assembler = ServiceAssembler(
            origin: Self.origin,
            source: .slicesElseEndpoints,
            namespaces: NamespaceFilter(include: ["*"], exclude: [])
        )
        let listed = objects.prefix((objects.count + 1) / 2)
        tell(
            assembler.replaceAll(
                slices: listed.compactMap { if case .endpointSlice(let slice) = $0 { slice } else { nil } }
            )
        )
        tell(
            assembler.replaceAll(
                endpoints: listed.compactMap { if case .endpoints(let object) = $0 { object } else { nil } }
            )
        )
        tell(
            assembler.replaceAll(
                services: listed.compactMap { if case .service(let object) = $0 { object } else { nil } }
            )
        )
        for object in objects.dropFirst(listed.count) {
            switch object {
            case .service(let service): tell(assembler.set(service))
            case .endpointSlice(let slice): tell(assembler.set(slice))
            case .endpoints(let endpoints): tell(assembler.set(endpoints))
            }
        }
        for object in listed {
            switch object {
            case .service(let service): tell(assembler.removeService(service.metadata))
            case .endpointSlice(let slice): tell(assembler.removeEndpointSlice(slice.metadata))
            case .endpoints(let endpoints): tell(assembler.removeEndpoints(endpoints.metadata))
            }
        }
    }

    private mutating func tell(_ event: SourceEvent?) {
        if let event { events.append(event) }
    }
}
