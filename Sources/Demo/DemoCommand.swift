import ArgumentParser
import Foundation
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
    var binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path()

    func run() async throws {
        let stage: Stage
        do {
            stage = try await Stage.set(binaries: binaries, environment: ProcessInfo.processInfo.environment)
        } catch {
            complain("\(error)")
            throw ExitCode(1)
        }
        let play = Play(stage: stage)
        var isInterrupted = false
        var failure: (any Error)?
        do {
            isInterrupted = try await untilInterrupted { try await play.perform() }
            if !check, !isInterrupted { isInterrupted = try await untilInterrupted { try await play.stayOpen() } }
        } catch {
            failure = error
        }
        await stage.clear(keepingLogs: failure != nil)
        if let failure {
            complain("\(failure)")
            complain("the bridge's log is \(stage.logPath)")
            throw ExitCode(1)
        }
        guard check else { return }
        guard !isInterrupted else { throw ExitCode(130) }
        print("\nEvery step holds.")
    }
}

/// A step that did not hold, in words.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

func complain(_ message: String) {
    FileHandle.standardError.write(Data("demo: \(message)\n".utf8))
}

/// Runs `body` until it ends or a signal comes, which ends the play and not the process: what the demo made is taken down
/// first.
///
/// - Returns: whether it was a signal.
func untilInterrupted(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await body()
            return false
        }
        group.addTask {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return true }
            return false
        }
        defer { group.cancelAll() }
        return try await group.next() ?? false
    }
}
