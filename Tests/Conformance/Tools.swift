import Foundation
import Glibc
import Testing

/// What was waited for and did not come.
struct Overdue: Error, CustomStringConvertible {
    let description: String
}

/// Asks again and again until it is so; other people's programs cannot be awaited.
func eventually(_ subject: String, within limit: Duration = .seconds(60), _ isSo: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try !isSo() {
        guard ContinuousClock.now < deadline else { throw Overdue(description: "\(subject): not after \(limit)") }
        try await Task.sleep(for: .milliseconds(50))
    }
}

/// A folder of one test.
final class Folder {
    let path: String

    init() throws {
        path = "\(NSTemporaryDirectory())/portolan-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Replaces a file in one step.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let url = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url, options: .atomic)
        return url.path(percentEncoded: false)
    }
}

/// A program that runs until it is ended, which also happens when this goes.
final class Daemon {
    private let process = Process()
    private let logPath: String

    init(_ program: String, _ arguments: [String], in folder: Folder) throws {
        let name = program.split(separator: "/").last.map(String.init) ?? program
        logPath = try folder.write("\(name).log", "")
        let log = try FileHandle(forWritingTo: URL(filePath: logPath))
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = log
        process.standardError = log
        try process.run()
    }

    var log: String { String(decoding: FileManager.default.contents(atPath: logPath) ?? Data(), as: UTF8.self) }

    func end() {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGTERM)
        let deadline = ContinuousClock.now + .seconds(5)
        while process.isRunning, ContinuousClock.now < deadline { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    deinit { end() }
}

enum Tool {
    /// Where a program is, also where the PATH of an ordinary user does not lead; `nil` where it is not installed.
    static func path(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (folders + ["/usr/sbin", "/usr/local/sbin"]).map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// - Parameter name: of a program, or its path.
    static func required(_ name: String) throws -> String {
        if name.hasPrefix("/") { return name }
        return try #require(path(name), "\(name) is not installed: run scripts/install test")
    }

    /// Runs a program to its end and returns what it writes.
    static func run(_ name: String, _ arguments: [String], in folder: Folder) throws -> String {
        let process = Process()
        let output = try folder.write("output-\(UUID().uuidString)", "")
        let file = try FileHandle(forWritingTo: URL(filePath: output))
        process.executableURL = URL(filePath: try required(name))
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = file
        process.standardError = file
        try process.run()
        process.waitUntilExit()
        return String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
    }

    /// Records of an answer in presentation form, by dig, in order of their text and with single spaces.
    static func records(
        _ name: String,
        _ type: String,
        port: UInt16,
        key: String? = nil,
        in folder: Folder
    ) throws -> [String] {
        let arguments =
            ["@127.0.0.1", "-p", "\(port)", "+noall", "+answer", "+tries=1", "+time=5", "+onesoa"]
            + (key.map { ["-y", $0] } ?? []) + [name, type]
        return try run("dig", arguments, in: folder).split(separator: "\n").filter { !$0.hasPrefix(";") }
            .map { $0.split { $0 == "\t" || $0 == " " }.joined(separator: " ") }.sorted()
    }

    /// A port that is free on UDP and TCP now, below those that the kernel gives to outgoing connections.
    static func freePort() throws -> UInt16 {
        for _ in 0..<1000 {
            let port = UInt16.random(in: 20_000..<32_000)
            if isFree(port, SOCK_STREAM), isFree(port, SOCK_DGRAM) { return port }
        }
        throw Overdue(description: "no port from 20000 to 32000 is free")
    }

    private static func isFree(_ port: UInt16, _ type: __socket_type) -> Bool {
        let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
