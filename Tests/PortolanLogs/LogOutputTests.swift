import Glibc
import Logging
import PortolanLogs
import Synchronization
import Testing

private final class Lines: Sendable {
    let all = Mutex<[String]>([])
}

private func output(_ format: LogOutput.Format, _ lines: Lines) -> LogOutput {
    LogOutput(
        format: format,
        write: { line in lines.all.withLock { $0.append(line) } },
        now: { timespec(tv_sec: 1_767_323_045, tv_nsec: 78_000_000) }
    )
}

@Suite struct LogOutputTests {
    private let lines = Lines()

    @Test("A text line holds time, level, logger, message and sorted metadata, quoted where it must be")
    func text() {
        output(.text, lines).logger("sync").info("Done", metadata: ["b": "two words", "a": "1", "c": "x\ny"])
        #expect(
            lines.all.withLock { $0 } == [
                "2026-01-02T03:04:05.078Z info sync: Done a=1 b=\"two words\" c=\"x\\ny\"\n"
            ]
        )
    }

    @Test("A JSON line is one object")
    func json() {
        output(.json, lines).logger("sync").warning("Say \"so\"", metadata: ["list": ["a", "b"], "n": "\u{1}"])
        #expect(
            lines.all.withLock { $0 } == [
                #"{"time":"2026-01-02T03:04:05.078Z","level":"warning","logger":"sync","message":"Say \"so\"","#
                    + #""list":["a","b"],"n":"\u0001"}"# + "\n"
            ]
        )
    }

    @Test("A changed level holds for loggers that exist already")
    func level() {
        let output = output(.text, lines)
        let logger = output.logger("dns")
        logger.debug("hidden")
        output.set(format: .text, level: .debug)
        logger.debug("shown")
        #expect(lines.all.withLock { $0.count } == 1)
    }
}
