import CCurl
import Glibc

extension EasyHandle {
    /// Sets everything a request needs, on a handle that is new or reset.
    func configure(_ request: PreparedRequest) throws(OptionFailure) {
        try setErrorBuffer()
        try configureProtocol(request)
        try configureRequest(request)
        try configureConnection(request)
        if request.isEncrypted { try configureTLS(request.settings, form: request.form) }
    }

    private func configureProtocol(_ request: PreparedRequest) throws(OptionFailure) {
        try check(ccurl_allow_http_only(curl))
        // HTTP/2 where TLS negotiates it. In clear HTTP/1.1, said outright: else libcurl takes connections for shareable.
        try set(
            CURLOPT_HTTP_VERSION,
            Int(request.isEncrypted ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
        )
        // Redirects are responses like others: nothing sends a credential on to another host.
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if request.decodesContent { try set(CURLOPT_ACCEPT_ENCODING, "gzip") }
    }

    private func configureRequest(_ request: PreparedRequest) throws(OptionFailure) {
        try set(CURLOPT_URL, request.url)
        if let body = request.body { try set(body: body) }
        if request.method != .get || request.body != nil { try set(CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
        try set(CURLOPT_USERAGENT, request.settings.userAgent)
        try set(headerLines: request.headerLines)
    }

    private func configureConnection(_ request: PreparedRequest) throws(OptionFailure) {
        let settings = request.settings
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(settings.connectTimeout / .milliseconds(1))))
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try check(ccurl_abandon_lookups(curl))
        try check(
            ccurl_set_open_socket(curl) { _, _, address in
                // Child processes, such as credential plugins, must not inherit connections.
                guard let address = address?.pointee else { return CURL_SOCKET_BAD }
                return socket(address.family, address.socktype | CInt(SOCK_CLOEXEC.rawValue), address.protocol)
            }
        )
        if let connectTo = request.connectTo { try set(connectTo: connectTo) }
        switch settings.proxy {
        case .environment:
            if request.bypassesProxy { try set(CURLOPT_PROXY, "") }
        case .fixed(let proxy):
            try set(CURLOPT_PROXY, proxy)
            try set(CURLOPT_NOPROXY, "")
        }
        switch request.form {
        case .whole:
            // Wait for a connection that is being made and may be shareable, instead of making one more.
            if request.isEncrypted { try set(CURLOPT_PIPEWAIT, 1) }
        case .stream:
            // Fewer, larger pieces: a third less work for a large list.
            try set(CURLOPT_BUFFERSIZE, 64 << 10)
            // Before 8.1 libcurl stops reading an HTTP/2 connection, for all its transfers, while one of them is
            // paused: so a stream, which may pause, never shares one.
            if request.isEncrypted {
                try set(CURLOPT_FRESH_CONNECT, 1)
                try set(CURLOPT_FORBID_REUSE, 1)
            }
        }
    }

    private func configureTLS(_ settings: ClientSettings, form: PreparedRequest.Form) throws(OptionFailure) {
        // The same versions for both, but told apart by their spelling: libcurl shares no connection between transfers
        // whose TLS options differ, and so nothing else rides on a stream's connection.
        switch form {
        case .whole: try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        case .stream: try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_3))
        }
        try set(CURLOPT_SSL_VERIFYPEER, settings.verifies ? 1 : 0)
        try set(CURLOPT_SSL_VERIFYHOST, settings.verifies ? 2 : 0)
        if let authority = settings.certificateAuthority {
            try set(CURLOPT_CAINFO_BLOB, blob: authority.bytes)
            // In place of the system's anchors, not beside them.
            try set(CURLOPT_CAPATH, nil as String?)
        }
        if let certificate = settings.clientCertificate { try set(CURLOPT_SSLCERT_BLOB, blob: certificate.bytes) }
        if let key = settings.clientKey { try set(CURLOPT_SSLKEY_BLOB, blob: key.bytes) }
    }
}
