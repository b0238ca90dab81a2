/// Why an exchange failed, for which request. Never holds credentials: the URL is shown without user info and query.
package struct HTTPError: Error, Hashable, Sendable {
    package enum Reason: String, Hashable, Sendable {
        /// The host name has no address.
        case resolve
        /// No connection: refused, unreachable, reset before the response.
        case connect
        /// The handshake failed, or the certificate is not trusted, expired, or for another name.
        case tls
        /// A timeout ran out: connecting, in total, or between bytes.
        case timeout
        /// The response was cut short or is no HTTP.
        case response
        /// The body is larger than the caller allows.
        case tooLarge
        case cancelled
        /// The request itself cannot be sent: a bad URL, an unreadable certificate.
        case request
    }

    package let reason: Reason
    package let method: HTTPMethod
    /// Scheme, host, port and path.
    package let url: String
    /// What the transport says, for a person.
    package let detail: String

    package init(_ reason: Reason, method: HTTPMethod, url: String, detail: String) {
        self.reason = reason
        self.method = method
        self.url = url
        self.detail = detail
    }
}

extension HTTPError: CustomStringConvertible {
    package var description: String { "\(method.rawValue) \(url): \(detail)" }
}
