package import HTTPTransport
package import KubernetesObjects

/// A request to an API server as a value: without the server's address, and without credentials.
package struct APIRequest: Sendable {
    package var method: HTTPMethod
    /// Encoded already.
    package var path: String
    /// In order, not yet encoded.
    package var query: [QueryItem]
    package var headers: HTTPHeaders
    package var body: [UInt8]?
    package var totalTimeout: Duration?
    package var idleTimeout: Duration?

    package struct QueryItem: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(
        _ method: HTTPMethod,
        _ path: String,
        query: [QueryItem] = [],
        headers: HTTPHeaders = [:],
        body: [UInt8]? = nil,
        totalTimeout: Duration? = .seconds(30),
        idleTimeout: Duration? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.totalTimeout = totalTimeout
        self.idleTimeout = idleTimeout
    }

    /// The path with its query.
    package var target: String {
        guard !query.isEmpty else { return path }
        let items = query.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }
        return "\(path)?\(items.joined(separator: "&"))"
    }

    /// The request as sent to `server` with `credential`.
    func http(server: String, credential: Credential, impersonation: HTTPHeaders) -> HTTPRequest {
        var headers = headers
        headers["Authorization"] = credential.authorization?.value
        for field in impersonation.fields { headers.append(field.name, field.value) }
        return HTTPRequest(
            method,
            server + target,
            headers: headers,
            body: body,
            totalTimeout: totalTimeout,
            idleTimeout: idleTimeout
        )
    }
}

extension ObjectEncoding {
    /// What to accept when this encoding is wanted. Protobuf leaves the server the choice of JSON, for what it cannot
    /// say in protobuf.
    package var accept: String {
        switch self {
        case .json: mediaType
        case .protobuf: "\(mediaType), \(ObjectEncoding.json.mediaType)"
        }
    }

    /// The encoding a `Content-Type` names, parameters such as `;stream=watch` aside; `nil` for any other type.
    package init?(contentType: String?) {
        let type = (contentType ?? "").prefix { $0 != ";" }
        guard let encoding = Self.allCases.first(where: { $0.mediaType == trimmed(type.lowercased()) }) else {
            return nil
        }
        self = encoding
    }
}
