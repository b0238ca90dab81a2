/// One exchange as its caller and the libcurl thread see it between them. Pure: every method is an event and returns
/// what is to be done once the lock around this value is released. Generic over what waits, so that tests need no
/// continuations.
///
/// Each waiter handed in comes out exactly once, whichever of completion, failure and cancellation happens first.
struct TransferState<HeadWaiter, Reader>: ~Copyable {
    /// How the body reaches the caller.
    enum Delivery {
        /// Collected, then handed over with the head; more than `limit` bytes are too many.
        case whole(limit: Int)
        /// Handed over as it arrives; from `highWater` unread bytes on, the transfer pauses.
        case stream(highWater: Int)
    }

    struct Read {
        let result: Result<[UInt8]?, HTTPError>
        /// The transfer was paused and must be told to go on.
        var resumesTransfer = false
    }

    struct Delivered {
        let reader: Reader
        let read: Read
    }

    /// Whom to answer.
    enum Settled {
        case nobody
        case head(HeadWaiter, Result<HTTPResponseHead, HTTPError>)
        case reader(Delivered)
    }

    private enum Phase {
        /// Known to the caller only. Exits: `begin` → awaitingResponse; `close` → closed.
        case idle
        /// With the loop. The head stays here while a whole body is collected. Exits: `receiveHead` of a stream →
        /// streaming; `finish` → collected or closed; `close` → closed.
        case awaitingResponse(HeadWaiter, HTTPResponseHead?)
        /// The head has been delivered; unread bytes are in the buffer. Exits: `finish` → draining; `close` → closed.
        case streaming(Reader?, isPaused: Bool)
        /// The loop is done with it, unread bytes may be left. Exits: reading past the last byte, `close` → closed.
        case draining(TransferEnd)
        /// A whole response whose body is in the buffer. Exits: `takeBody` → closed.
        case collected
        /// No exit.
        case closed(TransferEnd)
    }

    private let delivery: Delivery
    private var phase = Phase.idle
    private var buffer: [UInt8] = []

    init(_ delivery: Delivery) {
        self.delivery = delivery
    }

    // MARK: The caller's events

    /// The caller waits for the head. An error means that the transfer must not be started.
    mutating func begin(_ waiter: HeadWaiter) -> HTTPError? {
        switch phase {
        case .idle:
            phase = .awaitingResponse(waiter, nil)
            return nil
        case .closed(.failed(let error)):
            return error
        case .awaitingResponse, .streaming, .draining, .collected, .closed(.complete):
            preconditionFailure("a transfer begins once")
        }
    }

    /// What can be read without waiting.
    mutating func read() -> Read? {
        switch phase {
        case .streaming(let reader, let isPaused) where !buffer.isEmpty && reader == nil:
            phase = .streaming(nil, isPaused: false)
            return Read(result: .success(takeBuffer()), resumesTransfer: isPaused)
        case .draining(let end):
            if !buffer.isEmpty { return Read(result: .success(takeBuffer())) }
            phase = .closed(end)
            return Self.last(end)
        case .closed(let end):
            return Self.last(end)
        case .idle, .awaitingResponse, .streaming, .collected:
            return nil
        }
    }

    /// The caller waits for bytes; a result is to be given to `reader` at once. `busy` answers a second reader.
    mutating func wait(_ reader: Reader, busy: @autoclosure () -> HTTPError) -> Read? {
        if let read = read() { return read }
        guard case .streaming(nil, let isPaused) = phase else { return Read(result: .failure(busy())) }
        phase = .streaming(reader, isPaused: isPaused)
        return nil
    }

    /// The body of a whole response.
    mutating func takeBody() -> [UInt8] {
        phase = .closed(.complete)
        return takeBuffer()
    }

    /// Cancelled or released: nothing more is wanted. `stopsTransfer` if the loop may have it.
    mutating func close(_ error: HTTPError) -> (settled: Settled, stopsTransfer: Bool) {
        let before = phase
        switch before {
        case .closed, .collected:
            return (.nobody, stopsTransfer: false)
        case .idle, .draining:
            shut(error)
            return (.nobody, stopsTransfer: false)
        case .awaitingResponse(let waiter, _):
            shut(error)
            return (.head(waiter, .failure(error)), stopsTransfer: true)
        case .streaming(let reader, _):
            shut(error)
            let delivered = reader.map { Delivered(reader: $0, read: Read(result: .failure(error))) }
            return (delivered.map { .reader($0) } ?? .nobody, stopsTransfer: true)
        }
    }

    // MARK: The loop's events

    /// False if it was closed on its way to the loop.
    var isWanted: Bool {
        switch phase {
        case .awaitingResponse, .streaming: true
        case .idle, .draining, .collected, .closed: false
        }
    }

    /// The head is complete. `expectedBody` bytes will follow, as far as the server says.
    mutating func receiveHead(_ head: HTTPResponseHead, expectedBody: Int?) -> HeadWaiter? {
        guard case .awaitingResponse(let waiter, nil) = phase else { return nil }
        switch delivery {
        case .stream:
            phase = .streaming(nil, isPaused: false)
            return waiter
        case .whole(let limit):
            phase = .awaitingResponse(waiter, head)
            // A server's word is worth this much memory.
            if let expectedBody { buffer.reserveCapacity(min(expectedBody, limit, 8 << 20)) }
            return nil
        }
    }

    mutating func receive(_ bytes: RawSpan) -> TransferReceipt {
        switch (phase, delivery) {
        case (.awaitingResponse, .whole(let limit)):
            guard bytes.byteCount <= limit - buffer.count else { return .tooLarge }
        case (.streaming(let reader, _), .stream(let highWater)):
            guard buffer.count < highWater else {
                phase = .streaming(reader, isPaused: true)
                return .pause
            }
        case (.idle, _), (.awaitingResponse, _), (.streaming, _), (.draining, _), (.collected, _), (.closed, _):
            return .abandoned
        }
        bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
        return .taken
    }

    /// A round of receiving is over: what arrived in it goes out as one piece.
    mutating func flush() -> Delivered? {
        guard !buffer.isEmpty, case .streaming(let reader?, let isPaused) = phase else { return nil }
        phase = .streaming(nil, isPaused: false)
        return Delivered(reader: reader, read: Read(result: .success(takeBuffer()), resumesTransfer: isPaused))
    }

    /// The transfer is over and no longer with the loop.
    mutating func finish(_ end: TransferEnd) -> Settled {
        switch phase {
        case .awaitingResponse(let waiter, let head):
            switch (end, head) {
            case (.complete, let head?):
                phase = .collected
                return .head(waiter, .success(head))
            case (.failed(let error), _):
                shut(error)
                return .head(waiter, .failure(error))
            case (.complete, nil):
                preconditionFailure("a transfer without a head fails")
            }
        case .streaming(let reader, _):
            phase = .draining(end)
            guard let reader, let read = read() else { return .nobody }
            return .reader(Delivered(reader: reader, read: read))
        case .idle, .draining, .collected, .closed:
            return .nobody
        }
    }

    // MARK: Parts

    private static func last(_ end: TransferEnd) -> Read {
        switch end {
        case .complete: Read(result: .success(nil))
        case .failed(let error): Read(result: .failure(error))
        }
    }

    private mutating func shut(_ error: HTTPError) {
        phase = .closed(.failed(error))
        buffer = []
    }

    private mutating func takeBuffer() -> [UInt8] {
        let taken = buffer
        buffer = []
        return taken
    }
}

/// How a transfer came to its end.
enum TransferEnd {
    case complete
    case failed(HTTPError)
}

/// The answer to bytes that arrived.
enum TransferReceipt {
    case taken
    /// Not taken: the transfer must pause and offer them again.
    case pause
    /// Not taken: the transfer must fail.
    case tooLarge
    /// Not taken: nobody waits any more.
    case abandoned
}
