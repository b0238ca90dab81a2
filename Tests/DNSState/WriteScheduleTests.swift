import DNSState
import ServiceCatalog
import Testing

@Suite struct WriteScheduleTests {
    private let start = ContinuousClock.now

    @Test("The first change is written at once; under churn there are seconds between two rounds")
    func spacing() {
        var schedule = WriteSchedule(now: start)
        #expect(schedule.work(at: start) == nil)
        schedule.noteContents(of: "east")
        #expect(!schedule.isWritten("east"))
        #expect(schedule.work(at: start) == ["east"])
        #expect(schedule.isWritten("east"))
        var rounds = 0
        var now = start
        schedule.finished(failed: [], isCheckpointWritten: true, from: now, to: now)
        for _ in 0..<600 {
            now += .milliseconds(100)
            schedule.noteContents(of: "east")
            if schedule.work(at: now) != nil {
                rounds += 1
                schedule.finished(failed: [], isCheckpointWritten: true, from: now, to: now)
            }
        }
        #expect(rounds == 20)
    }

    @Test("A slow disk is given twenty times as long as it took")
    func slowDisk() {
        var schedule = WriteSchedule(now: start)
        schedule.noteContents(of: "east")
        _ = schedule.work(at: start)
        schedule.finished(failed: [], isCheckpointWritten: true, from: start, to: start + .seconds(1))
        schedule.noteContents(of: "east")
        #expect(schedule.work(at: start + .seconds(20)) == nil)
        #expect(schedule.work(at: start + .seconds(21)) == ["east"])
    }

    @Test("What could not be written waits longer and is not forgotten")
    func failure() {
        var schedule = WriteSchedule(now: start)
        schedule.noteContents(of: "east")
        schedule.noteContents(of: "west")
        #expect(schedule.work(at: start) == ["east", "west"])
        schedule.finished(failed: ["east"], isCheckpointWritten: true, from: start, to: start)
        #expect(!schedule.isWritten("east"))
        #expect(schedule.work(at: start + .seconds(29)) == nil)
        #expect(schedule.work(at: start + .seconds(30)) == ["east"])
    }

    @Test("A checkpoint is due every minute, at news, and at the end")
    func checkpoints() {
        var schedule = WriteSchedule(now: start)
        #expect(schedule.work(at: start + .seconds(59)) == nil)
        #expect(schedule.work(at: start + .seconds(60)) == [])
        schedule.finished(failed: [], isCheckpointWritten: true, from: start + .seconds(60), to: start + .seconds(60))
        schedule.noteCheckpoint()
        #expect(schedule.work(at: start + .seconds(62)) == nil)
        #expect(schedule.work(at: start + .seconds(62), isLast: true) == [])
        schedule.finished(failed: [], isCheckpointWritten: false, from: start, to: start)
        #expect(schedule.work(at: start + .seconds(30)) == [])
    }
}

@Suite struct SerialCeilingTests {
    @Test(
        "A zone begins at the present second, or above what it may have reached",
        arguments: [
            (nil, 1_700_000_000, 1_700_000_000), (1_600_000_000, 1_700_000_000, 1_700_000_000),
            (1_700_000_000, 1_700_000_000, 1_700_000_001), (1_700_050_000, 1_700_000_000, 1_700_050_001),
            // RFC 1982: 2³² − 1 comes before 0.
            (.max, .max - 5, 0), (UInt32.max, 3, 3),
        ] as [(UInt32?, UInt32, UInt32)]
    )
    func start(ceiling: UInt32?, now: UInt32, expected: UInt32) {
        #expect(SerialCeiling.start(above: ceiling, now: now) == expected)
    }

    @Test("A ceiling stands until half the room below it is used up, also across the turn of numbers")
    func raised() {
        var serial = UInt32.max - 10
        var ceiling = SerialCeiling.raised(nil, for: serial)
        var changes = 0
        var leastRoom = Int32.max
        for _ in 0..<200_000 {
            serial &+= 1
            let next = SerialCeiling.raised(ceiling, for: serial)
            if next != ceiling { changes += 1 }
            leastRoom = min(leastRoom, Int32(bitPattern: next &- serial))
            ceiling = next
        }
        #expect(leastRoom > 50_000)
        #expect(changes == 4)
    }
}
