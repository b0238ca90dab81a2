import Glibc
import TestCertificates

@testable import HTTPTransport

/// A client whose environment names a proxy that is not there, for all hosts but loopback and `direct.test`: whatever
/// goes to the wrong place fails. Its deadlines go by `time`; by default none is ever reached. libcurl's own, for making a
/// connection, is out of the way.
func makeClient(
    _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
    time: SteppedTime = patience
) -> HTTPClient {
    environment
    var configuration = configuration
    configuration.connectTimeout = .seconds(1000)
    return HTTPClient(configuration, loop: time.loop)
}

private let patience = SteppedTime()

/// A client that trusts the test servers.
func makeTrustingClient(
    serverName: String? = nil,
    clientCertificate: HTTPClientConfiguration.ClientCertificate? = nil,
    time: SteppedTime = patience
) -> HTTPClient {
    makeClient(
        HTTPClientConfiguration(
            tls: .init(
                certificateAuthority: Certificates.authority.material,
                clientCertificate: clientCertificate,
                serverName: serverName
            )
        ),
        time: time
    )
}

/// A port that nothing listens on.
let deadPort = 1

private let environment: Void = {
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY"] { setenv(name, "http://127.0.0.1:\(deadPort)", 1) }
    for name in ["no_proxy", "NO_PROXY"] { setenv(name, "127.0.0.1, localhost, direct.test", 1) }
    for name in ["all_proxy", "ALL_PROXY"] { unsetenv(name) }
}()

extension HTTPStream {
    /// Everything until the end.
    func collect() async throws(HTTPError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try await next() { bytes += chunk }
        return bytes
    }
}

extension PEMText {
    var material: HTTPClientConfiguration.Material { .pem(bytes) }
}
