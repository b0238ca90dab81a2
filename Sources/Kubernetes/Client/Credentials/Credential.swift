package import HTTPTransport

/// What goes with a request to prove who sends it.
package struct Credential: Hashable, Sendable {
    /// The value of the `Authorization` header field.
    package var authorization: Secret?
    /// In place of the configured one, from a credential plugin. The connection is made with it.
    package var clientCertificate: HTTPClientConfiguration.ClientCertificate?

    package init(authorization: Secret? = nil, clientCertificate: HTTPClientConfiguration.ClientCertificate? = nil) {
        self.authorization = authorization
        self.clientCertificate = clientCertificate
    }

    static func bearer(_ token: String) -> Credential { Credential(authorization: Secret("Bearer \(token)")) }
}

/// Why there is no credential to send.
package struct CredentialError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: String, Hashable, Sendable {
        case fileUnreadable
        case pluginMissing
        case pluginFailed
        case pluginTimedOut
        /// The plugin's output is no ExecCredential that can be used.
        case pluginAnswer
    }

    package let reason: Reason
    package let description: String

    package init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }
}
