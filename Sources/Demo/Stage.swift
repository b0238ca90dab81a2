import ChildProcesses
import Foundation
import Glibc

/// What the play is played on: the servers, and the bridge between them.
struct Scene: Sendable {
    let script: Script
    let cluster: DemoCluster
    let consul: DemoConsul
    let dns: DNSClient
    let admin: String
    let kubeconfig: String
    fileprivate let directory: String
    fileprivate let binaries: String
    fileprivate let bridge: ChildProcess

    var logPath: String { "\(directory)/portolan.log" }
    var bridgeIsRunning: Bool { bridge.isRunning }

    /// What a command of the bridge prints.
    func ask(_ arguments: [String]) async throws -> [String] {
        let (output, errors) = ("\(directory)/command.out", "\(directory)/command.err")
        let child = try ChildProcess("\(binaries)/portolan", arguments, output: output, errors: errors)
        guard await child.end() == .init(code: 0, isSignal: false) else {
            let said = try? String(contentsOfFile: errors, encoding: .utf8)
            throw DemoFailure("portolan \(arguments.joined(separator: " ")) fails: \(said ?? "")")
        }
        return try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map(String.init)
    }
}

/// Sets the scene up, and takes away whatever of it was made, at whatever moment.
actor Stage {
    private struct SandboxAddresses: Decodable {
        let kubeconfig: String
        let consul: String
    }

    private let binaries: String
    private let directory = NSTemporaryDirectory() + "portolan-demo-\(getpid())"
    private var sandbox: ChildProcess?
    private var bridge: ChildProcess?
    /// Servers of the user's, once something has been made there.
    private var cluster: DemoCluster?
    private var consul: DemoConsul?
    private var script = Script.amongStandIns

    init(binaries: String) { self.binaries = binaries }

    /// - Parameter environment: names the servers with KUBECONFIG and CONSUL_HTTP_ADDR; the sandbox stands in for what it
    ///   does not name.
    func set(environment: [String: String]) async throws -> Scene {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let own = (kubeconfig: given("KUBECONFIG").map(Self.absolute), consul: given("CONSUL_HTTP_ADDR").map(Self.url))
        if own.kubeconfig != nil || own.consul != nil { script = .amongOthers() }
        var standIns: SandboxAddresses?
        if own.kubeconfig == nil || own.consul == nil { standIns = try await startSandbox() }
        guard let kubeconfig = own.kubeconfig ?? standIns?.kubeconfig, let address = own.consul ?? standIns?.consul
        else { throw DemoFailure("the sandbox named no addresses") }
        let token = given("CONSUL_HTTP_TOKEN")
        let consul = DemoConsul(address: address, token: token)
        let cluster = try DemoCluster(kubeconfig: kubeconfig, namespace: script.namespace, environment: environment)
        try Task.checkCancellation()
        if own.kubeconfig != nil { self.cluster = cluster }
        if own.consul != nil { self.consul = consul }
        try await consul.expectAnswer()
        try await cluster.createNamespace()
        let dns = DNSClient(port: try Self.freePort(SOCK_DGRAM))
        let admin = "127.0.0.1:\(try Self.freePort(SOCK_STREAM))"
        let file = "\(directory)/portolan.yaml"
        try configuration(
            kubeconfig: kubeconfig,
            consul: address,
            hasToken: token != nil,
            dnsPort: dns.port,
            admin: admin
        ).write(toFile: file, atomically: true, encoding: .utf8)
        let bridge = try start("portolan", ["run", "--config", file], log: "portolan.log")
        self.bridge = bridge
        return Scene(
            script: script,
            cluster: cluster,
            consul: consul,
            dns: dns,
            admin: admin,
            kubeconfig: kubeconfig,
            directory: directory,
            binaries: binaries,
            bridge: bridge
        )
    }

    /// Ends what was started and takes away what was made, in servers of the user's too.
    ///
    /// - Parameter keepingLogs: whether the folder with the logs stays, where there are any.
    /// - Returns: the bridge's log, if it stays.
    func clear(keepingLogs: Bool) async -> String? {
        if let bridge { await Self.end(bridge) }
        if let consul { await consul.removeNode(script.node) }
        if let cluster { await cluster.removeAll() }
        if let sandbox { await Self.end(sandbox) }
        guard keepingLogs, bridge != nil else {
            try? FileManager.default.removeItem(atPath: directory)
            return nil
        }
        return "\(directory)/portolan.log"
    }

    private func startSandbox() async throws -> SandboxAddresses {
        let sandbox = try start(
            "portolan-sandbox",
            ["up", "--kubeconfig", "\(directory)/kubeconfig"],
            output: "sandbox.out",
            log: "sandbox.log"
        )
        self.sandbox = sandbox
        // Its first line tells where its servers are.
        while true {
            let isRunning = sandbox.isRunning
            let output = try Data(contentsOf: URL(filePath: "\(directory)/sandbox.out"))
            if output.contains(UInt8(ascii: "\n")) {
                return try JSONDecoder().decode(SandboxAddresses.self, from: output)
            }
            guard isRunning else {
                let log = try? String(contentsOfFile: "\(directory)/sandbox.log", encoding: .utf8)
                throw DemoFailure("the sandbox ended before it named its addresses: \(log ?? "it says nothing")")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Starts a program of the project.
    private func start(
        _ name: String,
        _ arguments: [String],
        output: String? = nil,
        log: String
    ) throws -> ChildProcess {
        try ChildProcess(
            "\(binaries)/\(name)",
            arguments,
            output: "\(directory)/\(output ?? log)",
            errors: "\(directory)/\(log)"
        )
    }

    private static func end(_ child: ChildProcess) async {
        child.send(SIGTERM)
        _ = await child.end()
    }

    private func configuration(
        kubeconfig: String,
        consul: String,
        hasToken: Bool,
        dnsPort: UInt16,
        admin: String
    ) -> String {
        """
        cluster: \(script.cluster)
        systems:
          k8s: { kubernetes: { kubeconfig: "\(kubeconfig)", namespaces: { include: [\(script.namespace)] } } }
          dc1: { consul: { address: "\(consul)"\(hasToken ? ", token: { env: CONSUL_HTTP_TOKEN }" : "") } }
        sync:
          - { from: k8s, to: dc1, name: "{service}-{namespace}" }
        dns:
          listen: ["127.0.0.1:\(dnsPort)"]
          zones:
            - { zone: cluster.local, from: [k8s] }
        admin: { listen: "\(admin)" }

        """
    }

    /// kubeconfig files as KUBECONFIG names them, which may be relative to where the user is.
    private static func absolute(_ files: String) -> String {
        files.split(separator: ":").map { URL(filePath: String($0)).path(percentEncoded: false) }
            .joined(separator: ":")
    }

    /// CONSUL_HTTP_ADDR may do without a scheme.
    private static func url(_ address: String) -> String {
        let url = address.contains("://") ? address : "http://\(address)"
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    /// A port that is free now. Somebody else may take it before the bridge does; the bridge then says so.
    private static func freePort(_ type: __socket_type) throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
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
