/// Bounds on TCP and TLS connections (RFC 7766 sections 6.1 and 6.2.3).
package struct StreamLimits: Hashable, Sendable {
    /// Event loops that carry connections.
    package var threads = 1
    /// Beyond, the connection that has been idle for longest makes room.
    package var connections = 14_000
    /// Of one client: an IPv4 address, or the first 64 bits of an IPv6 address. Further ones are closed at once.
    package var perClient = 1024
    /// How long a connection may go without a complete query, or without taking its answers.
    package var idle: Duration = .seconds(30)
    /// How long a TLS handshake may take; never longer than ``idle``.
    package var handshake: Duration = .seconds(10)
    /// Octets that all connections together may hold: unread answers, parts of messages. Beyond, the connection that has held
    /// some for longest is cut.
    package var held = 64 << 20

    package init() {}

    /// How long connections may be idle while `count` of at most `capacity` are open: ``idle`` up to three quarters, from
    /// there less and less, down to a tenth, so that those in use are the last to be closed for want of room.
    func idle(whenOpen count: Int, of capacity: Int) -> Duration {
        let quarter = max(1, capacity / 4)
        let free = max(0, capacity - count)
        guard free < quarter else { return idle }
        return max(idle / 10, idle * Double(free) / Double(quarter))
    }
}
