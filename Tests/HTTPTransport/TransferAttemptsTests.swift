import Testing

@testable import HTTPTransport

@Suite struct TransferAttemptsTests {
    @Test(
        "What may be repeated goes out twice and never a third time",
        arguments: [(HTTPMethod.get, 100), (.put, 100), (.delete, 100), (.post, 0), (.patch, 0)]
    )
    func repeats(method: HTTPMethod, bytesSent: Int) {
        var attempts = TransferAttempts(method: method)
        #expect(attempts.mayRepeat(bytesSent: 0) == false, "nothing has been attempted that could be repeated")
        let first = attempts.maySend(bytesSent: 0)
        #expect(first)
        #expect(attempts.mayRepeat(bytesSent: bytesSent))
        let second = attempts.maySend(bytesSent: bytesSent)
        #expect(second)
        #expect(attempts.mayRepeat(bytesSent: bytesSent) == false)
        let third = attempts.maySend(bytesSent: bytesSent)
        #expect(third == false)
    }

    @Test("What the server may have acted on goes out once", arguments: [HTTPMethod.post, .patch])
    func once(method: HTTPMethod) {
        var attempts = TransferAttempts(method: method)
        let first = attempts.maySend(bytesSent: 0)
        #expect(first)
        #expect(attempts.mayRepeat(bytesSent: 1) == false)
        let second = attempts.maySend(bytesSent: 1)
        #expect(second == false)
    }
}
