import NIOCore
import Synchronization

/// The channels of a server, each with the task that serves it. A channel has its task from its first moment on, so that
/// none is dropped unserved when the server stops.
final class ServedChannels<Inbound: Sendable, Outbound: Sendable>: Sendable {
    typealias Served = NIOAsyncChannel<Inbound, Outbound>
    typealias Serve =
        @Sendable (NIOAsyncChannelInboundStream<Inbound>, NIOAsyncChannelOutboundWriter<Outbound>) async throws -> Void

    private struct State {
        var isStopped = false
        var served: [(channel: any Channel, task: Task<Void, Never>)] = []
    }

    private let state = Mutex(State())

    /// Serves `channel`, on whose event loop this must be called, and closes it when `serve` returns or throws.
    func add(_ channel: any Channel, _ serve: @escaping Serve) throws {
        let async = try Served(wrappingChannelSynchronously: channel)
        let task = Task {
            // What a client does to its connection is the client's affair.
            _ = try? await async.executeThenClose { try await serve($0, $1) }
        }
        let isStopped = state.withLock { state in
            if !state.isStopped { state.served.append((channel, task)) }
            return state.isStopped
        }
        if isStopped { Self.stop(channel, task) }
    }

    func stop() async {
        let served = state.withLock { state in
            state.isStopped = true
            defer { state.served = [] }
            return state.served
        }
        for (channel, task) in served { Self.stop(channel, task) }
        for (_, task) in served { await task.value }
    }

    private static func stop(_ channel: any Channel, _ task: Task<Void, Never>) {
        channel.close(promise: nil)
        task.cancel()
    }
}
