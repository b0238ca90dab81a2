import Synchronization

/// One exchange, shared by the task that wants it and the libcurl thread that carries it out.
final class Transfer: Sendable {
    private typealias State = TransferState<
        CheckedContinuation<Result<HTTPResponseHead, HTTPError>, Never>,
        CheckedContinuation<Result<[UInt8]?, HTTPError>, Never>
    >

    /// What a stream holds unread before it pauses.
    static let highWater = 256 << 10

    let request: PreparedRequest
    private let loop: TransferLoop
    private let state: Mutex<State>

    init(_ request: PreparedRequest, loop: TransferLoop) {
        self.request = request
        self.loop = loop
        state = Mutex(
            State(
                request.form == .whole
                    ? .whole(limit: request.settings.maximumBodySize) : .stream(highWater: Self.highWater)
            )
        )
    }

    // MARK: For the caller

    /// Starts the transfer and waits for the head; for a whole response also for its body.
    func start() async throws(HTTPError) -> HTTPResponseHead {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let refusal = state.withLock({ $0.begin(continuation) }) {
                    continuation.resume(returning: .failure(refusal))
                } else {
                    loop.post(.start(self))
                }
            }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }

    /// The body of a whole response, after ``start()``.
    func takeBody() -> [UInt8] {
        state.withLock { $0.takeBody() }
    }

    /// The next bytes of a stream, after ``start()``.
    func next() async throws(HTTPError) -> [UInt8]? {
        let result = await withTaskCancellationHandler {
            if let read = state.withLock({ $0.read() }) { return taken(read) }
            return await withCheckedContinuation { continuation in
                let read = state.withLock {
                    $0.wait(continuation, busy: request.error(.request, "another task is reading this stream"))
                }
                if let read { continuation.resume(returning: taken(read)) }
            }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }

    /// Ends the transfer wherever it is: before, during or after its start. Touches no other.
    func cancel() {
        let error = request.error(.cancelled, "cancelled")
        let (settled, stopsTransfer) = state.withLock { $0.close(error) }
        settle(settled)
        if stopsTransfer { loop.post(.stop(self)) }
    }

    private func taken(_ read: State.Read) -> Result<[UInt8]?, HTTPError> {
        if read.resumesTransfer { loop.post(.resume(self)) }
        return read.result
    }

    // MARK: For the loop

    var isWanted: Bool { state.withLock { $0.isWanted } }

    func receiveHead(_ head: HTTPResponseHead, expectedBody: Int?) {
        let waiter = state.withLock { $0.receiveHead(head, expectedBody: expectedBody) }
        waiter?.resume(returning: .success(head))
    }

    func receive(_ bytes: RawSpan) -> TransferReceipt {
        state.withLock { $0.receive(bytes) }
    }

    /// Hands over what has arrived to a reader who waits. True if the transfer was paused and must go on.
    func flush() -> Bool {
        guard let delivered = state.withLock({ $0.flush() }) else { return false }
        delivered.reader.resume(returning: delivered.read.result)
        return delivered.read.resumesTransfer
    }

    func finish(_ end: TransferEnd) {
        settle(state.withLock { $0.finish(end) })
    }

    private func settle(_ settled: State.Settled) {
        switch settled {
        case .nobody: break
        case .head(let waiter, let result): waiter.resume(returning: result)
        case .reader(let delivered): delivered.reader.resume(returning: delivered.read.result)
        }
    }
}
