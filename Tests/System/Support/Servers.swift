import Foundation
import Sandbox
import Testing

/// What a bridge stands between.
enum Servers: Sendable, CustomTestStringConvertible {
    case standIns
    case real(kubeconfig: String, consul: String)

    /// The stand-ins, and the servers that the environment names, if it does.
    static var all: [Servers] {
        let environment = ProcessInfo.processInfo.environment
        guard let kubeconfig = environment["PORTOLAN_TEST_KUBECONFIG"], let consul = environment["PORTOLAN_TEST_CONSUL"]
        else { return [.standIns] }
        return [.standIns, .real(kubeconfig: kubeconfig, consul: consul)]
    }

    var testDescription: String {
        switch self {
        case .standIns: "stand-ins"
        case .real: "real servers"
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
