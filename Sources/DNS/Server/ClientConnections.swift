import DNSCore
import Synchronization

/// How many connections each client has, over all loops.
final class ClientConnections: Sendable {
    private let limit: Int
    /// As large as the number of connections at most.
    private let counts = Mutex<[ClientAddress: Int]>([:])

    init(limit: Int) { self.limit = limit }

    /// Takes up a connection of a client. False, and nothing is noted, when it has as many as it may.
    func admit(_ client: ClientAddress) -> Bool {
        counts.withLock { counts in
            let count = counts[client.network, default: 0]
            guard count < limit else { return false }
            counts[client.network] = count + 1
            return true
        }
    }

    /// Notes the end of a connection that was admitted.
    func remove(_ client: ClientAddress) {
        counts.withLock { counts in
            guard let count = counts[client.network] else { return }
            counts[client.network] = count > 1 ? count - 1 : nil
        }
    }
}

extension ClientAddress {
    /// What one client has for itself: an IPv4 address, or the /64 of an IPv6 address.
    fileprivate var network: ClientAddress { isIPv4 ? self : ClientAddress(high: high, low: 0) }
}
