import ChildProcesses
import Foundation
import Glibc
import HTTPTransport
import Sandbox
import Synchronization
import Testing

/// What differs from test to test in the bridge's configuration.
struct BridgeSettings: Sendable {
    var removalGuard = "{ maxRemoved: 30%, above: 10, hold: 5m }"
    var withdrawsOnExit = false
    /// More entries of `systems`.
    var systems: [String] = []
    /// More keys of `dns`.
    var dns: [String] = []
    /// More entries of `dns.zones`.
    var zones: [String] = []
    /// The port of `dns.listen`; `nil` for one of the stage's own.
    var dnsPort: UInt16?
    /// The port of `admin.listen`; `nil` for one of the stage's own.
    var adminPort: UInt16?
}

/// Two servers, a configuration, and the bridge that runs on it.
final class Stage: Sendable {
    let cluster: Cluster
    let registry: Registry
    let folder: TemporaryFolder
    let dns: DNSClient
    let admin: String
    let configurationPath: String
    /// This bridge's id.
    let id: String
    private let kubeconfig: String
    private let http = HTTPClient(HTTPClientConfiguration(connectTimeout: .seconds(3)))
    private let bridge = Mutex<TestProcess?>(nil)

    init(kubeconfig: String, consul: String, folder: TemporaryFolder, _ settings: BridgeSettings) throws {
        id = "test-\(UInt32.random(in: .min ... .max))"
        cluster = try Cluster(kubeconfig: kubeconfig, namespace: id)
        registry = Registry(address: consul)
        self.kubeconfig = kubeconfig
        self.folder = folder
        dns = DNSClient(port: try settings.dnsPort ?? HeldPort.free())
        admin = "127.0.0.1:\(try settings.adminPort ?? HeldPort.free())"
        configurationPath = "\(folder.path)/portolan.yaml"
        try configure(settings)
    }

    /// Writes the configuration file.
    func configure(_ settings: BridgeSettings) throws {
        let zones = ["{ zone: cluster.local, from: [k8s] }"] + settings.zones
        let text = """
            cluster: \(id)
            systems:
              k8s: { kubernetes: { kubeconfig: "\(kubeconfig)", namespaces: { include: [\(id)] } } }
              dc1:
                consul: { address: "\(registry.address)" }
                withdrawOnExit: \(settings.withdrawsOnExit)
            \(settings.systems.map { "  \($0)\n" }.joined())sync:
              - { from: k8s, to: dc1, name: "{service}-{namespace}" }
            guard: \(settings.removalGuard)
            dns:
              listen: ["127.0.0.1:\(dns.port)"]
              workers: 1
            \(settings.dns.map { "  \($0)\n" }.joined())  zones:
            \(zones.map { "    - \($0)" }.joined(separator: "\n"))
            admin: { listen: "\(admin)" }

            """
        try folder.write("portolan.yaml", text)
    }

    // MARK: The bridge

    func startBridge() throws {
        let child = try TestProcess(Portolan.path(), ["run", "--config", configurationPath], in: folder)
        bridge.withLock { $0 = child }
    }

    /// Starts the bridge and waits until it is ready and the target agrees.
    func startBridgeAndSettle() async throws {
        try startBridge()
        try await untilReady()
        try await untilSettled()
    }

    func signalBridge(_ signal: Int32) { bridge.withLock { $0 }?.send(signal) }

    /// Sends a signal that ends the bridge, and waits for that.
    @discardableResult
    func endBridge(_ signal: Int32 = SIGTERM) async -> ChildProcess.Ending? {
        signalBridge(signal)
        return await bridgeEnding()
    }

    func bridgeEnding() async -> ChildProcess.Ending? { await bridge.withLock { $0 }?.end() }

    var log: String { bridge.withLock { $0.map { $0.output + $0.errors } } ?? "" }

    func untilReady() async throws { try await eventually("/readyz", is: 200) { try await get("/readyz").status } }

    /// Waits until source and target agree.
    func untilSettled() async throws {
        try await eventually("the sync's state", is: "idle") { try await syncs().first?.state }
    }

    /// Runs a command on the bridge's configuration or listener.
    func portolan(_ arguments: String...) async throws -> Portolan.Outcome {
        try await Portolan.run(arguments, in: folder)
    }

    /// Takes away what was made in servers that others use, too.
    fileprivate func clear() async throws {
        for node in [node, foreignNode] { try await registry.removeNode(node) }
        try await cluster.removeNamespace()
    }

    // MARK: What the bridge shows

    struct SyncState: Decodable, Sendable, Equatable {
        let name: String
        let state: String
        let owned: Int
        let pending: Int
        let held: Int
    }

    struct SystemState: Decodable, Sendable, Equatable {
        let name: String
        let state: String
        let reason: String?
        let rememberedSeconds: Double?
    }

    struct ZoneState: Decodable, Sendable, Equatable {
        let name: String
        let state: String
        let staleSeconds: Double
        let serial: UInt32
    }

    func get(_ path: String) async throws -> (status: Int, body: String) {
        let response = try await http.send(HTTPRequest(.get, "http://\(admin)\(path)", totalTimeout: .seconds(10)))
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    func syncs() async throws -> [SyncState] { try await decode("/v1/syncs") }

    func system(_ name: String) async throws -> SystemState? {
        let systems: [SystemState] = try await decode("/v1/systems")
        return systems.first { $0.name == name }
    }

    func zone(_ name: String) async throws -> ZoneState? {
        let zones: [ZoneState] = try await decode("/v1/zones")
        return zones.first { $0.name == name }
    }

    private func decode<Value: Decodable>(_ path: String) async throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(try await get(path).body.utf8))
    }

    /// The sum of the series of a metric whose labels hold all of `labels`.
    func metric(_ name: String, _ labels: String...) async throws -> Double {
        let lines = try await get("/metrics").body.split(separator: "\n")
        return lines.filter { line in
            line.hasPrefix(name) && ["{", " "].contains(line.dropFirst(name.count).first)
                && labels.allSatisfy { line.contains($0) }
        }.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }

    // MARK: Names

    /// Where the bridge's entries stand in Consul.
    var node: String { "portolan-\(id)" }

    /// A node of Consul that the bridge does not own.
    var foreignNode: String { "vm-\(id)" }

    /// The DNS name of a Service, or of what is below it.
    func name(_ service: TestService, below prefix: String = "") -> String {
        "\(prefix)\(service.name).\(id).svc.cluster.local"
    }

    /// The name of a Service in Consul.
    func entry(_ service: TestService) -> String { "\(service.name)-\(id)" }

    /// The bridge's entries in Consul, with their revisions: the same again as long as it has written nothing.
    func entries() async throws -> [String: UInt64] { try await registry.revisions(on: node) }

    func addresses(_ service: TestService) async throws -> [String] {
        try await registry.addresses(entry(service))
    }

    /// Waits until Consul and DNS have exactly these addresses of a headless Service.
    func until(_ service: TestService, has addresses: [String]) async throws {
        try await eventually("\(service.name) in DNS", is: addresses) { try await dns.addresses(name(service)) }
        try await eventually("\(service.name) in Consul", is: addresses) { try await self.addresses(service) }
    }
}

/// Sets the stage between `servers`, plays, and clears away whatever came of it. A failure comes with the bridge's log.
func onStage(
    _ servers: Servers,
    _ settings: BridgeSettings = BridgeSettings(),
    _ play: (Stage) async throws -> Void
) async throws {
    try await withStandIns(settings, besides: servers) { stage, _ in try await play(stage) }
}

/// Sets the stage between stand-ins, whose faults the play may use.
///
/// - Parameter servers: take the place of stand-ins.
func withStandIns(
    _ settings: BridgeSettings = BridgeSettings(),
    besides servers: Servers = .standIns,
    _ play: (Stage, StandIns) async throws -> Void
) async throws {
    let standIns = try await StandIns.start()
    let folder = try TemporaryFolder()
    do {
        let kubeconfig = try folder.write("kubeconfig.yaml", standIns.apiServer.kubeconfig())
        let stage = try Stage(
            kubeconfig: servers.kubeconfig ?? kubeconfig,
            consul: servers.consul ?? standIns.consul.url,
            folder: folder,
            settings
        )
        try await perform(on: stage) { try await play($0, standIns) }
        if !servers.areStandIns { try await stage.clear() }
    } catch {
        Issue.record(error)
    }
    await standIns.stop()
}

private func perform(on stage: Stage, _ play: (Stage) async throws -> Void) async throws {
    do {
        try await stage.cluster.createNamespace()
        try await play(stage)
    } catch {
        Issue.record(error, "The bridge's log:\n\(stage.log)")
    }
    await stage.endBridge(SIGKILL)
}
