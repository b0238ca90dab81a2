package import DNSCore
package import ServiceCatalog

/// How a query reached the server.
package enum ServerTransport: String, Hashable, Sendable, CaseIterable {
    case udp
    case tcp
}

package struct ServerConfiguration: Hashable, Sendable {
    /// Each on UDP and TCP.
    package var listen: [ListenAddress]
    /// UDP threads for each address; `nil` for one per CPU.
    package var workers: Int?
    package var answers = AnswerOptions()
    /// Of answers over UDP, for each thread on its own; `nil` for none.
    package var rateLimit: RateLimit?
    package var streams = StreamLimits()
    /// The CPUs that UDP threads keep to, in turn; empty to leave that to the system.
    package var cpus: [Int] = []

    package init(listen: [ListenAddress]) {
        self.listen = listen
    }
}

/// Bounds on TCP connections (RFC 7766 sections 6.1 and 6.2.3).
package struct StreamLimits: Hashable, Sendable {
    /// Event loops that carry connections.
    package var threads = 1
    /// Beyond, the connection that has been idle for longest makes room.
    package var connections = 16_384
    /// How long a connection may go without a complete query, or without taking its answers.
    package var idle: Duration = .seconds(30)
    /// Octets of answers a connection may leave unread before its queries wait.
    package var unread = 256 * 1024

    package init() {}
}
