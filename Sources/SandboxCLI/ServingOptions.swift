import ArgumentParser
import Dispatch
import Foundation
import Logging
import Sandbox

/// How the API server stand-in is set up.
struct APIServerOptions: ParsableArguments {
    @Option(help: "A bearer token that may do everything; without one, every request may.")
    var token: String?

    @Option(help: "Speak TLS with tls.crt and tls.key of this folder, which are made when missing.")
    var tlsDir: String?

    @Option(help: "Load every .yaml, .yml and .json file of this folder, in order of their names.")
    var seed: String?

    @Option(help: "Write a kubeconfig file here.")
    var kubeconfig: String?

    @Option(help: "How many changes of each kind are remembered for watches.")
    var window = 10_000

    func start(port: Int, logger: Logger) async throws -> APIServer {
        var configuration = APIServer.Configuration()
        configuration.port = port
        configuration.window = window
        configuration.finalizesNamespaces = true
        configuration.hasControls = true
        if let token { configuration.tokens = [token: .admin] }
        if let tlsDir { configuration.tls = try tls(in: tlsDir) }
        let server = try await APIServer.start(configuration, logger: logger)
        if let seed { try load(seed, into: server) }
        if let kubeconfig {
            try write(server.kubeconfig(token: token), to: kubeconfig)
        }
        return server
    }

    private func tls(in folder: String) throws -> ServerTLS {
        let files = FileManager.default
        let certificate = folder + "/tls.crt"
        let key = folder + "/tls.key"
        if !files.fileExists(atPath: certificate), !files.fileExists(atPath: key) {
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let made = SelfSignedCertificate()
            try write(made.certificate, to: certificate)
            try write(made.privateKey, to: key)
        }
        return ServerTLS(
            certificateChain: try String(contentsOfFile: certificate, encoding: .utf8),
            privateKey: try String(contentsOfFile: key, encoding: .utf8)
        )
    }

    private func load(_ folder: String, into server: APIServer) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        for name in names where [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) {
            do {
                try server.load(yaml: String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8))
            } catch {
                throw ValidationError("\(folder)/\(name): \(error)")
            }
        }
    }

    /// Readable by its owner alone: it may hold a token or a key.
    private func write(_ text: String, to path: String) throws {
        let isWritten = FileManager.default.createFile(
            atPath: path,
            contents: Data(text.utf8),
            attributes: [.posixPermissions: 0o600]
        )
        guard isWritten else { throw ValidationError("\(path) cannot be written") }
    }
}

/// Prints one line that tells where things are, for programs to read.
func announce(_ places: [String: String]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(places), as: UTF8.self))
    fflush(nil)
}

/// Returns when the process is asked to end.
func untilTerminated() async {
    let (signals, continuation) = AsyncStream<Void>.makeStream()
    let sources = [SIGTERM, SIGINT].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number)
        source.setEventHandler { continuation.yield() }
        source.resume()
        return source
    }
    for await _ in signals { break }
    for source in sources { source.cancel() }
}

func standardErrorLogger(_ label: String) -> Logger {
    Logger(label: label, factory: { StreamLogHandler.standardError(label: $0) })
}
