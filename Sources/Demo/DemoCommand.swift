import ArgumentParser
import Foundation
import Glibc
import UnixSignals

/// Shows the bridge at work: against the sandbox, or against the servers that KUBECONFIG and CONSUL_HTTP_ADDR name.
@main
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portolan-demo",
        abstract: "Mirrors two services into Consul and DNS, then rolls one of them out and takes the time."
    )

    @Flag(help: "Runs unattended, verifies every step, and ends with 0 or tells what failed.")
    var check = false

    @Option(help: ArgumentHelp("The folder of the portolan binaries.", valueName: "folder"))
    var binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path(percentEncoded: false)

    func run() async throws {
        // From the first moment on: whatever has been made when a signal comes is taken down again.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        // A pipe that nobody reads any more shows when it is written to.
        signal(SIGPIPE, SIG_IGN)
        let stage = Stage(binaries: binaries)
        var outcome = Result<Void, any Error>.success(())
        var isInterrupted = false
        do {
            isInterrupted = try await untilInterrupted(signals) {
                let play = Play(scene: try await stage.set(environment: ProcessInfo.processInfo.environment))
                try await play.perform()
                if !check { try await play.stayOpen() }
            }
        } catch is OutputClosed {
            isInterrupted = true
        } catch {
            outcome = .failure(error)
        }
        if isInterrupted { complain("taking everything down") }
        let log = await stage.clear(keepingLogs: (try? outcome.get()) == nil)
        if case .failure(let error) = outcome {
            complain("\(error)")
            if let log { complain("the bridge's log is \(log)") }
            throw ExitCode(1)
        }
        guard check else { return }
        guard !isInterrupted else { throw ExitCode(130) }
        try? say("\nEvery step holds.")
    }
}

/// A step that did not hold, in words.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Whoever read the output has had enough of it.
struct OutputClosed: Error {}

/// Writes a line at once, also into a file or pipe.
func say(_ text: String) throws {
    var rest = Array("\(text)\n".utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
            if errno == EPIPE { throw OutputClosed() }
            throw DemoFailure("the output cannot be written: \(String(cString: strerror(errno)))")
        }
        rest = rest.dropFirst(count)
    }
}

func complain(_ message: String) {
    FileHandle.standardError.write(Data("demo: \(message)\n".utf8))
}

/// Runs `body` until it ends or a signal comes, which ends the play and not the process: what the demo made is taken down
/// first.
///
/// - Returns: whether it was a signal.
func untilInterrupted(
    _ signals: UnixSignalsSequence,
    _ body: @escaping @Sendable () async throws -> Void
) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await body()
            return false
        }
        group.addTask {
            for await _ in signals { return true }
            return false
        }
        defer { group.cancelAll() }
        return try await group.next() ?? false
    }
}
