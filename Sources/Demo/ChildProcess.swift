import Foundation

/// A program the demo started, and ends.
final class ChildProcess: Sendable {
    private let process: Process
    /// - Parameter log: gets standard error, and standard output unless `output` is given.
    init(_ path: String, _ arguments: [String], log: FileHandle, output: Pipe? = nil) throws {
        process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardError = log
        process.standardOutput = output ?? log
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw DemoFailure("\(path) cannot be started: \(error.localizedDescription)")
        }
    }

    var isRunning: Bool { process.isRunning }

    /// Asks it to end and waits until it has.
    func end() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    /// Waits until it has ended by itself.
    func waitForExit() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }
}
