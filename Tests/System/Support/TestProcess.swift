import ChildProcesses
import Foundation

/// A program that a test started, in the test's folder.
struct TestProcess: Sendable {
    private let process: ChildProcess
    private let outputPath: String
    private let errorPath: String

    /// - Parameter output: where standard output goes; a file of its own unless given.
    init(_ path: String, _ arguments: [String], in folder: TemporaryFolder, output: String? = nil) throws {
        let name = UUID().uuidString
        outputPath = output ?? "\(folder.path)/\(name).out"
        errorPath = "\(folder.path)/\(name).err"
        process = try ChildProcess(
            "/usr/bin/env",
            ["-C", folder.path, path] + arguments,
            output: outputPath,
            errors: errorPath
        )
    }

    func send(_ signal: Int32) { process.send(signal) }

    func end() async -> ChildProcess.Ending { await process.end() }

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
        let child = try TestProcess(path(), arguments, in: folder)
        let ending = await child.end()
        return Outcome(status: ending.code, output: child.output, errors: child.errors)
    }
}
