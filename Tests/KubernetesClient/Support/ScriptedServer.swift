import HTTPTransport
import Synchronization

/// An API server that answers as it was told, one reply per request in order, and keeps the requests. A request too
/// many waits for ever, as a hanging server would.
final class ScriptedServer: HTTPSending {
    enum Reply: Sendable {
        case response(HTTPResponse)
        case stream(ScriptedStream)
        case failure(HTTPError.Reason)
        case silence
    }

    private struct State {
        var replies: [Reply]
        var requests: [HTTPRequest] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    init(_ replies: [Reply] = []) { state = Mutex(State(replies: replies)) }

    func reply(_ reply: Reply) { state.withLock { $0.replies.append(reply) } }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }

    /// Paths and queries of the requests so far.
    var targets: [String] {
        requests.map { request in
            "\(request.method.rawValue) /\(request.url.split(separator: "/", maxSplits: 2).last ?? "")"
        }
    }

    func requests(reach count: Int) async {
        await withCheckedContinuation { continuation in
            let isMet = state.withLock { state in
                if state.requests.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isMet { continuation.resume() }
        }
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        switch await next(request) {
        case .response(let response): return response
        case .stream: fatalError("a stream was scripted for \(request.url)")
        case .failure(let reason): throw error(reason, request)
        case .silence: throw await hang(request)
        }
    }

    func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        switch await next(request) {
        case .response(let response):
            let body = ScriptedStream(status: response.status, headers: response.headers, chunks: [response.body])
            body.end()
            return body.stream(request)
        case .stream(let body): return body.stream(request)
        case .failure(let reason): throw error(reason, request)
        case .silence: throw await hang(request)
        }
    }

    private func next(_ request: HTTPRequest) async -> Reply {
        let (reply, watchers) = state.withLock { state in
            state.requests.append(request)
            let met = state.watchers.filter { $0.count <= state.requests.count }.map(\.continuation)
            state.watchers.removeAll { $0.count <= state.requests.count }
            return (state.replies.isEmpty ? Reply.silence : state.replies.removeFirst(), met)
        }
        for watcher in watchers { watcher.resume() }
        return reply
    }

    private func error(_ reason: HTTPError.Reason, _ request: HTTPRequest) -> HTTPError {
        HTTPError(reason, method: request.method, url: request.url, detail: "scripted")
    }

    private func hang(_ request: HTTPRequest) async -> HTTPError {
        for await _ in AsyncStream<Never>.makeStream().stream {}
        return error(.cancelled, request)
    }
}

/// A response body that arrives when the test says so.
final class ScriptedStream: Sendable {
    private enum Piece: Sendable {
        case bytes([UInt8])
        case failure(HTTPError.Reason)
        case end
    }

    private struct State {
        var pieces: [Piece] = []
        var reader: CheckedContinuation<Piece?, Never>?
        var isCancelled = false
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let head: HTTPResponseHead
    private let state = Mutex(State())

    init(status: Int = 200, headers: HTTPHeaders = ["Content-Type": "application/json"], chunks: [[UInt8]] = []) {
        head = HTTPResponseHead(status: status, headers: headers)
        for chunk in chunks { send(chunk) }
    }

    /// The recorded answer, its body in the sizes given and the rest as one piece; then open still.
    convenience init(_ exchange: RecordedExchange, pieces sizes: [Int] = []) {
        var chunks: [[UInt8]] = []
        var rest = exchange.body[...]
        for size in sizes {
            chunks.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        self.init(status: exchange.status, headers: exchange.headers, chunks: chunks + [Array(rest)])
    }

    func send(_ bytes: [UInt8]) { if !bytes.isEmpty { add(.bytes(bytes)) } }
    func send(_ text: String) { send(Array(text.utf8)) }
    func fail(_ reason: HTTPError.Reason) { add(.failure(reason)) }
    func end() { add(.end) }

    /// Returns once everything sent has been read and the reader waits for more.
    func drained() async {
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                if state.reader == nil { state.watchers.append(continuation) }
                return state.reader != nil
            }
            if isDrained { continuation.resume() }
        }
    }

    private func add(_ piece: Piece) {
        let reader = state.withLock { state -> CheckedContinuation<Piece?, Never>? in
            guard let reader = state.reader else {
                state.pieces.append(piece)
                return nil
            }
            state.reader = nil
            return reader
        }
        reader?.resume(returning: piece)
    }

    fileprivate func stream(_ request: HTTPRequest) -> HTTPStream {
        HTTPStream(head: head) { [self] () async throws(HTTPError) in
            let piece = await withTaskCancellationHandler {
                await next()
            } onCancel: {
                cancel()
            }
            func error(_ reason: HTTPError.Reason) -> HTTPError {
                HTTPError(reason, method: request.method, url: request.url, detail: "scripted")
            }
            switch piece {
            case .bytes(let bytes): return bytes
            case .failure(let reason): throw error(reason)
            case .end: return nil
            case nil: throw error(.cancelled)
            }
        }
    }

    /// `nil` when cancelled.
    private func next() async -> Piece? {
        await withCheckedContinuation { continuation in
            let (piece, watchers) = state.withLock { state -> (Piece??, [CheckedContinuation<Void, Never>]) in
                if state.isCancelled { return (.some(nil), []) }
                if !state.pieces.isEmpty { return (state.pieces.removeFirst(), []) }
                state.reader = continuation
                defer { state.watchers = [] }
                return (nil, state.watchers)
            }
            if let piece { continuation.resume(returning: piece) }
            for watcher in watchers { watcher.resume() }
        }
    }

    private func cancel() {
        let reader = state.withLock { state in
            state.isCancelled = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }
}
