package import HTTPTransport
package import KubernetesObjects

/// Why a request to an API server did not get its answer.
package enum APIFailure: Error, Hashable, Sendable {
    /// The server answered with an error: as HTTP status, or as an ERROR event.
    case refused(KubernetesStatus)
    case transport(HTTPError)
    /// A watch said nothing for longer than ``ListWatchMachine/silenceLimit``.
    case silent
    case credential(CredentialError)
    /// The answer is not what was asked for; what it is instead.
    case unreadable(String)
}

extension APIFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .refused(let status): "the API server answers \(status.code) \(status.message)"
        case .transport(let error): error.description
        case .silent: "the API server accepts the request and does not answer"
        case .credential(let error): error.description
        case .unreadable(let what): "the answer cannot be read: \(what)"
        }
    }
}
