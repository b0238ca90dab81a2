import Foundation
import Glibc
import Synchronization

/// A program that a test started, with standard output and standard error in files.
final class ChildProcess: Sendable {
    struct Ending: Sendable, Equatable {
        /// The exit code, or the number of the signal.
        let code: Int32
        let isSignal: Bool
    }

    private let process = Process()
    private let ending: Task<Ending, Never>
    private let outputPath: String
    private let errorPath: String

    init(_ path: String, _ arguments: [String], in folder: TemporaryFolder) throws {
        let name = UUID().uuidString
        outputPath = "\(folder.path)/\(name).out"
        errorPath = "\(folder.path)/\(name).err"
        func open(_ path: String) throws -> FileHandle {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
            return try FileHandle(forWritingTo: URL(filePath: path))
        }
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try open(outputPath)
        process.standardError = try open(errorPath)
        let (endings, continuation) = AsyncStream.makeStream(of: Ending.self)
        process.terminationHandler = { process in
            continuation.yield(
                Ending(code: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal)
            )
            continuation.finish()
        }
        try process.run()
        ending = Task {
            for await ending in endings { return ending }
            return Ending(code: -1, isSignal: false)
        }
    }

    var isRunning: Bool { process.isRunning }

    func send(_ signal: Int32) {
        if process.isRunning { kill(process.processIdentifier, signal) }
    }

    func end() async -> Ending { await ending.value }

    var output: String { Self.contents(outputPath) }
    var errors: String { Self.contents(errorPath) }

    private static func contents(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}

/// The program under test.
enum Portolan {
    struct NotBuilt: Error, CustomStringConvertible {
        let description: String
    }

    /// How a command ended.
    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let errors: String
    }

    /// From the folder that PORTOLAN_BINARIES names, else from where the tests were built.
    static func path() throws -> String {
        let folder =
            try ProcessInfo.processInfo.environment["PORTOLAN_BINARIES"]
            ?? (FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") as NSString)
            .deletingLastPathComponent
        // The executable has the name of the product, or of the target where the package has no products.
        for name in ["portolan", "PortolanCLI"] where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)")
        {
            return "\(folder)/\(name)"
        }
        throw NotBuilt(description: "there is no portolan in \(folder): build it, or set PORTOLAN_BINARIES")
    }

    /// Runs a command to its end.
    static func run(_ arguments: [String], in folder: TemporaryFolder) async throws -> Outcome {
        let child = try ChildProcess(path(), arguments, in: folder)
        let ending = await child.end()
        return Outcome(status: ending.code, output: child.output, errors: child.errors)
    }
}
