package import HTTPTransport
package import KubernetesObjects

/// What stands between a reader and the present state of its collection. Known objects stay valid meanwhile.
package enum Trouble: Error, Hashable, Sendable {
    case unreachable(HTTPError)
    /// Connected, but without an answer.
    case unanswered
    case unauthorized(String)
    /// - account: who the server takes us for, where it says so.
    case forbidden(Permission, account: String? = nil)
    /// The server does not know the resource: its API group or version is not served.
    case missing(KubernetesResource)
    /// The request is refused as such; asking again will not help.
    case refused(KubernetesStatus)
    /// The server cannot answer now.
    case busy(KubernetesStatus)
    case credential(CredentialError)
    case unreadable(String)
    /// Watches end as soon as they begin.
    case unstable
}

extension Trouble: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let error): error.description
        case .unanswered: "the API server accepts the request and does not answer"
        case .unauthorized(let message):
            "the API server does not accept the credentials (401 \(message)); they may have expired or been revoked"
        case .forbidden(let permission, "system:anonymous"):
            "no credentials are sent, and without them nobody may \(permission)"
        case .forbidden(let permission, let account):
            "the account \(account.map { "\($0) " } ?? "")may not \(permission)"
        case .missing(let resource):
            "the API server has no \(resource.group.isEmpty ? "core" : resource.group)/\(resource.version) "
                + resource.plural
        case .refused(let status): "the API server refuses the request: \(status.code) \(status.message)"
        case .busy(let status): "the API server cannot answer now: \(status.code) \(status.message)"
        case .credential(let error): error.description
        case .unreadable(let what): "the answer cannot be read: \(what)"
        case .unstable: "watches end as soon as they begin"
        }
    }
}
