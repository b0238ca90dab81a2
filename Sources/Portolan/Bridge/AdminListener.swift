internal import AdminServer
internal import Logging
internal import ServiceCatalog

/// The running admin listener.
struct AdminListener: Sendable {
    let configured: ListenAddress
    /// With the port that the system chose, where that was left to it.
    let bound: ListenAddress
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
        let task = Task {
            defer { found.finish() }
            try await server.run()
        }
        for await port in ports {
            let bound = ListenAddress(address: address.address, port: UInt16(clamping: port))
            return AdminListener(configured: address, bound: bound, task: task)
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
        task.cancel()
        _ = await task.result
    }
}
