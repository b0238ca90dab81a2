package import HTTPTransport

/// Everything needed to speak to one API server.
package struct ClusterConfiguration: Sendable {
    /// Scheme, host, port and path prefix, without a trailing slash.
    package var server: String
    /// Trust, and the client certificate where the configuration names one.
    package var tls: HTTPClientConfiguration.TLS
    package var credentials: CredentialSource
    /// Another identity to act as, as `Impersonate-*` header fields.
    package var impersonation: HTTPHeaders
    package var proxy: String?
    /// The namespace of the context or of the service account.
    package var namespace: String
    /// Where all of this comes from, for messages: `context "west" of /etc/portolan/west.yaml`.
    package var source: String
    /// What works but should not stay so; to be logged once.
    package var warnings: [String]

    package init(
        server: String,
        tls: HTTPClientConfiguration.TLS = .init(),
        credentials: CredentialSource = .none,
        impersonation: HTTPHeaders = [:],
        proxy: String? = nil,
        namespace: String = "default",
        source: String,
        warnings: [String] = []
    ) {
        self.server = server
        self.tls = tls
        self.credentials = credentials
        self.impersonation = impersonation
        self.proxy = proxy
        self.namespace = namespace
        self.source = source
        self.warnings = warnings
    }
}

/// How requests prove who sends them, besides a client certificate.
package enum CredentialSource: Hashable, Sendable {
    case none
    case token(Secret)
    /// A bearer token that is read anew as it rotates; `fallback` serves while the file cannot be read.
    case tokenFile(path: String, fallback: Secret?)
    case basic(username: String, password: Secret)
    case exec(ExecPlugin)
}

/// A value that must not show in logs, errors or dumps.
package struct Secret: Hashable, Sendable {
    package let value: String

    package init(_ value: String) { self.value = value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
