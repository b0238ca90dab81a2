import Foundation
import Glibc

/// Everything the play needs, set up and cleared away again: the servers, and the bridge between them.
struct Stage: Sendable {
    let cluster: DemoCluster
    let consul: DemoConsul
    let dns: DNSClient
    let admin: String
    let directory: URL
    let kubeconfig: String
    private let binaries: String
    private let children: [ChildProcess]
    private let bridge: ChildProcess

    var logPath: String { directory.appending(path: "portolan.log").path() }
    var bridgeIsRunning: Bool { bridge.isRunning }

    private struct SandboxAddresses: Decodable {
        let kubeconfig: String
        let consul: String
    }

    static func set(binaries: String, environment: [String: String]) async throws -> Stage {
        let directory = FileManager.default.temporaryDirectory.appending(path: "portolan-demo-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var children: [ChildProcess] = []
        var kubeconfig = environment["KUBECONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        var consul = environment["CONSUL_HTTP_ADDR"].flatMap { $0.isEmpty ? nil : $0 }
        do {
            if kubeconfig == nil || consul == nil {
                let (child, addresses) = try startSandbox(binaries: binaries, directory: directory)
                children.append(child)
                kubeconfig = kubeconfig ?? addresses.kubeconfig
                consul = consul ?? addresses.consul
            }
            guard let kubeconfig, var consul else { throw DemoFailure("the sandbox named no addresses") }
            if !consul.contains("://") { consul = "http://\(consul)" }

            let dnsPort = try freePort(SOCK_DGRAM)
            let adminPort = try freePort(SOCK_STREAM)
            let token = environment["CONSUL_HTTP_TOKEN"]
            let text = configuration(
                kubeconfig: kubeconfig,
                consul: consul,
                hasToken: token != nil,
                dnsPort: dnsPort,
                adminPort: adminPort
            )
            let file = directory.appending(path: "portolan.yaml")
            try text.write(to: file, atomically: true, encoding: .utf8)
            let bridge = try ChildProcess(
                "\(binaries)/portolan",
                ["run", "--config", file.path()],
                log: try log(directory, "portolan.log")
            )
            return Stage(
                cluster: try DemoCluster(kubeconfig: kubeconfig, environment: environment),
                consul: DemoConsul(address: consul, token: token),
                dns: DNSClient(port: dnsPort),
                admin: "127.0.0.1:\(adminPort)",
                directory: directory,
                kubeconfig: kubeconfig,
                binaries: binaries,
                children: children,
                bridge: bridge
            )
        } catch {
            for child in children { child.end() }
            throw error
        }
    }

    /// What a command of the bridge prints.
    func ask(_ arguments: [String]) throws -> [String] {
        let output = Pipe()
        let child = try ChildProcess("\(binaries)/portolan", arguments, log: .standardError, output: output)
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        guard child.waitForExit() == 0 else { throw DemoFailure("portolan \(arguments.joined(separator: " ")) fails") }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Takes the services away, waits until the bridge has taken them out of the registry, and ends what was started.
    ///
    /// - Parameter keepingLogs: whether the folder with the logs stays.
    func clear(keepingLogs: Bool) async {
        await cluster.removeAll()
        if bridge.isRunning { await consul.waitUntilGone(Script.services.map(\.name), atMost: .seconds(10)) }
        bridge.end()
        for child in children { child.end() }
        if !keepingLogs { try? FileManager.default.removeItem(at: directory) }
    }

    private static func startSandbox(binaries: String, directory: URL) throws -> (ChildProcess, SandboxAddresses) {
        let output = Pipe()
        let child = try ChildProcess(
            "\(binaries)/portolan-sandbox",
            ["up", "--kubeconfig", directory.appending(path: "kubeconfig").path()],
            log: try log(directory, "sandbox.log"),
            output: output
        )
        var line = Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else {
                child.end()
                throw DemoFailure(
                    "the sandbox ended before it named its addresses; see \(directory.path())/sandbox.log"
                )
            }
            line += more
        }
        return (child, try JSONDecoder().decode(SandboxAddresses.self, from: line))
    }

    private static func log(_ directory: URL, _ name: String) throws -> FileHandle {
        let path = directory.appending(path: name).path()
        guard FileManager.default.createFile(atPath: path, contents: nil), let log = FileHandle(forWritingAtPath: path)
        else { throw DemoFailure("\(path) cannot be written") }
        return log
    }

    private static func configuration(
        kubeconfig: String,
        consul: String,
        hasToken: Bool,
        dnsPort: UInt16,
        adminPort: UInt16
    ) -> String {
        """
        cluster: demo
        systems:
          k8s: { kubernetes: { kubeconfig: "\(kubeconfig)", namespaces: { include: [\(Script.namespace)] } } }
          dc1: { consul: { address: "\(consul)"\(hasToken ? ", token: { env: CONSUL_HTTP_TOKEN }" : "") } }
        sync:
          - { from: k8s, to: dc1 }
        guard: { maxRemoved: 100%, above: 10, hold: 5s }
        dns:
          listen: ["127.0.0.1:\(dnsPort)"]
          zones:
            - { zone: cluster.local, from: [k8s] }
        admin: { listen: "127.0.0.1:\(adminPort)" }

        """
    }

    /// A port that is free now. Somebody else may take it before the bridge does; the bridge then says so.
    private static func freePort(_ type: __socket_type) throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        guard descriptor >= 0 else { throw DemoFailure("no socket: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
            }
        }
        guard result == 0 else { throw DemoFailure("no free port: \(String(cString: strerror(errno)))") }
        return UInt16(bigEndian: address.sin_port)
    }
}
