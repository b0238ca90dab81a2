package import KubernetesClient
package import KubernetesObjects
package import Logging
package import ServiceCatalog

/// Who is told of what happens while a cluster is read. Called on the reader's threads: to be quick.
package struct KubernetesObserver: Sendable {
    /// A list or watch was begun anew.
    package var restarted: @Sendable (RestartReason) -> Void
    /// An object holds something that cannot be used; told once.
    package var problem: @Sendable (Problem, ObjectReference) -> Void

    package init(
        restarted: @escaping @Sendable (RestartReason) -> Void = { _ in },
        problem: @escaping @Sendable (Problem, ObjectReference) -> Void = { _, _ in }
    ) {
        self.restarted = restarted
        self.problem = problem
    }
}

/// A Kubernetes cluster as a system: its Services with their EndpointSlices or Endpoints.
package final class KubernetesSource: CatalogSource {
    let settings: KubernetesSettings
    package let connection: ClusterConnection
    let clock: ClientClock
    private let machineSettings: ListWatchMachine.Settings
    private let reader: ClusterReader

    package init(
        _ settings: KubernetesSettings,
        connection: ClusterConnection,
        observer: KubernetesObserver = KubernetesObserver(),
        logger: Logger,
        clock: ClientClock = .continuous,
        machineSettings: ListWatchMachine.Settings = .init()
    ) {
        self.settings = settings
        self.connection = connection
        self.clock = clock
        self.machineSettings = machineSettings
        reader = ClusterReader(settings, observer: observer, logger: logger, clock: clock)
    }

    package var status: ClusterStatus { get async { await reader.status } }

    /// How `key` came to be what the catalog says of it.
    package func explanation(of key: ServiceKey) async -> ServiceExplanation { await reader.explanation(of: key) }

    package func run(into writer: CatalogWriter) async {
        await reader.open(writer)
        await withTaskGroup { group in
            group.addTask { await self.reader.watchContact() }
            for namespace in settings.watchedNamespaces {
                group.addTask { await self.read(namespace) }
            }
        }
        await reader.close()
    }

    /// Lists everything anew, on top of what is being followed.
    ///
    /// - Returns: whether the catalog holds the outcome; false when a list fails, or before everything was read once.
    package func reread() async -> Bool { await reader.reread() }

    /// Reads one namespace, or all at once, until cancelled.
    private func read(_ namespace: String?) async {
        while !Task.isCancelled {
            let (source, ended) = await reader.begin(namespace)
            await withTaskGroup { group in
                group.addTask { await self.follow(ServiceObject.self, in: namespace) }
                group.addTask {
                    switch source {
                    case .slices, .slicesElseEndpoints: await self.follow(EndpointSliceObject.self, in: namespace)
                    case .endpoints: await self.follow(EndpointsObject.self, in: namespace)
                    }
                }
                for await _ in ended {}
                group.cancelAll()
            }
        }
    }

    private func follow<Object: AssembledObject>(_ kind: Object.Type, in namespace: String?) async {
        let scope = settings.scope(Object.resource, in: namespace)
        let machine = ListWatchMachine(scope: scope, settings: machineSettings)
        await Reflector<Object>(machine, connection: connection, clock: clock) { [reader] update, now in
            await reader.take(update, in: namespace, at: now)
        }.run()
    }
}
