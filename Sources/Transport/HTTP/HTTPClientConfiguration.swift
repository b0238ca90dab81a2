/// How a client reaches and trusts its server.
package struct HTTPClientConfiguration: Sendable {
    /// Certificates and keys, from a file that is read when the client is made, or PEM text held in memory.
    package enum Material: Sendable, Hashable {
        case file(String)
        case pem([UInt8])
    }

    package struct ClientCertificate: Sendable, Hashable {
        package var certificate: Material
        package var key: Material

        package init(certificate: Material, key: Material) {
            self.certificate = certificate
            self.key = key
        }
    }

    package struct TLS: Sendable, Hashable {
        /// Trust anchors in place of the system's.
        package var certificateAuthority: Material?
        package var clientCertificate: ClientCertificate?
        /// The name to verify and to send as SNI, where it is not the URL's host.
        package var serverName: String?
        /// False only where the configuration says so aloud.
        package var verifies: Bool

        package init(
            certificateAuthority: Material? = nil,
            clientCertificate: ClientCertificate? = nil,
            serverName: String? = nil,
            verifies: Bool = true
        ) {
            self.certificateAuthority = certificateAuthority
            self.clientCertificate = clientCertificate
            self.serverName = serverName
            self.verifies = verifies
        }
    }

    package var tls: TLS
    package var connectTimeout: Duration
    /// A proxy for this client, in place of the `*_proxy` variables.
    package var proxy: String?
    /// The most bytes ``HTTPSending/send(_:)`` collects, after decompression.
    package var maximumBodySize: Int
    package var userAgent: String

    package init(
        tls: TLS = TLS(),
        connectTimeout: Duration = .seconds(10),
        proxy: String? = nil,
        maximumBodySize: Int = 256 << 20,
        userAgent: String = "portolan"
    ) {
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.proxy = proxy
        self.maximumBodySize = maximumBodySize
        self.userAgent = userAgent
    }
}
