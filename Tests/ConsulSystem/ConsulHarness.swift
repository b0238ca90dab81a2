import Foundation
import HTTPTransport
import RegistryContract
import Sandbox
import ServiceCatalog
import SyncEngine

@testable import ConsulSystem

/// A Consul to test against, over HTTP: the stand-in, or the server `PORTOLAN_TEST_CONSUL` names (with the token
/// `PORTOLAN_TEST_CONSUL_TOKEN`). Every harness has nodes of its own and removes them.
final class ConsulHarness: RegistryHarness {
    static let realAddress = ProcessInfo.processInfo.environment["PORTOLAN_TEST_CONSUL"]
    static let realToken = ProcessInfo.processInfo.environment["PORTOLAN_TEST_CONSUL_TOKEN"]

    let http = HTTPClient()
    let address: String
    private let token: String?
    /// Makes names unique, so that tests may share a server.
    let run = String(UInt32.random(in: 0...UInt32.max), radix: 36)
    private let client: ConsulClient

    init(address: String, token: String? = nil) {
        self.address = address
        self.token = token
        client = ConsulClient(ConsulConfiguration(address: address, token: { token }), http: http)
    }

    func node(of cluster: String) -> String { "portolan-test-\(run)-\(cluster)" }

    func configuration(_ cluster: String) -> ConsulConfiguration {
        ConsulConfiguration(address: address, node: node(of: cluster), token: { [token] in token })
    }

    func target(_ cluster: String = "east", system: SystemName = "dc1") -> ConsulTarget {
        ConsulTarget(system: system, cluster: cluster, configuration: configuration(cluster), http: http)
    }

    /// A target whose requests go through `http`.
    func target(through http: any HTTPSending, wait: Duration = .seconds(15)) -> ConsulTarget {
        ConsulTarget(system: "dc1", cluster: "east", configuration: configuration("east"), http: http, wait: wait)
    }

    func makeTarget(cluster: String) -> any Target { target(cluster) }

    // MARK: - Behind the adapter's back

    func register(_ body: (inout JSONWriter) -> Void) async throws {
        var writer = JSONWriter()
        writer.object(body)
        _ = try await client.put(["catalog", "register"], body: writer.bytes)
    }

    func putForeignEntry(_ id: EntryID, service: String, cluster: String) async throws {
        try await register { writer in
            writer.field("Node", node(of: cluster))
            writer.field("Address", "192.0.2.1")
            writer.key("Service")
            writer.object { writer in
                writer.field("ID", id.rawValue)
                writer.field("Service", service)
                writer.field("Address", "192.0.2.7")
                writer.field("Port", 7)
            }
        }
    }

    func hasForeignEntry(_ id: EntryID, service: String, cluster: String) async throws -> Bool {
        let read = try await services(of: cluster)
        return read.contains { $0.id == id.rawValue && $0.name == service && $0.address == "192.0.2.7" && $0.port == 7 }
    }

    func removeBehindBack(_ id: EntryID, service: String, cluster: String) async throws {
        try await deregister {
            $0.field("ServiceID", id.rawValue)
        } node: {
            node(of: cluster)
        }
    }

    func unacceptable(_ registration: Registration) -> Registration? {
        var result = registration
        result.metadata["a.b/c"] = "a key Consul does not take"
        return result
    }

    func services(of cluster: String) async throws -> [CatalogService] {
        try NodeServices.read(try await client.get(["catalog", "node-services", node(of: cluster)]).body).services
    }

    func removeNode(_ node: String) async throws {
        try await deregister { _ in
        } node: {
            node
        }
    }

    private func deregister(_ body: (inout JSONWriter) -> Void, node: () -> String) async throws {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("Node", node())
            body(&writer)
        }
        _ = try await client.put(["catalog", "deregister"], body: writer.bytes)
    }

    func cleanUp() async throws {
        for cluster in ["east", "west", "contract-east", "contract-west"] { try await removeNode(node(of: cluster)) }
    }
}

/// Runs `body` against a new stand-in.
func withStandIn(
    _ settings: ConsulSettings = ConsulSettings(),
    access: AccessControl? = nil,
    _ body: (ConsulStandIn) async throws -> Void
) async throws {
    let consul = try await ConsulStandIn.start(settings, access: access)
    do {
        try await body(consul)
    } catch {
        await consul.stop()
        throw error
    }
    await consul.stop()
}
