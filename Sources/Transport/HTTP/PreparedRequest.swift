/// A request as libcurl is to send it: checked, and with its client's settings. Made without I/O.
struct PreparedRequest: Sendable {
    enum Form {
        /// The body is collected.
        case whole
        /// The body is read while it arrives, and the reader may be slow.
        case stream
    }

    let form: Form
    let method: HTTPMethod
    /// What libcurl is given: the request's URL, with the TLS server name in place of the host where there is one.
    let url: String
    /// The connection's real end where it is not the URL's: `::host:port`, as in CURLOPT_CONNECT_TO.
    let connectTo: String?
    /// The connection goes straight to the server, whatever the environment says.
    let bypassesProxy: Bool
    let isEncrypted: Bool
    /// In libcurl's notation: `Name: value`, `Name;` for an empty value, `Name:` for a field not to be sent.
    let headerLines: [String]
    /// libcurl asks for gzip and undoes it.
    let decodesContent: Bool
    let body: [UInt8]?
    let totalTimeout: Duration?
    let idleTimeout: Duration?
    let settings: ClientSettings
    /// The URL as an error may show it.
    let shownURL: String

    init(_ request: HTTPRequest, form: Form, settings: ClientSettings) throws(HTTPError) {
        let target: RequestURL
        do throws(RequestURL.Unusable) {
            target = try RequestURL(request.url)
        } catch {
            let shown = RequestURL.redacted(unusable: request.url)
            throw HTTPError(.request, method: request.method, url: shown, detail: "the URL \(error.problem)")
        }

        var lines: [String] = []
        for (name, value) in request.headers.fields {
            guard HeaderLine.isName(name) else {
                throw HTTPError(.request, request, target, "a header has a name that is no token")
            }
            guard HeaderLine.isValue(value) else {
                throw HTTPError(.request, request, target, "the header \(name) has a line break or control character")
            }
            lines.append(value.allSatisfy(\.isWhitespace) ? "\(name);" : "\(name): \(value)")
        }

        let serverName = target.isEncrypted ? settings.serverName : nil
        if let serverName, serverName.lowercased() != target.bareHost.lowercased() {
            url = target.text(host: serverName)
            connectTo = "::\(target.host):\(target.effectivePort)"
            bypassesProxy = settings.proxy == .environment && settings.proxyExclusions.contains(target.bareHost)
            if request.headers["Host"] == nil { lines.append("Host: \(target.hostAndPort)") }
        } else {
            url = request.url
            connectTo = nil
            bypassesProxy = false
        }

        body = request.body ?? (Self.announcesBody(request.method) ? [] : nil)
        if body != nil {
            // libcurl would call the body a form, and wait for a 100 before sending a large one.
            if request.headers["Content-Type"] == nil { lines.append("Content-Type:") }
            lines.append("Expect:")
        }
        decodesContent = form == .whole && request.headers["Accept-Encoding"] == nil
        headerLines = lines
        isEncrypted = target.isEncrypted
        shownURL = target.redacted
        self.form = form
        self.settings = settings
        method = request.method
        totalTimeout = request.totalTimeout
        idleTimeout = request.idleTimeout
    }

    /// An error of this request.
    func error(_ reason: HTTPError.Reason, _ detail: String) -> HTTPError {
        HTTPError(reason, method: method, url: shownURL, detail: detail)
    }

    /// Whose empty body is worth a `Content-Length: 0` (RFC 9110, section 8.6).
    private static func announcesBody(_ method: HTTPMethod) -> Bool {
        switch method {
        case .put, .post, .patch: true
        case .get, .delete: false
        }
    }
}

extension HTTPError {
    fileprivate init(_ reason: Reason, _ request: HTTPRequest, _ target: RequestURL, _ detail: String) {
        self.init(reason, method: request.method, url: target.redacted, detail: detail)
    }
}
