/// A method of RFC 9110.
package enum HTTPMethod: String, Sendable {
    case get = "GET"
    case put = "PUT"
    case post = "POST"
    case patch = "PATCH"
    case delete = "DELETE"
}

/// Header fields in order; names compare without regard to case.
package struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var fields: [(name: String, value: String)] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { (name: $0.0, value: $0.1) }
    }

    /// The first value of `name`. Setting replaces all of them; setting `nil` removes them.
    package subscript(_ name: String) -> String? {
        get { fields.first { Self.equal($0.name, name) }?.value }
        set {
            fields.removeAll { Self.equal($0.name, name) }
            if let newValue { fields.append((name, newValue)) }
        }
    }

    package mutating func append(_ name: String, _ value: String) { fields.append((name, value)) }

    package func values(_ name: String) -> [String] {
        fields.compactMap { Self.equal($0.name, name) ? $0.value : nil }
    }

    private static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

/// A request as a value: built and tested without a network.
package struct HTTPRequest: Sendable {
    package var method: HTTPMethod
    /// Absolute, with its query already percent-encoded.
    package var url: String
    package var headers: HTTPHeaders
    package var body: [UInt8]?
    /// For the whole exchange, body included; `nil` for none (streams).
    package var totalTimeout: Duration?
    /// The longest silence while the response is under way; `nil` for none.
    package var idleTimeout: Duration?

    package init(
        _ method: HTTPMethod,
        _ url: String,
        headers: HTTPHeaders = [:],
        body: [UInt8]? = nil,
        totalTimeout: Duration? = .seconds(30),
        idleTimeout: Duration? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.totalTimeout = totalTimeout
        self.idleTimeout = idleTimeout
    }
}

/// The head of a response.
package struct HTTPResponseHead: Sendable {
    package let status: Int
    package let headers: HTTPHeaders

    package init(status: Int, headers: HTTPHeaders) {
        self.status = status
        self.headers = headers
    }
}

/// A response whose body has arrived whole. Any status is a response, not an error.
package struct HTTPResponse: Sendable {
    package let status: Int
    package let headers: HTTPHeaders
    package let body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Sends requests. The one seam between decisions and the network: protocol code is tested with a scripted conformer.
package protocol HTTPSending: Sendable {
    /// Sends `request` and collects the body.
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse

    /// Sends `request` and returns once the head has arrived. The body is read from the stream, which holds the
    /// connection until it is read to its end or released.
    func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream
}

/// A response whose body is still arriving. Reading applies backpressure: a slow reader pauses the transfer.
package struct HTTPStream: Sendable {
    package let head: HTTPResponseHead
    /// The next bytes, never empty; `nil` at the clean end. Throws ``HTTPError``; cancelling the reading task cancels
    /// the transfer.
    private let read: @Sendable () async throws(HTTPError) -> [UInt8]?

    package init(head: HTTPResponseHead, read: @escaping @Sendable () async throws(HTTPError) -> [UInt8]?) {
        self.head = head
        self.read = read
    }

    package func next() async throws(HTTPError) -> [UInt8]? { try await read() }
}
