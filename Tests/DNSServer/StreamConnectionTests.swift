import DNSCore
import NIOCore
import Testing

@testable import DNSServer

@Suite struct StreamConnectionTests {
    /// What a peer does.
    enum Event {
        case sends([UInt8])
        case ends
    }

    struct Case: CustomTestStringConvertible {
        var situation: String
        var events: [Event]
        /// Messages by their lengths, then how it goes on.
        var answered: [Int]
        var last: StreamConnection.Step

        var testDescription: String { situation }
    }

    private static func message(_ count: Int) -> [UInt8] {
        [UInt8(count >> 8), UInt8(count & 0xff)] + [UInt8](repeating: 7, count: count)
    }

    static let cases: [Case] = [
        .init(situation: "nothing yet", events: [], answered: [], last: .read),
        .init(situation: "half a length", events: [.sends([0])], answered: [], last: .read),
        .init(situation: "part of a message", events: [.sends([0, 12, 1, 2])], answered: [], last: .read),
        .init(situation: "one message", events: [.sends(message(12))], answered: [12], last: .read),
        .init(
            situation: "messages together",
            events: [.sends(message(12) + message(300) + message(13))],
            answered: [12, 300, 13],
            last: .read
        ),
        .init(
            situation: "a message in pieces",
            events: message(20).map { .sends([$0]) },
            answered: [20],
            last: .read
        ),
        .init(situation: "the largest message", events: [.sends(message(65_535))], answered: [65_535], last: .read),
        .init(situation: "the end", events: [.ends], answered: [], last: .close),
        .init(
            situation: "messages, the end and half a message",
            events: [.sends(message(12) + message(12) + [0, 12, 1]), .ends],
            answered: [12, 12],
            last: .close
        ),
        .init(situation: "no length", events: [.sends([0, 0])], answered: [], last: .close),
        .init(
            situation: "a length too small, after a message",
            events: [.sends(message(12) + [0, 11] + message(12))],
            answered: [12],
            last: .close
        ),
        .init(
            situation: "a TLS greeting",
            events: [.sends([0x16, 3, 1, 2, 0, 1, 0, 1])],
            answered: [],
            last: .close
        ),
        .init(
            situation: "a message as long as a TLS greeting looks",
            events: [.sends([0x16, 3, 1, 2, 0, 0] + [UInt8](repeating: 0, count: 5631))],
            answered: [5635],
            last: .read
        ),
    ]

    @Test("what a peer sends comes out as messages, and the rest decides how it goes on", arguments: cases)
    func table(_ test: Case) {
        var connection = StreamConnection()
        var answered: [Int] = []
        var last = connection.next(isWritable: true)
        for event in test.events {
            switch event {
            case .sends(let bytes):
                var buffer = ByteBuffer(bytes: bytes)
                connection.receive(&buffer)
            case .ends: connection.endInput()
            }
            last = connection.next(isWritable: true)
            while case .answer(let message) = last {
                answered.append(message.readableBytes)
                last = connection.next(isWritable: true)
            }
        }
        #expect(answered == test.answered)
        #expect(last == test.last)
    }

    @Test("queries wait while their peer leaves answers unread, and none is lost")
    func backPressure() {
        var connection = StreamConnection()
        var bytes = ByteBuffer(bytes: Self.message(12) + Self.message(13))
        connection.receive(&bytes)
        #expect(connection.next(isWritable: false) == .waitForPeer)
        guard case .answer(let first) = connection.next(isWritable: true) else {
            Issue.record("the first message is there")
            return
        }
        #expect(first.readableBytes == 12)
        #expect(connection.next(isWritable: false) == .waitForPeer)
        guard case .answer(let second) = connection.next(isWritable: true) else {
            Issue.record("the second message is there")
            return
        }
        #expect(second.readableBytes == 13)
        #expect(connection.next(isWritable: false) == .read)
    }

    @Test("what waits occupies memory of its own size, and a connection at rest none")
    func memory() {
        var connection = StreamConnection()
        var piece = ByteBuffer()
        piece.reserveCapacity(4096)
        piece.writeBytes(Self.message(12) + [0, 12, 9])
        connection.receive(&piece)
        guard case .answer = connection.next(isWritable: true) else {
            Issue.record("the message is there")
            return
        }
        #expect(connection.next(isWritable: true) == .read)
        #expect((3...64).contains(connection.held))
        var rest = ByteBuffer(bytes: [UInt8](repeating: 9, count: 11))
        connection.receive(&rest)
        guard case .answer = connection.next(isWritable: true) else {
            Issue.record("the rest completes the message")
            return
        }
        #expect(connection.next(isWritable: true) == .read)
        #expect(connection.held == 0)
    }

    @Test(
        "the idle time falls from three quarters of the connections on, to a tenth",
        arguments: [(0, 30_000), (75, 30_000), (80, 24_000), (90, 12_000), (99, 3000), (100, 3000), (120, 3000)]
    )
    func idleTime(count: Int, milliseconds: Int) {
        let limits = StreamLimits()
        // Above three quarters: what is free of the last quarter.
        let expected: Duration = .milliseconds(milliseconds)
        let idle = limits.idle(whenOpen: count, of: 100)
        #expect(abs((idle - expected) / .milliseconds(1)) < 1)
    }

    @Test("10,000 idle connections keep their idle time by default")
    func defaults() {
        let limits = StreamLimits()
        #expect(limits.idle(whenOpen: 10_000, of: limits.connections) == limits.idle)
    }

    @Test("clients are counted by address, IPv6 by /64, and only as long as they are connected")
    func perClient() {
        let clients = ClientConnections(limit: 2)
        #expect(clients.admit(.init(ipv4: 1)) && clients.admit(.init(ipv4: 1)))
        #expect(!clients.admit(.init(ipv4: 1)))
        #expect(clients.admit(.init(ipv4: 2)))
        clients.remove(.init(ipv4: 1))
        #expect(clients.admit(.init(ipv4: 1)))
        #expect(clients.admit(.init(high: 1 << 60, low: 1)) && clients.admit(.init(high: 1 << 60, low: 2)))
        #expect(!clients.admit(.init(high: 1 << 60, low: 3)))
        #expect(clients.admit(.init(high: 2 << 60, low: 3)))
    }

    @Test("a change is read once it is seen twice in a row, and once")
    func changeWatch() {
        var watch = ChangeWatch(taken: 1)
        let looks = [1, 2, 3, 3, 3, 4, 3, 3, 5, 5].map { watch.look($0) }
        #expect(looks == [false, false, false, true, false, false, false, false, false, true])
    }
}
