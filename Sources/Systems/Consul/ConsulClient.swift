import HTTPTransport
import SyncEngine

/// An answer of Consul with status 200, or 409 of a transaction.
struct ConsulAnswer: Sendable {
    let status: Int
    let body: [UInt8]
    /// `X-Consul-Index`
    let index: UInt64?
    /// ACLs have removed something from the answer (Consul 1.11 and later).
    let isFiltered: Bool
    /// Whatever a token may not read is left out of answers without a word.
    let deniesByDefault: Bool

    /// What the answer does not show may be there all the same.
    var mayBeHidden: Bool { isFiltered || deniesByDefault }
}

/// Requests to Consul, and what their failures mean.
struct ConsulClient: Sendable {
    private let http: any HTTPSending
    private let configuration: ConsulConfiguration
    private let base: String

    init(_ configuration: ConsulConfiguration, http: any HTTPSending) {
        self.configuration = configuration
        self.http = http
        base = configuration.address.last == "/" ? String(configuration.address.dropLast()) : configuration.address
    }

    /// - Parameters:
    ///   - path: path segments, not yet encoded.
    ///   - filter: an expression of Consul's filter language; what it says no to is left out of the answer.
    func get(
        _ path: [String],
        filter: String? = nil,
        index: UInt64? = nil,
        wait: Duration? = nil
    ) async throws(TargetError) -> ConsulAnswer {
        var query: [(String, String)] = []
        var timeout = Duration.seconds(30)
        if let filter { query.append(("filter", filter)) }
        if let index, let wait {
            query += [("index", "\(index)"), ("wait", "\(wait.components.seconds)s")]
            // The server adds up to a sixteenth of the wait.
            timeout = wait * (17.0 / 16.0) + .seconds(15)
        }
        let request = request(.get, path, query, body: nil, timeout: timeout)
        return try classify(try await send(request), request)
    }

    func put(_ path: [String], body: [UInt8]) async throws(TargetError) -> ConsulAnswer {
        let request = request(.put, path, [], body: body, timeout: .seconds(30))
        return try classify(try await send(request), request)
    }

    /// For questions whose refusal is an answer, too.
    func response(_ method: HTTPMethod, _ path: [String], body: [UInt8]? = nil) async throws(TargetError)
        -> HTTPResponse
    {
        try await send(request(method, path, [], body: body, timeout: .seconds(10)))
    }

    // MARK: - Requests

    private func request(
        _ method: HTTPMethod,
        _ path: [String],
        _ query: [(String, String)],
        body: [UInt8]?,
        timeout: Duration
    ) -> HTTPRequest {
        var query = query
        if let datacenter = configuration.datacenter { query.append(("dc", datacenter)) }
        var url = base + "/v1/" + path.map(Self.encode).joined(separator: "/")
        if !query.isEmpty { url += "?" + query.map { "\($0)=\(Self.encode($1))" }.joined(separator: "&") }
        var headers: HTTPHeaders = [:]
        if let token = configuration.token(), !token.isEmpty { headers["X-Consul-Token"] = token }
        if body != nil {
            headers["Content-Type"] = "application/json"
            // Answers to writes are small; packing them would cost Consul more than sending them.
            headers["Accept-Encoding"] = "identity"
        }
        return HTTPRequest(method, url, headers: headers, body: body, totalTimeout: timeout)
    }

    /// Percent-encodes all but the unreserved characters of RFC 3986.
    static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                result += byte < 16 ? "%0" : "%"
                result += String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    // MARK: - Answers

    private func send(_ request: HTTPRequest) async throws(TargetError) -> HTTPResponse {
        do {
            return try await http.send(request)
        } catch {
            switch error.reason {
            case .tooLarge: throw .nonsense("Consul: \(error)")
            case .resolve, .connect, .tls, .timeout, .response, .cancelled, .request:
                throw .unreachable("Consul: \(error)")
            }
        }
    }

    private func classify(_ response: HTTPResponse, _ request: HTTPRequest) throws(TargetError) -> ConsulAnswer {
        if response.status == 200 || response.status == 409 {
            return ConsulAnswer(
                status: response.status,
                body: response.body,
                index: response.headers["X-Consul-Index"].flatMap { UInt64($0) },
                isFiltered: response.headers["X-Consul-Results-Filtered-By-ACLs"] == "true",
                deniesByDefault: response.headers["X-Consul-Default-ACL-Policy"] == "deny"
            )
        }
        let text = Self.excerpt(response.body)
        let what = "Consul: \(request.method.rawValue) \(Self.withoutQuery(request.url)): \(response.status) \(text)"
        switch response.status {
        case 400, 413: throw .invalid(what)
        case 401, 403:
            throw .unauthorized(
                text.contains("ACL not found")
                    ? "\(what): Consul does not know the token" : "\(what): the token may not do this"
            )
        case 429: throw .throttled(what, retryAfter: retryAfter(response))
        case 500 where text.contains("rate limit"), 503 where text.contains("rate limit"):
            throw .throttled(what, retryAfter: retryAfter(response))
        case 500 where text.contains("Permission denied"): throw .unauthorized(what)
        case 500...599: throw .unreachable(what)
        default: throw .nonsense("\(what): is this the address of Consul's HTTP API?")
        }
    }

    private func retryAfter(_ response: HTTPResponse) -> Duration? {
        response.headers["Retry-After"].flatMap { Int($0) }.map { .seconds(max(0, min($0, 600))) }
    }

    private static func withoutQuery(_ url: String) -> String { String(url.prefix { $0 != "?" }) }

    /// The start of a body as one line of text.
    private static func excerpt(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        return String(text.map { $0.isNewline ? " " : $0 }).trimmed
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
