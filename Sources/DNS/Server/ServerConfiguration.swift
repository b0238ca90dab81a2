package import DNSCore
package import ServiceCatalog

/// How a query reached the server.
package enum ServerTransport: String, Hashable, Sendable, CaseIterable {
    case udp
    case tcp
    /// DNS over TLS (RFC 7858).
    case tls
}

package struct ServerConfiguration: Hashable, Sendable {
    /// Each on UDP and TCP.
    package var listen: [ListenAddress]
    /// Where DNS over TLS is served; `nil` for nowhere.
    package var tls: TLSListening?
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

    /// All addresses, those of TLS among them.
    package var addresses: [ListenAddress] { listen + (tls?.listen ?? []) }
}

/// DNS over TLS: where, and as whom.
package struct TLSListening: Hashable, Sendable {
    package var listen: [ListenAddress]
    package var files: CertificateFiles

    package init(listen: [ListenAddress], files: CertificateFiles) {
        self.listen = listen
        self.files = files
    }
}
