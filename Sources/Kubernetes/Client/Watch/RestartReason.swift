/// Why a list or watch was begun again: a metric label.
package enum RestartReason: String, Hashable, Sendable, CaseIterable {
    /// The server ended the watch, as it does every few minutes.
    case ended
    /// 410: the version to go on from is no longer known.
    case expired
    /// No bytes, not even a bookmark.
    case silent
    /// The server does not offer a streamed list, or protobuf.
    case unsupported
    case unauthorized
    case forbidden
    case missing
    case refused
    /// 429
    case throttled
    /// 5xx
    case server
    case transport
    case credential
    case unreadable
}
