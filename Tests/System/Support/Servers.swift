import Foundation
import Sandbox
import Testing

/// What a bridge stands between: servers that were started apart, or stand-ins in this process where none is named.
struct Servers: Sendable, CustomTestStringConvertible {
    var kubeconfig: String?
    var consul: String?

    static let standIns = Servers()

    /// The stand-ins, and the servers that PORTOLAN_TEST_KUBECONFIG and PORTOLAN_TEST_CONSUL name, if they do.
    static var all: [Servers] {
        let environment = ProcessInfo.processInfo.environment
        func named(_ variable: String) -> String? { environment[variable].flatMap { $0.isEmpty ? nil : $0 } }
        let servers = Servers(
            kubeconfig: named("PORTOLAN_TEST_KUBECONFIG").map { URL(filePath: $0).path(percentEncoded: false) },
            consul: named("PORTOLAN_TEST_CONSUL").map { $0.contains("://") ? $0 : "http://\($0)" }
        )
        return servers.areStandIns ? [.standIns] : [.standIns, servers]
    }

    var areStandIns: Bool { kubeconfig == nil && consul == nil }

    var testDescription: String {
        switch (kubeconfig, consul) {
        case (nil, nil): "stand-ins"
        case (_?, nil): "an API server, and a stand-in for Consul"
        case (nil, _?): "a Consul, and a stand-in for the API server"
        case (_?, _?): "an API server and a Consul"
        }
    }
}

/// The servers in this process, with their faults.
struct StandIns: Sendable {
    let apiServer: APIServer
    let consul: ConsulStandIn

    static func start() async throws -> StandIns {
        StandIns(apiServer: try await APIServer.start(), consul: try await ConsulStandIn.start())
    }

    func stop() async {
        await consul.stop()
        await apiServer.stop()
    }

    /// The API server closes every connection, and new ones as soon as they come.
    func takeAPIServerDown() {
        apiServer.http?.setRefusing(true)
        apiServer.http?.cutConnections()
    }

    func bringAPIServerUp() { apiServer.http?.setRefusing(false) }
}
