/// How often a request may go out. A connection that dies before any byte of the response leaves open whether the
/// server acted on the request, so only an idempotent one (RFC 9110, section 9.2.2), or one of which nothing was sent,
/// goes out again, and once.
struct TransferAttempts {
    private static let limit = 2

    private let isIdempotent: Bool
    /// Requests handed to a connection.
    private(set) var count = 0

    init(method: HTTPMethod) {
        isIdempotent =
            switch method {
            case .get, .put, .delete: true
            case .post, .patch: false
            }
    }

    /// A connection stands and the request is about to go out on it; `bytesSent` of it went out on an earlier one.
    mutating func maySend(bytesSent: Int) -> Bool {
        guard count == 0 || mayRepeat(bytesSent: bytesSent) else { return false }
        count += 1
        return true
    }

    /// The connection died before any byte of the response.
    func mayRepeat(bytesSent: Int) -> Bool {
        (1..<Self.limit).contains(count) && (isIdempotent || bytesSent == 0)
    }
}
