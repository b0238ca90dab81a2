import Testing

@testable import HTTPTransport

private let head = HTTPResponseHead(status: 200, headers: [:])
private let cancelled = HTTPError(.cancelled, method: .get, url: "http://h/", detail: "cancelled")
private let broken = HTTPError(.response, method: .get, url: "http://h/", detail: "broken")
private let busy = HTTPError(.request, method: .get, url: "http://h/", detail: "busy")

/// What a read brought.
private enum Reading: Equatable {
    case bytes([UInt8], resumes: Bool = false)
    case end
    case failure(HTTPError)
}

/// Who was answered, and how.
private enum Answer: Equatable {
    case nobody
    case head(String, Int)
    case headFailure(String, HTTPError)
    case reader(Int, Reading)
}

/// A state whose waiters are names and whose readers are numbers.
private final class Exchange {
    private typealias State = TransferState<String, Int>

    private var state: State

    private init(_ state: consuming State) { self.state = state }

    static func whole(limit: Int = 10) -> Exchange { Exchange(State(.whole(limit: limit))) }

    static func stream(highWater: Int = 100) -> Exchange { Exchange(State(.stream(highWater: highWater))) }

    /// A stream whose head has arrived.
    static func streaming(highWater: Int = 100) -> Exchange {
        let exchange = stream(highWater: highWater)
        _ = exchange.begin()
        _ = exchange.receiveHead()
        return exchange
    }

    var isWanted: Bool { state.isWanted }
    func begin() -> HTTPError? { state.begin("caller") }
    func receiveHead() -> String? { state.receiveHead(head, expectedBody: 5) }
    func receive(_ bytes: [UInt8]) -> TransferReceipt { state.receive(bytes.span.bytes) }
    func takeBody() -> [UInt8] { state.takeBody() }
    func read() -> Reading? { state.read().map(Self.reading) }
    func wait(_ reader: Int) -> Reading? { state.wait(reader, busy: busy).map(Self.reading) }
    func flush() -> Answer { state.flush().map { .reader($0.reader, Self.reading($0.read)) } ?? .nobody }
    func finish(_ end: TransferEnd) -> Answer { Self.answer(state.finish(end)) }

    /// The flag says that the loop must stop the transfer.
    func close() -> (Answer, Bool) {
        let (settled, stopsTransfer) = state.close(cancelled)
        return (Self.answer(settled), stopsTransfer)
    }

    private static func answer(_ settled: State.Settled) -> Answer {
        switch settled {
        case .nobody: .nobody
        case .head(let waiter, .success(let head)): .head(waiter, head.status)
        case .head(let waiter, .failure(let error)): .headFailure(waiter, error)
        case .reader(let delivered): .reader(delivered.reader, reading(delivered.read))
        }
    }

    private static func reading(_ read: State.Read) -> Reading {
        switch read.result {
        case .success(let bytes?): .bytes(bytes, resumes: read.resumesTransfer)
        case .success(nil): .end
        case .failure(let error): .failure(error)
        }
    }
}

@Suite struct TransferStateTests {
    // MARK: A whole response

    @Test("A whole response goes to its waiter once head and body are complete")
    func whole() {
        let exchange = Exchange.whole()
        #expect(exchange.begin() == nil)
        #expect(exchange.isWanted)
        #expect(exchange.receiveHead() == nil)
        #expect(exchange.receive([1, 2]) == .taken)
        #expect(exchange.flush() == .nobody)
        #expect(exchange.receive([3]) == .taken)
        #expect(exchange.finish(.complete) == .head("caller", 200))
        #expect(exchange.takeBody() == [1, 2, 3])
        #expect(exchange.isWanted == false)
    }

    @Test("A body may be as large as the limit, and not a byte larger")
    func limit() {
        let exchange = Exchange.whole(limit: 4)
        _ = exchange.begin()
        _ = exchange.receiveHead()
        #expect(exchange.receive([1, 2, 3]) == .taken)
        #expect(exchange.receive([4, 5]) == .tooLarge)
        #expect(exchange.receive([4]) == .taken)
        #expect(exchange.finish(.failed(broken)) == .headFailure("caller", broken))
    }

    @Test("A failure before the head, or within the body, goes to the waiter", arguments: [false, true])
    func wholeFailure(afterHead: Bool) {
        let exchange = Exchange.whole()
        _ = exchange.begin()
        if afterHead { _ = exchange.receiveHead() }
        #expect(exchange.finish(.failed(broken)) == .headFailure("caller", broken))
        #expect(exchange.finish(.failed(broken)) == .nobody)
    }

    // MARK: Closing

    @Test("What is closed before it begins is not started")
    func closedBefore() {
        let exchange = Exchange.whole()
        #expect(exchange.close() == (.nobody, false))
        #expect(exchange.begin() == cancelled)
        #expect(exchange.isWanted == false)
    }

    @Test("What is closed on its way to the loop, or with it, answers at once and stops", arguments: [false, true])
    func closedDuring(afterHead: Bool) {
        let exchange = Exchange.whole()
        _ = exchange.begin()
        if afterHead { _ = exchange.receiveHead() }
        #expect(exchange.close() == (.headFailure("caller", cancelled), true))
        #expect(exchange.isWanted == false)
        #expect(exchange.receiveHead() == nil)
        #expect(exchange.receive([1]) == .abandoned)
        #expect(exchange.finish(.complete) == .nobody)
        #expect(exchange.close() == (.nobody, false))
    }

    @Test("Closing a complete response changes nothing")
    func closedAfter() {
        let exchange = Exchange.whole()
        _ = exchange.begin()
        _ = exchange.receiveHead()
        _ = exchange.receive([1])
        _ = exchange.finish(.complete)
        #expect(exchange.close() == (.nobody, false))
        #expect(exchange.takeBody() == [1])
    }

    @Test("Closing a stream answers its reader, drops what is unread, and stops the transfer")
    func closedStream() {
        let waiting = Exchange.streaming()
        #expect(waiting.wait(1) == nil)
        #expect(waiting.close() == (.reader(1, .failure(cancelled)), true))
        #expect(waiting.read() == .failure(cancelled))
        #expect(waiting.receive([1]) == .abandoned)

        let unread = Exchange.streaming()
        _ = unread.receive([1])
        #expect(unread.close() == (.nobody, true))
        #expect(unread.read() == .failure(cancelled))

        let ended = Exchange.streaming()
        _ = ended.receive([1])
        _ = ended.finish(.complete)
        #expect(ended.close() == (.nobody, false), "the loop no longer has it")
        #expect(ended.read() == .failure(cancelled))
    }

    // MARK: A stream

    @Test("The head of a stream goes out at once")
    func streamHead() {
        let exchange = Exchange.stream()
        _ = exchange.begin()
        #expect(exchange.receiveHead() == "caller")
        #expect(exchange.receiveHead() == nil)
        #expect(exchange.read() == nil)
    }

    @Test("Bytes of one round reach a waiting reader as one piece")
    func coalescing() {
        let exchange = Exchange.streaming()
        #expect(exchange.wait(1) == nil)
        #expect(exchange.receive([1]) == .taken)
        #expect(exchange.receive([2, 3]) == .taken)
        #expect(exchange.flush() == .reader(1, .bytes([1, 2, 3])))
        #expect(exchange.flush() == .nobody)
    }

    @Test("Bytes without a reader wait for one, as one piece")
    func buffering() {
        let exchange = Exchange.streaming()
        _ = exchange.receive([1])
        #expect(exchange.flush() == .nobody)
        _ = exchange.receive([2])
        #expect(exchange.wait(1) == .bytes([1, 2]))
        #expect(exchange.read() == nil)
    }

    @Test("A full buffer pauses the transfer, and the read that empties it resumes it once")
    func backpressure() {
        let exchange = Exchange.streaming(highWater: 4)
        #expect(exchange.receive([1, 2, 3]) == .taken)
        #expect(exchange.receive([4, 5, 6]) == .taken, "below the mark a whole piece is taken")
        #expect(exchange.receive([7]) == .pause)
        #expect(exchange.receive([7]) == .pause)
        #expect(exchange.read() == .bytes([1, 2, 3, 4, 5, 6], resumes: true))
        #expect(exchange.receive([7]) == .taken)
        #expect(exchange.read() == .bytes([7]))
    }

    @Test("A reader who waits while a round fills the buffer resumes the transfer with the same delivery")
    func backpressureInOneRound() {
        let exchange = Exchange.streaming(highWater: 2)
        _ = exchange.wait(1)
        _ = exchange.receive([1, 2])
        #expect(exchange.receive([3]) == .pause)
        #expect(exchange.flush() == .reader(1, .bytes([1, 2], resumes: true)))
    }

    @Test("A clean end comes after the last bytes, and stays")
    func cleanEnd() {
        let exchange = Exchange.streaming()
        _ = exchange.receive([1])
        #expect(exchange.finish(.complete) == .nobody)
        #expect(exchange.read() == .bytes([1]))
        #expect(exchange.read() == .end)
        #expect(exchange.read() == .end)
        #expect(exchange.close() == (.nobody, false))
        #expect(exchange.read() == .end)
    }

    @Test("A failure comes after the bytes before it, and stays")
    func failedEnd() {
        let exchange = Exchange.streaming()
        _ = exchange.receive([1])
        #expect(exchange.finish(.failed(broken)) == .nobody)
        #expect(exchange.read() == .bytes([1]))
        #expect(exchange.wait(1) == .failure(broken))
        #expect(exchange.read() == .failure(broken))
    }

    @Test("The end reaches a reader who waits, after bytes of the same round")
    func endWhileWaiting() {
        let empty = Exchange.streaming()
        _ = empty.wait(1)
        #expect(empty.finish(.complete) == .reader(1, .end))

        let withBytes = Exchange.streaming()
        _ = withBytes.wait(1)
        _ = withBytes.receive([1])
        #expect(withBytes.finish(.failed(broken)) == .reader(1, .bytes([1])))
        #expect(withBytes.read() == .failure(broken))
    }

    @Test("A second reader is refused and the first still served")
    func secondReader() {
        let exchange = Exchange.streaming()
        #expect(exchange.wait(1) == nil)
        #expect(exchange.wait(2) == .failure(busy))
        _ = exchange.receive([1])
        #expect(exchange.wait(3) == .failure(busy))
        #expect(exchange.flush() == .reader(1, .bytes([1])))
    }

    // MARK: Any order

    @Test(
        "In any order of events each waiter is answered once, no byte is lost or doubled, and memory is bounded"
    )
    func anyOrder() {
        for seed in 0..<300 as Range<UInt64> { events(seed) }
    }

    private func events(_ seed: UInt64) {
        let largestPiece = 5
        let highWater = 8
        let exchange = Exchange.stream(highWater: highWater)
        var random = Seeded(seed: seed)
        var accepted: [UInt8] = []
        var delivered: [UInt8] = []
        var headAnswers = 0
        var readers = 0
        var waiting: Int?
        var isPaused = false
        var isClosed = false
        var isFinished = false

        func take(_ reading: Reading) {
            guard case .bytes(let bytes, let resumes) = reading else { return }
            delivered += bytes
            #expect(
                resumes == isPaused,
                "seed \(seed): a paused transfer goes on when its buffer is read, and only then"
            )
            isPaused = false
        }
        func take(_ answer: Answer) {
            switch answer {
            case .nobody: break
            case .head, .headFailure: headAnswers += 1
            case .reader(let reader, let reading):
                #expect(reader == waiting, "seed \(seed)")
                waiting = nil
                take(reading)
            }
        }

        #expect(exchange.begin() == nil, "seed \(seed)")
        for _ in 0..<80 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0...1:
                if !isFinished, exchange.receiveHead() != nil { headAnswers += 1 }
            case 2...9:
                guard headAnswers > 0, !isFinished, !isPaused else { continue }
                let count = Int.random(in: 1...largestPiece, using: &random)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                switch exchange.receive(bytes) {
                case .taken: accepted += bytes
                case .pause: isPaused = true
                case .abandoned: #expect(isClosed, "seed \(seed)")
                case .tooLarge: Issue.record("seed \(seed): a stream has no limit")
                }
            case 10...12:
                take(exchange.flush())
            case 13...17:
                guard headAnswers > 0, waiting == nil else { continue }
                readers += 1
                if let reading = exchange.wait(readers) { take(reading) } else { waiting = readers }
            case 18:
                guard headAnswers > 0, !isPaused, !isFinished, Bool.random(using: &random) else { continue }
                isFinished = true
                take(exchange.finish(Bool.random(using: &random) ? .complete : .failed(broken)))
            default:
                guard Int.random(in: 0..<5, using: &random) == 0 else { continue }
                let (answer, stops) = exchange.close()
                #expect(!stops || !isFinished && !isClosed, "seed \(seed)")
                isClosed = true
                take(answer)
            }
            #expect(headAnswers <= 1, "seed \(seed)")
            #expect(accepted.starts(with: delivered), "seed \(seed)")
            if !isClosed { #expect(accepted.count - delivered.count < highWater + largestPiece, "seed \(seed)") }
        }
        take(exchange.close().0)
        #expect(waiting == nil, "seed \(seed)")
        #expect(headAnswers == 1, "seed \(seed)")
    }
}

/// Numbers that come out the same in every run (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
