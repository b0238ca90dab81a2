import HTTPTransport
import Synchronization

/// Answers requests by a function.
final class ScriptedHTTP: HTTPSending {
    private let log = Mutex<[HTTPRequest]>([])
    private let answer: @Sendable (HTTPRequest) throws(HTTPError) -> HTTPResponse

    init(_ answer: @escaping @Sendable (HTTPRequest) throws(HTTPError) -> HTTPResponse) { self.answer = answer }

    var requests: [HTTPRequest] { log.withLock { $0 } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        log.withLock { $0.append(request) }
        return try answer(request)
    }

    func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.request, method: request.method, url: request.url, detail: "no streams here")
    }
}

/// Passes requests on, and lets a test take the place of the server for some.
final class InterposedHTTP: HTTPSending {
    enum Answer: Sendable {
        case passedOn
        /// In place of the server's, which is not asked.
        case instead(HTTPResponse)
        /// The server does what is asked, and its answer gets lost.
        case lost
    }

    private let http: any HTTPSending
    private let decide: @Sendable (HTTPRequest) -> Answer
    private let finish: @Sendable (HTTPRequest) -> Void

    /// - Parameter finish: is told of each request that was answered, in whatever way.
    init(
        _ http: any HTTPSending,
        finish: @escaping @Sendable (HTTPRequest) -> Void = { _ in },
        decide: @escaping @Sendable (HTTPRequest) -> Answer
    ) {
        self.http = http
        self.finish = finish
        self.decide = decide
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        defer { finish(request) }
        switch decide(request) {
        case .passedOn: return try await http.send(request)
        case .instead(let response): return response
        case .lost:
            _ = try await http.send(request)
            throw HTTPError(.timeout, method: request.method, url: request.url, detail: "the answer got lost")
        }
    }

    func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream { try await http.stream(request) }
}

/// Passes requests on; while closed, those to one path wait on the way.
final class GatedHTTP: HTTPSending {
    private struct State {
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let http: any HTTPSending
    private let path: String
    private let state = Mutex(State())
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init(_ http: any HTTPSending, path: String) {
        self.http = http
        self.path = path
        (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)
    }

    func close() { state.withLock { $0.isClosed = true } }

    func open() {
        let waiting = state.withLock { state in
            state.isClosed = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when a request waits.
    func reached() async { for await _ in arrivals { return } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        if request.url.contains(path) {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    if state.isClosed { state.waiting.append(continuation) }
                    return state.isClosed
                }
                if waits { arrival.yield() } else { continuation.resume() }
            }
        }
        return try await http.send(request)
    }

    func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream { try await http.stream(request) }
}
