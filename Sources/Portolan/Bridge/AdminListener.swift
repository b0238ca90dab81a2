internal import AdminServer
internal import Logging
internal import ServiceCatalog
internal import ServiceLifecycle

/// The running admin listener.
struct AdminListener: Sendable {
    let configured: ListenAddress
    /// With the port that the system chose, where that was left to it.
    let bound: ListenAddress
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    /// Returns once the address is bound; throws when it cannot be.
    static func start(
        on address: ListenAddress,
        views: any AdminViews,
        logger: Logger
    ) async throws(CommandFailure) -> AdminListener {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let server = AdminServer(
            host: address.address.description,
            port: Int(address.port),
            views: views,
            logger: logger,
            onListening: { found.yield($0) }
        )
        var configuration = ServiceGroupConfiguration(services: [server], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(2)
        let group = ServiceGroup(configuration: configuration)
        let task = Task {
            defer { found.finish() }
            try await group.run()
        }
        for await port in ports {
            let bound = ListenAddress(address: address.address, port: UInt16(clamping: port))
            return AdminListener(configured: address, bound: bound, group: group, task: task)
        }
        let reason: String =
            switch await task.result {
            case .success: "it ended at once"
            case .failure(let error): "\(error)"
            }
        throw CommandFailure(
            .unavailable,
            message: "cannot listen on \(address) for admin: \(reason); choose another address under admin.listen"
        )
    }

    func stop() async {
        await group.triggerGracefulShutdown()
        _ = await task.result
    }
}
