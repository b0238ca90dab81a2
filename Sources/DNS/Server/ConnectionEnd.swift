/// Why a connection has ended, as a label of bounded number.
package enum ConnectionEnd: Int, Hashable, Sendable, CaseIterable {
    /// The peer closed or reset it.
    case peer
    /// Unused for too long, or its answers were not taken for too long.
    case idle
    /// It made room for another one.
    case room
    /// Its client had too many.
    case client
    /// The TLS handshake failed or took too long.
    case handshake
    /// All connections together held too much memory, and this one for longest.
    case memory
    /// A transfer on it could not go on.
    case transfer
    /// The peer does not speak DNS.
    case malformed
    /// The server stops.
    case stop

    package var label: String { "\(self)" }
}
