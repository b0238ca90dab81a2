import Testing

@testable import HTTPTransport

@Suite struct TransferDeadlinesTests {
    private let start = ContinuousClock.now

    private func deadlines(total: Duration? = nil, idle: Duration? = nil) -> TransferDeadlines {
        TransferDeadlines(connect: .seconds(10), total: total, idle: idle, now: start)
    }

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    @Test("Until the request is sent, connecting may take its time and no more")
    func connecting() {
        let deadlines = deadlines(idle: .seconds(1))
        #expect(deadlines.next == at(10))
        #expect(deadlines.expiry(now: at(9)) == nil)
        #expect(deadlines.expiry(now: at(10)) == .connect(.seconds(10)))
    }

    @Test("Once the request is sent, only silence counts")
    func silence() {
        var deadlines = deadlines(idle: .seconds(5))
        deadlines.requestSent(now: at(8))
        #expect(deadlines.expiry(now: at(12)) == nil)
        #expect(deadlines.expiry(now: at(13)) == .idle(.seconds(5)))
        deadlines.received(now: at(12))
        #expect(deadlines.next == at(17))
        #expect(deadlines.expiry(now: at(16)) == nil)
        #expect(deadlines.expiry(now: at(17)) == .idle(.seconds(5)))
    }

    @Test("A response without an idle timeout may be silent for ever")
    func noIdleTimeout() {
        var deadlines = deadlines()
        deadlines.requestSent(now: at(1))
        #expect(deadlines.next == nil)
        #expect(deadlines.expiry(now: at(1_000_000)) == nil)
    }

    @Test("While the reader is behind silence does not count, and then from the start")
    func pause() {
        var deadlines = deadlines(idle: .seconds(5))
        deadlines.requestSent(now: at(0))
        deadlines.paused()
        #expect(deadlines.next == nil)
        #expect(deadlines.expiry(now: at(100)) == nil)
        deadlines.received(now: at(100))
        #expect(deadlines.next == nil)
        deadlines.resumed(now: at(100))
        #expect(deadlines.expiry(now: at(104)) == nil)
        #expect(deadlines.expiry(now: at(105)) == .idle(.seconds(5)))
    }

    @Test("The total counts from the start, through everything")
    func total() {
        var deadlines = deadlines(total: .seconds(30), idle: .seconds(20))
        #expect(deadlines.next == at(10))
        deadlines.requestSent(now: at(9))
        #expect(deadlines.next == at(29))
        deadlines.received(now: at(25))
        #expect(deadlines.next == at(30))
        deadlines.paused()
        #expect(deadlines.next == at(30))
        deadlines.restarted(now: at(28))
        #expect(deadlines.expiry(now: at(30)) == .total(.seconds(30)))
    }

    @Test("A second attempt connects anew")
    func restart() {
        var deadlines = deadlines(idle: .seconds(5))
        deadlines.requestSent(now: at(1))
        deadlines.restarted(now: at(20))
        #expect(deadlines.expiry(now: at(29)) == nil)
        #expect(deadlines.expiry(now: at(30)) == .connect(.seconds(10)))
    }
}
