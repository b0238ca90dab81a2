import Foundation
import Testing

@testable import Sandbox

/// The stand-in, and a real Consul when PORTOLAN_TEST_CONSUL names one, seen by a client nobody here wrote.
@Suite("py-consul", .timeLimit(.minutes(10)))
struct PyConsulTests {
    @Test("py-consul registers, reads, blocks, locks and deregisters against the stand-in")
    func standIn() async throws {
        let standIn = try await ConsulStandIn.start()
        let (status, output) = try await run(host: "127.0.0.1", port: standIn.port)
        #expect(status == 0, "\(output)")
        #expect(output.split(separator: "\n").count { $0.hasPrefix("ok ") } == 8, "\(output)")
        #expect(standIn.nodeNames == [])
        await standIn.stop()
    }

    @Test("py-consul sees the same of a real Consul", .enabled(if: RealConsul.url != nil))
    func realServer() async throws {
        let url = try #require(RealConsul.url)
        let (status, output) = try await run(host: url.host() ?? "127.0.0.1", port: url.port ?? 8500)
        #expect(status == 0, "\(output)")
    }

    private func run(host: String, port: Int) async throws -> (Int32, String) {
        let resources = try #require(Bundle.module.resourceURL)
        let script = resources.appending(path: "Fixtures/python/consul_client.py").path
        let prefix = "portolan-\(UInt32.random(in: .min ... .max))"
        return try await Python.run([script, host, "\(port)", prefix])
    }
}

/// The server that PORTOLAN_TEST_CONSUL names, such as `http://127.0.0.1:8500`.
enum RealConsul {
    static let url = ProcessInfo.processInfo.environment["PORTOLAN_TEST_CONSUL"].flatMap { URL(string: $0) }
}

/// A Python that has py-consul: the one PORTOLAN_PYTHON names, else one made under `.build`.
enum Python {
    static func run(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        try await start(try await interpreter.value, arguments)
    }

    private static let interpreter = Task { () -> String in
        if let named = ProcessInfo.processInfo.environment["PORTOLAN_PYTHON"] { return named }
        let folder = ".build/python"
        let python = "\(folder)/bin/python"
        if try await start("/usr/bin/env", [python, "-c", "import consul"]).status != 0 {
            for arguments in [
                ["python3", "-m", "venv", folder],
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "py-consul"],
            ] {
                let (status, output) = try await start("/usr/bin/env", arguments)
                try #require(status == 0, "\(arguments): \(output)")
            }
        }
        return FileManager.default.currentDirectoryPath + "/" + python
    }

    private static func start(_ program: String, _ arguments: [String]) async throws -> (status: Int32, output: String)
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        let ended = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { process in
            ended.continuation.yield(process.terminationStatus)
            ended.continuation.finish()
        }
        try process.run()
        // On a thread of its own: those that tasks share must not be held.
        let output = AsyncStream<Data>.makeStream()
        Thread.detachNewThread {
            output.continuation.yield(pipe.fileHandleForReading.readDataToEndOfFile())
            output.continuation.finish()
        }
        var status: Int32 = -1
        for await value in ended.stream { status = value }
        var data = Data()
        for await value in output.stream { data = value }
        return (status, String(decoding: data, as: UTF8.self))
    }
}
