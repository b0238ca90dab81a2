import DNSCore
import DNSTransfer
import ServiceCatalog
import Testing

@Suite struct NotifyMachineTests {
    private let zone = DomainName("example.test")!
    private let target = NotifyMachine.Target(address: ListenAddress("192.0.2.1:53")!)
    private let start = ContinuousClock.now

    private func machine() -> NotifyMachine {
        var machine = NotifyMachine()
        machine.follow([zone: [target]], now: start)
        return machine
    }

    @Test("a new secondary is told at once, and no more when it has answered")
    func answered() throws {
        var machine = machine()
        let message = try #require(machine.messages(now: start, id: { 5 }).first)
        #expect(message.pair.zone == zone && message.pair.target == target && !message.isRepeated)
        #expect(machine.outstanding(id: 6, at: target.address) == nil)
        #expect(machine.outstanding(id: 5, at: ListenAddress("192.0.2.2:53")!) == nil)
        machine.answered(try #require(machine.outstanding(id: 5, at: target.address)))
        #expect(machine.deadline == nil)
        #expect(machine.messages(now: start + .seconds(3600)).isEmpty)
    }

    @Test("a zone that asks for it is told of less often, from its next change on")
    func spacing() throws {
        var machine = machine()
        func sent(from first: Int, to last: Int) -> [Int] {
            (first..<last).filter { second in
                let now = start + .seconds(second)
                machine.change(zone, spacing: second < 60 ? .seconds(20) : .seconds(2), now: now)
                let messages = machine.messages(now: now)
                for message in messages { machine.answered(message.pair) }
                return !messages.isEmpty
            }
        }
        #expect(sent(from: 0, to: 60) == [0, 20, 40])
        #expect(sent(from: 60, to: 66) == [60, 62, 64])
    }

    @Test("under churn one message is outstanding, and they are a second apart")
    func churn() throws {
        var machine = machine()
        var sent: [ContinuousClock.Instant] = []
        for step in 0..<5000 {
            let now = start + .milliseconds(step)
            machine.change(zone, now: now)
            for message in machine.messages(now: now) {
                sent.append(now)
                machine.answered(message.pair)
            }
        }
        #expect(sent.count == 5)
        #expect(zip(sent, sent.dropFirst()).allSatisfy { $0.duration(to: $1) >= .seconds(1) })
        // The last change is told, too.
        #expect(machine.deadline != nil)
    }

    @Test("a change while a message is outstanding is told after its answer")
    func changedMeanwhile() throws {
        var machine = machine()
        let message = try #require(machine.messages(now: start).first)
        machine.change(zone, now: start + .milliseconds(10))
        #expect(machine.messages(now: start + .milliseconds(20)).isEmpty)
        machine.answered(message.pair)
        #expect(machine.deadline == start + .seconds(1))
        #expect(machine.messages(now: start + .seconds(1)).count == 1)
    }

    @Test("without an answer it is told again, with patience that doubles up to a minute")
    func patience() {
        var machine = machine()
        var now = start
        var waits: [Duration] = []
        _ = machine.messages(now: now)
        for _ in 0..<9 {
            guard let deadline = machine.deadline else { break }
            waits.append(now.duration(to: deadline))
            now = deadline
            #expect(machine.messages(now: now).map(\.isRepeated) == [true])
        }
        let expected: [Duration] = [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) }
        #expect(waits == expected)
    }

    @Test("a secondary that is taken out is told no more, and one that stays is not told anew")
    func reconfiguration() {
        var machine = machine()
        for message in machine.messages(now: start) { machine.answered(message.pair) }
        let other = NotifyMachine.Target(address: ListenAddress("[2001:db8::1]:53")!)
        machine.follow([zone: [target, other]], now: start)
        #expect(machine.messages(now: start).map(\.pair.target) == [other])
        machine.follow([:], now: start)
        #expect(machine.deadline == nil)
        machine.follow([zone: [target]], unready: [zone], now: start)
        #expect(machine.deadline == nil)
        machine.change(zone, now: start)
        #expect(machine.deadline == start)
    }
}
