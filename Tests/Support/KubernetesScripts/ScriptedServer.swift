package import HTTPTransport
import Synchronization

/// An API server that answers as it was told, one reply per request in order, and keeps the requests. A request for
/// which there is no reply yet waits for one. With routes, each path has an order of its own.
package final class ScriptedServer: HTTPSending {
    package enum Reply: Sendable {
        case response(HTTPResponse)
        case stream(ScriptedStream)
        case failure(HTTPError.Reason)
    }

    private struct Waiting {
        let id: Int
        let continuation: CheckedContinuation<Reply?, Never>
    }

    private struct State {
        /// By the path that ends with it; "" for all others.
        var replies: [String: [Reply]]
        var waiting: [String: [Waiting]] = [:]
        var cancelled: Set<Int> = []
        var requests: [HTTPRequest] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    package init(_ replies: [Reply] = [], routes: [String: [Reply]] = [:]) {
        state = Mutex(State(replies: routes.merging(["": replies]) { $1 }))
    }

    package func reply(_ reply: Reply, on route: String = "") {
        let waiting = state.withLock { state -> Waiting? in
            guard state.waiting[route]?.isEmpty == false else {
                state.replies[route, default: []].append(reply)
                return nil
            }
            return state.waiting[route]?.removeFirst()
        }
        waiting?.continuation.resume(returning: reply)
    }

    package var requests: [HTTPRequest] { state.withLock { $0.requests } }

    /// Paths and queries of the requests so far.
    package var targets: [String] {
        requests.map { request in
            "\(request.method.rawValue) /\(request.url.split(separator: "/", maxSplits: 2).last ?? "")"
        }
    }

    package func requests(reach count: Int) async {
        await withCheckedContinuation { continuation in
            let isMet = state.withLock { state in
                if state.requests.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isMet { continuation.resume() }
        }
    }

    package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        switch await answer(request) {
        case .response(let response): return response
        case .stream: fatalError("a stream was scripted for \(request.url)")
        case .failure(let reason): throw error(reason, request)
        case nil: throw error(.cancelled, request)
        }
    }

    package func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        switch await answer(request) {
        case .response(let response):
            let body = ScriptedStream(status: response.status, headers: response.headers, chunks: [response.body])
            body.end()
            return body.stream(request)
        case .stream(let body): return body.stream(request)
        case .failure(let reason): throw error(reason, request)
        case nil: throw error(.cancelled, request)
        }
    }

    /// `nil` when cancelled.
    private func answer(_ request: HTTPRequest) async -> Reply? {
        let (id, watchers) = state.withLock { state in
            state.requests.append(request)
            let count = state.requests.count
            let met = state.watchers.filter { $0.count <= count }.map(\.continuation)
            state.watchers.removeAll { $0.count <= count }
            return (count, met)
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let reply = state.withLock { state -> Reply?? in
                    if state.cancelled.contains(id) { return .some(nil) }
                    let path = request.url.prefix { $0 != "?" }
                    let route = state.replies.keys.first { !$0.isEmpty && path.hasSuffix($0) } ?? ""
                    guard state.replies[route]?.isEmpty == false else {
                        state.waiting[route, default: []].append(Waiting(id: id, continuation: continuation))
                        return nil
                    }
                    return state.replies[route]?.removeFirst()
                }
                // Whoever waits for this request finds it waiting for its reply.
                if let reply { continuation.resume(returning: reply) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            let waiting = state.withLock { state -> Waiting? in
                state.cancelled.insert(id)
                for (route, waiting) in state.waiting {
                    guard let index = waiting.firstIndex(where: { $0.id == id }) else { continue }
                    return state.waiting[route]?.remove(at: index)
                }
                return nil
            }
            waiting?.continuation.resume(returning: nil)
        }
    }

    private func error(_ reason: HTTPError.Reason, _ request: HTTPRequest) -> HTTPError {
        HTTPError(reason, method: request.method, url: request.url, detail: "scripted")
    }
}

/// A response body that arrives when the test says so.
package final class ScriptedStream: Sendable {
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

    package init(status: Int = 200, headers: HTTPHeaders = ["Content-Type": "application/json"], chunks: [[UInt8]] = [])
    {
        head = HTTPResponseHead(status: status, headers: headers)
        for chunk in chunks { send(chunk) }
    }

    package func send(_ bytes: [UInt8]) { if !bytes.isEmpty { add(.bytes(bytes)) } }
    package func send(_ text: String) { send(Array(text.utf8)) }
    package func fail(_ reason: HTTPError.Reason) { add(.failure(reason)) }
    package func end() { add(.end) }

    /// Returns once everything sent has been read and the reader waits for more.
    package func drained() async {
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
