import CCurl
import Glibc
import TestCertificates
import Testing

@testable import HTTPTransport

@Suite struct TransferFailureTests {
    private func error(_ failure: TransferFailure, tls: HTTPClientConfiguration.TLS = .init()) throws -> HTTPError {
        let settings = try ClientSettings(HTTPClientConfiguration(tls: tls, connectTimeout: .seconds(7)))
        let request = HTTPRequest(.patch, "https://user:secret@host:1/path?token=secret")
        return failure.error(for: try PreparedRequest(request, form: .whole, settings: settings))
    }

    @Test(
        "Each of libcurl's failures has a reason and a way out",
        arguments: [
            (TransferFailure(code: CURLE_COULDNT_RESOLVE_HOST, message: "Could not resolve host: h"), .resolve, "DNS"),
            (TransferFailure(code: CURLE_COULDNT_RESOLVE_PROXY), .resolve, "proxy"),
            (TransferFailure(code: CURLE_COULDNT_CONNECT, systemError: ECONNREFUSED), .connect, "server runs"),
            (TransferFailure(code: CURLE_COULDNT_CONNECT, systemError: EHOSTUNREACH), .connect, "No route to host"),
            (TransferFailure(code: CURLE_COULDNT_CONNECT, systemError: EMFILE), .connect, "raise the limit"),
            (TransferFailure(code: CURLE_OPERATION_TIMEDOUT), .timeout, "within 7 s"),
            (TransferFailure(code: CURLE_PEER_FAILED_VERIFICATION, verification: 10), .tls, "expired"),
            (TransferFailure(code: CURLE_PEER_FAILED_VERIFICATION, verification: 9), .tls, "clocks"),
            (TransferFailure(code: CURLE_PEER_FAILED_VERIFICATION, verification: 18), .tls, "give the certificate of"),
            (TransferFailure(code: CURLE_PEER_FAILED_VERIFICATION, verification: 20), .tls, "give the certificate of"),
            (TransferFailure(code: CURLE_PEER_FAILED_VERIFICATION, verification: 62), .tls, "server name"),
            (
                TransferFailure(
                    code: CURLE_PEER_FAILED_VERIFICATION,
                    message: "no alternative certificate subject name matches"
                ), .tls,
                "server name"
            ),
            (TransferFailure(code: CURLE_PEER_FAILED_VERIFICATION, verification: 77), .tls, "not accepted"),
            (
                TransferFailure(code: CURLE_SSL_CONNECT_ERROR, message: "SSL routines::wrong version number"), .tls,
                "plain http"
            ),
            (
                TransferFailure(code: CURLE_SSL_CONNECT_ERROR, message: "SSL_ERROR_SYSCALL in connection to h"),
                .connect, "lost during the TLS handshake"
            ),
            (
                TransferFailure(
                    code: CURLE_RECV_ERROR,
                    message: "SSL routines::tlsv13 alert certificate required, errno 0"
                ), .tls,
                "(certificate required)"
            ),
            (TransferFailure(code: CURLE_UNSUPPORTED_PROTOCOL, message: "HTTP/0.9"), .response, "no HTTP"),
            (TransferFailure(code: CURLE_WEIRD_SERVER_REPLY), .response, "no HTTP"),
            (TransferFailure(code: CURLE_BAD_CONTENT_ENCODING), .response, "Content-Encoding"),
            (TransferFailure(code: CURLE_GOT_NOTHING), .connect, "before the response"),
            (TransferFailure(code: CURLE_RECV_ERROR), .connect, "before the response"),
            (TransferFailure(code: CURLE_RECV_ERROR, responseHasBegun: true), .response, "to its end"),
            (TransferFailure(code: CURLE_PARTIAL_FILE, responseHasBegun: true), .response, "to its end"),
            (TransferFailure(code: CURLE_HTTP2_STREAM, responseHasBegun: true), .response, "to its end"),
            (TransferFailure(code: CURLE_OUT_OF_MEMORY, responseHasBegun: true), .response, "header line"),
            (TransferFailure(code: CURLE_URL_MALFORMAT), .request, "cannot be sent"),
        ] as [(TransferFailure, HTTPError.Reason, String)]
    )
    func translation(failure: TransferFailure, reason: HTTPError.Reason, detail: String) throws {
        let error = try error(failure)
        #expect(error.reason == reason)
        #expect(error.detail.contains(detail), "\(error.detail)")
        #expect(error.description.hasPrefix("PATCH https://host:1/path: "))
        #expect(!error.description.contains("secret"))
    }

    @Test("A message that may quote a proxy's password is not shown")
    func proxyPassword() throws {
        let error = try error(
            TransferFailure(
                code: CURLE_COULDNT_RESOLVE_PROXY,
                message: "Unsupported proxy syntax in 'http://u:secret@p:x'"
            )
        )
        #expect(!error.description.contains("secret"))
    }

    @Test("A certificate OpenSSL cannot take is named by where it came from")
    func material() throws {
        let tls = HTTPClientConfiguration.TLS(
            certificateAuthority: Certificates.authority.material,
            clientCertificate: .init(certificate: Certificates.client.material, key: Certificates.clientKey.material)
        )
        let authority = try error(TransferFailure(code: CURLE_SSL_CACERT_BADFILE), tls: tls)
        #expect(authority.reason == .request)
        #expect(authority.detail.contains("the CA certificate of the configuration"))
        let client = try error(TransferFailure(code: CURLE_SSL_CERTPROBLEM), tls: tls)
        #expect(client.reason == .request)
        #expect(client.detail.contains("the client certificate of the configuration or the client key"))
    }

    @Test(
        "Only a connection's death after the request is one",
        arguments: [
            (TransferFailure(code: CURLE_GOT_NOTHING), true), (TransferFailure(code: CURLE_SEND_ERROR), true),
            (TransferFailure(code: CURLE_RECV_ERROR), true), (TransferFailure(code: CURLE_HTTP2_STREAM), true),
            (TransferFailure(code: CURLE_RECV_ERROR, message: "tlsv13 alert certificate required"), false),
            (TransferFailure(code: CURLE_COULDNT_CONNECT), false),
            (TransferFailure(code: CURLE_SSL_CONNECT_ERROR), false),
            (TransferFailure(code: CURLE_OPERATION_TIMEDOUT), false), (TransferFailure(code: CURLE_WRITE_ERROR), false),
        ]
    )
    func death(failure: TransferFailure, isDeath: Bool) {
        #expect(failure.isDeath == isDeath)
    }

    @Test(
        "Timeouts say what ran out and how long it was",
        arguments: [
            (TransferDeadlines.Expiry.connect(.milliseconds(250)), "within 250 ms"), (.total(.seconds(30)), "30 s"),
            (.idle(.milliseconds(1500)), "silent for 1500 ms"),
        ]
    )
    func timeouts(expiry: TransferDeadlines.Expiry, text: String) {
        #expect(expiry.detail.contains(text))
    }
}
