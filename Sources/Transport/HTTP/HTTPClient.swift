/// Sends requests to servers that are reached and trusted in one way. Clients are cheap: all of them share the
/// process's libcurl thread and its pool of connections, and libcurl shares a connection only between clients with the
/// same TLS settings and proxy.
///
/// - Over TLS HTTP/2 is used where the server offers it: ``send(_:)`` puts many requests on one connection, each
///   ``stream(_:)`` has one of its own. In clear it is HTTP/1.1.
/// - Redirects are not followed.
/// - ``send(_:)`` asks for gzip and undoes it, unless the request sets `Accept-Encoding` itself.
/// - A request whose connection dies before any byte of the response is sent once more, on a new connection, if it is a
///   GET, PUT or DELETE, or if nothing of it was sent.
package final class HTTPClient: HTTPSending {
    /// What is wrong with the configuration comes out as the error of each request.
    private let settings: Result<ClientSettings, ClientSettings.Unusable>
    private let loop: TransferLoop

    /// Reads the files the configuration names, now and never again.
    package convenience init(_ configuration: HTTPClientConfiguration = HTTPClientConfiguration()) {
        self.init(configuration, loop: .shared)
    }

    init(_ configuration: HTTPClientConfiguration, loop: TransferLoop) {
        self.loop = loop
        settings = Result { () throws(ClientSettings.Unusable) in try ClientSettings(configuration) }
    }

    package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let transfer = try transfer(request, as: .whole)
        let head = try await transfer.start()
        return HTTPResponse(status: head.status, headers: head.headers, body: transfer.takeBody())
    }

    package func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        let transfer = try transfer(request, as: .stream)
        let head = try await transfer.start()
        let body = StreamedBody(transfer)
        return HTTPStream(head: head) { () async throws(HTTPError) in try await body.next() }
    }

    private func transfer(_ request: HTTPRequest, as form: PreparedRequest.Form) throws(HTTPError) -> Transfer {
        switch settings {
        case .success(let settings):
            let prepared = try PreparedRequest(request, form: form, settings: settings)
            return Transfer(prepared, loop: loop)
        case .failure(let unusable):
            let url = (try? RequestURL(request.url).redacted) ?? RequestURL.redacted(unusable: request.url)
            throw HTTPError(.request, method: request.method, url: url, detail: unusable.problem)
        }
    }
}

/// Owned by the stream: when the last copy of it goes, so does the transfer.
private final class StreamedBody: Sendable {
    private let transfer: Transfer

    init(_ transfer: Transfer) {
        self.transfer = transfer
    }

    deinit { transfer.cancel() }

    func next() async throws(HTTPError) -> [UInt8]? { try await transfer.next() }
}
