import CCurl
import Glibc

/// What libcurl says of a transfer that failed, and its translation into an error for a person. Pure.
struct TransferFailure {
    let code: CURLcode
    /// From the error buffer; may be empty.
    var message = ""
    /// The `errno` of the last failed connect, else 0.
    var systemError: CInt = 0
    /// OpenSSL's verdict on the server's certificate (`X509_V_…`), 0 for none.
    var verification = 0
    /// Anything of the response has arrived.
    var responseHasBegun = false

    /// True of the failures that are a connection's or a stream's death after the request went out.
    var isDeath: Bool {
        switch code {
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2,
            CURLE_HTTP2_STREAM:
            tlsAlert == nil
        default:
            false
        }
    }

    func error(for request: PreparedRequest) -> HTTPError {
        let (reason, detail) = explanation(request)
        return request.error(reason, detail)
    }

    private func explanation(_ request: PreparedRequest) -> (HTTPError.Reason, String) {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST:
            return (.resolve, "the host name has no address (\(said)): check the name and this machine's DNS")
        case CURLE_COULDNT_RESOLVE_PROXY:
            return (.resolve, "the proxy cannot be used or its host name has no address (\(said)): check the proxy")
        case CURLE_COULDNT_CONNECT:
            return (.connect, connectDetail)
        case CURLE_PROXY:
            return (.connect, "the proxy refused: \(said)")
        case CURLE_OPERATION_TIMEDOUT:
            return (.timeout, Self.noConnection(within: request.settings.connectTimeout) + " (\(said))")
        case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR:
            return (.request, materialDetail(request))
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return (.tls, certificateDetail)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED,
            CURLE_SSL_CLIENTCERT:
            return handshake
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
            return (.response, "the answer is no HTTP (\(said)): check that the port speaks HTTP")
        case CURLE_BAD_CONTENT_ENCODING:
            return (.response, "the body is not compressed as its Content-Encoding says (\(said))")
        case CURLE_OUT_OF_MEMORY where responseHasBegun:
            return (.response, "the response has a header line that is too long, or memory ran out")
        case CURLE_URL_MALFORMAT, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_NOT_BUILT_IN, CURLE_UNKNOWN_OPTION,
            CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT:
            return (.request, "the request cannot be sent: \(said)")
        default:
            if responseHasBegun { return (.response, "the response cannot be read to its end: \(said)") }
            if tlsAlert != nil { return handshake }
            return (.connect, "the connection was lost before the response: \(said)")
        }
    }

    static func noConnection(within timeout: Duration) -> String {
        "no connection within \(timeout.text): check the address, and routes and firewalls on the way"
    }

    /// libcurl's words, unless they hold an `@`: they may quote a proxy with its password.
    private var said: String {
        let general = String(cString: curl_easy_strerror(code))
        return message.isEmpty || message.utf8.contains(UInt8(ascii: "@")) ? general : message
    }

    private var connectDetail: String {
        let cause = systemError == 0 ? "" : ": \(String(cString: strerror(systemError)))"
        let wayOut =
            switch systemError {
            case ECONNREFUSED: "check the address, and that the server runs"
            case EMFILE, ENFILE: "too many open files: raise the limit"
            default: "check the address, and routes and firewalls on the way"
            }
        return "\(said)\(cause); \(wayOut)"
    }

    /// A certificate or key OpenSSL could not take, by the name it was given under.
    private func materialDetail(_ request: PreparedRequest) -> String {
        let settings = request.settings
        let names =
            code == CURLE_SSL_CACERT_BADFILE
            ? [settings.certificateAuthority?.name].compactMap(\.self)
            : [settings.clientCertificate?.name, settings.clientKey?.name].compactMap(\.self)
        let subject = names.isEmpty ? "the trust anchors of this machine" : names.joined(separator: " or ")
        return "\(subject) cannot be used: \(said)"
    }

    private var certificateDetail: String {
        // libcurl's own comparison of names leaves OpenSSL's verdict as it was.
        if message.contains("subject name") || message.contains("common name") { return nameDetail }
        return switch verification {
        case 9: "the server's certificate is not yet valid: check the clocks of both machines"
        case 10: "the server's certificate has expired: it must be renewed on the server"
        case 2, 18, 19, 20, 21, 27:
            "the server's certificate is not trusted (\(said)): give the certificate of the CA that issued it"
        case 23: "the server's certificate has been revoked"
        case 62, 64: nameDetail
        default: "the server's certificate is not accepted: \(said)"
        }
    }

    private var nameDetail: String {
        "the server's certificate is for another name (\(said)): use a name it is for, or set the TLS server name"
    }

    private var handshake: (HTTPError.Reason, String) {
        if let tlsAlert {
            return (
                .tls, "the server refused the TLS handshake (\(tlsAlert)): it may want a client certificate it trusts"
            )
        }
        if message.contains("wrong version number") || message.contains("packet length too long") {
            return (.tls, "the server's answer is no TLS (\(said)): check that the port is not for plain http")
        }
        if message.contains("SSL_ERROR_SYSCALL") || message.contains("Connection reset")
            || message.contains("unexpected eof")
        {
            return (.connect, "the connection was lost during the TLS handshake: \(said)")
        }
        return (.tls, "the TLS handshake failed: \(said)")
    }

    /// The alert the server sent, as in "tlsv13 alert certificate required".
    private var tlsAlert: Substring? {
        guard let alert = message.firstRange(of: " alert ") else { return nil }
        return message[alert.upperBound...].prefix { $0 != "," }
    }
}

extension TransferDeadlines.Expiry {
    var detail: String {
        switch self {
        case .connect(let timeout): TransferFailure.noConnection(within: timeout)
        case .total(let timeout): "no complete response within \(timeout.text)"
        case .idle(let timeout): "the server was silent for \(timeout.text)"
        }
    }
}

extension Duration {
    /// "250 ms", "30 s".
    fileprivate var text: String {
        let milliseconds = self / .milliseconds(1)
        return milliseconds < 1000 || milliseconds.truncatingRemainder(dividingBy: 1000) != 0
            ? "\(Int(milliseconds)) ms" : "\(Int(milliseconds / 1000)) s"
    }
}
