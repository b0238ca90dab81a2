internal import NIOCore
internal import Synchronization

/// What one connection is told to do next; the connection's handler turns it into HTTP.
enum ResponseCommand: Sendable {
    case head(status: Int, headers: HeaderFields)
    case body(ByteBuffer)
    case end
    /// Bytes past the HTTP encoder, as they are.
    case raw(ByteBuffer)
}

/// Answers one request: a whole response, or a head, pieces as they come, and an end.
///
/// Every call returns when the bytes have been handed to the kernel, so a slow reader slows the handler; it throws
/// once the connection is gone, at which time the handler's task is cancelled as well.
package final class ResponseWriter: Sendable {
    /// `.none` → `.streaming` (begin) → `.ended` (end, abort, raw); `.none` → `.ended` (send, raw, abort).
    package enum Progress: Sendable { case none, streaming, ended }

    private let channel: any Channel
    private let state = Mutex(Progress.none)

    init(channel: any Channel) { self.channel = channel }

    package var progress: Progress { state.withLock { $0 } }

    package func send(_ response: ServerResponse) async throws {
        var headers = response.headers
        if headers["Content-Length"] == nil { headers["Content-Length"] = "\(response.body.count)" }
        try await begin(response.status, headers: headers, flush: false)
        if !response.body.isEmpty {
            try await perform(.body(ByteBuffer(bytes: response.body)), flush: false)
        }
        try await end()
    }

    /// Sends the head at once. Without `Content-Length` the body is chunked.
    package func begin(_ status: Int, headers: HeaderFields = [:]) async throws {
        try await begin(status, headers: headers, flush: true)
    }

    /// Sends a piece of the body at once; with chunked framing it is one chunk.
    package func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try await perform(.body(ByteBuffer(bytes: bytes)), flush: true)
    }

    /// Sends pieces together; with chunked framing each is one chunk.
    package func write(chunks: [[UInt8]]) async throws {
        let filled = chunks.filter { !$0.isEmpty }
        guard let last = filled.last else { return }
        for chunk in filled.dropLast() { try await perform(.body(ByteBuffer(bytes: chunk)), flush: false) }
        try await perform(.body(ByteBuffer(bytes: last)), flush: true)
    }

    package func end() async throws {
        guard advance(to: .ended) else { return }
        try await perform(.end, flush: true)
    }

    /// Sends bytes that need not be HTTP, then closes the connection.
    package func raw(_ bytes: [UInt8]) async throws {
        _ = advance(to: .ended)
        try await perform(.raw(ByteBuffer(bytes: bytes)), flush: true)
        channel.close(promise: nil)
    }

    /// Closes the connection at once, in the middle of whatever was being sent.
    package func abort() {
        _ = advance(to: .ended)
        channel.close(promise: nil)
    }

    private func begin(_ status: Int, headers: HeaderFields, flush: Bool) async throws {
        guard advance(to: .streaming) else { return }
        try await perform(.head(status: status, headers: headers), flush: flush)
    }

    private func perform(_ command: ResponseCommand, flush: Bool) async throws {
        // An unflushed write completes with a later flush: waiting for it here would wait for ever.
        if flush {
            try await channel.writeAndFlush(command)
        } else {
            channel.write(command, promise: nil)
        }
    }

    /// False when the response has already gone that far.
    private func advance(to next: Progress) -> Bool {
        state.withLock { current in
            guard current != .ended, !(current == .streaming && next == .streaming) else { return false }
            current = next
            return true
        }
    }
}
