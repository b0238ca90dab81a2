internal import AdminServer
internal import Glibc
internal import Logging
internal import NIOCore
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
        throw await failure(of: task, on: address)
    }

    private static func failure(of task: Task<Void, any Error>, on address: ListenAddress) async -> CommandFailure {
        var reason = "it ended at once"
        var status = CommandFailure.Status.unavailable
        switch await task.result {
        case .success: break
        case .failure(let error as IOError) where error.errnoCode == EADDRINUSE:
            reason = "the port is in use, perhaps by another portolan; stop that one or choose another address"
        case .failure(let error as IOError) where error.errnoCode == EACCES:
            reason =
                "permission denied; ports below 1024 need the capability CAP_NET_BIND_SERVICE: grant it or choose "
                + "another port"
            status = .permission
        case .failure(let error as IOError) where error.errnoCode == EADDRNOTAVAIL:
            reason = "no interface of this machine has the address; choose one that it has"
        case .failure(let error): reason = "\(error)"
        }
        return CommandFailure(status, message: "cannot listen on \(address) (admin.listen): \(reason)")
    }

    func stop() async {
        await group.triggerGracefulShutdown()
        _ = await task.result
    }
}
