import Glibc

/// A client's configuration, read and checked once, as every transfer of the client uses it.
struct ClientSettings: Sendable {
    /// A configuration that no request can be sent with.
    struct Unusable: Error, Hashable {
        let problem: String
    }

    enum Proxy: Hashable {
        /// As libcurl reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` from the environment.
        case environment
        /// This one for every host, whatever the environment excludes.
        case fixed(String)
    }

    let certificateAuthority: PEM?
    let clientCertificate: PEM?
    let clientKey: PEM?
    let serverName: String?
    let verifies: Bool
    let connectTimeout: Duration
    let proxy: Proxy
    let proxyExclusions: ProxyExclusions
    let maximumBodySize: Int
    let userAgent: String

    init(_ configuration: HTTPClientConfiguration) throws(Unusable) {
        let tls = configuration.tls
        do throws(PEM.Unusable) {
            certificateAuthority =
                if let authority = tls.certificateAuthority {
                    try PEM(authority, as: .certificate, role: "the CA certificate")
                } else { nil }
            if let client = tls.clientCertificate {
                clientCertificate = try PEM(client.certificate, as: .certificate, role: "the client certificate")
                clientKey = try PEM(client.key, as: .privateKey, role: "the client key")
            } else {
                clientCertificate = nil
                clientKey = nil
            }
        } catch {
            throw Unusable(problem: error.problem)
        }
        if let name = tls.serverName {
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isHostByte) else {
                throw Unusable(problem: "the TLS server name is neither a host name nor an address")
            }
        }
        serverName = tls.serverName
        verifies = tls.verifies
        connectTimeout = configuration.connectTimeout
        proxy = configuration.proxy.map { .fixed($0) } ?? .environment
        proxyExclusions = ProxyExclusions(Self.environment("no_proxy") ?? Self.environment("NO_PROXY") ?? "")
        maximumBodySize = configuration.maximumBodySize
        guard HeaderLine.isValue(configuration.userAgent) else {
            throw Unusable(problem: "the user agent has a line break or another control character")
        }
        userAgent = configuration.userAgent
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: ":"):
            true
        default:
            false
        }
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
