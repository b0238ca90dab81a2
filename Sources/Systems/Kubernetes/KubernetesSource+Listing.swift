package import KubernetesClient
import KubernetesObjects
package import ServiceCatalog

extension KubernetesSource {
    /// Reads the cluster once, for `plan`.
    ///
    /// - Throws: the first thing that stands in the way.
    package func list() async throws(Trouble) -> [Service] {
        var services: [Service] = []
        for namespace in settings.watchedNamespaces {
            var assembler = try await assembler(namespace, settings.firstEndpointSource)
            if assembler == nil, settings.endpoints == .auto {
                assembler = try await self.assembler(namespace, settings.firstEndpointSource.other)
            }
            guard let assembler else { throw .missing(settings.firstEndpointSource.resource) }
            services += assembler.snapshot ?? []
        }
        return services
    }

    /// - Returns: `nil` where the server lacks the resource of `source`.
    private func assembler(
        _ namespace: String?,
        _ source: ServiceAssembler.EndpointSource
    ) async throws(Trouble) -> ServiceAssembler? {
        var assembler = ServiceAssembler(origin: settings.origin, source: source, namespaces: settings.namespaces)
        do throws(Trouble) {
            switch source {
            case .slices, .slicesElseEndpoints: try await read(EndpointSliceObject.self, namespace, into: &assembler)
            case .endpoints: try await read(EndpointsObject.self, namespace, into: &assembler)
            }
        } catch .missing {
            return nil
        }
        try await read(ServiceObject.self, namespace, into: &assembler)
        return assembler
    }

    private func read<Object: AssembledObject>(
        _ kind: Object.Type,
        _ namespace: String?,
        into assembler: inout ServiceAssembler
    ) async throws(Trouble) {
        let scope = settings.scope(Object.resource, in: namespace)
        let list = try await Reflector<Object>.list(scope, connection: connection, clock: clock)
        _ = Object.replaceAll(list.objects, malformed: list.unreadable, in: &assembler)
    }
}
