import ChildProcesses
import DNSCore
import Foundation
import Glibc
import Testing

extension SystemTests {
    /// grpcio resolves through the bridge as gRPC programs do: addresses from A records, and how to use them from TXT.
    @Suite(.enabled(if: ProcessInfo.processInfo.environment["PORTOLAN_PYTHON"] != nil)) struct GRPCClientTests {
        private let python = ProcessInfo.processInfo.environment["PORTOLAN_PYTHON"] ?? ""

        private func peer(_ arguments: [String], _ stage: Stage) throws -> TestProcess {
            let resources = try #require(Bundle.module.resourceURL)
            let script = resources.appending(path: "Fixtures/grpc_peer.py").path
            return try TestProcess(python, [script] + arguments, in: stage.folder)
        }

        /// Endpoints on loopback, which no API server takes but a manifest may name.
        private func write(_ addresses: [String], port: UInt16, _ stage: Stage) throws {
            // Long enough for more than one string of a TXT record.
            let config = """
                {"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [{"name": [{"service": "test.Peer"}], \
                "waitForReady": true, "timeout": "4.5s", "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.05s", \
                "maxBackoff": "0.5s", "backoffMultiplier": 2.0, "retryableStatusCodes": ["UNAVAILABLE"]}}]}
                """
            try stage.folder.write(
                "services/cart.yaml",
                """
                apiVersion: v1
                kind: Service
                metadata:
                  name: cart
                  namespace: shop
                  annotations:
                    portolan.dev/grpc-config: '\(config)'
                spec:
                  clusterIP: None
                  ports: [{ name: grpc, port: \(port), appProtocol: grpc }]
                ---
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: { name: cart-1, namespace: shop, labels: { kubernetes.io/service-name: cart } }
                addressType: IPv4
                ports: [{ name: grpc, port: \(port), appProtocol: grpc }]
                endpoints:
                \(addresses.map { "  - { addresses: [\($0)] }" }.joined(separator: "\n"))

                """
            )
        }

        @Test("A gRPC client spreads its calls as the TXT record says, and follows a change of endpoints")
        func client() async throws {
            let settings = BridgeSettings(
                systems: ["files: { manifests: { path: services } }"],
                zones: ["{ zone: grpc.test, from: [files], reverse: [] }"]
            )
            try await withStandIns(settings) { stage, _ in
                let name = "cart.shop.svc.grpc.test"
                let port = try HeldPort.free()
                let addresses = ["127.0.0.11", "127.0.0.12", "127.0.0.13"]
                var servers: [TestProcess] = []
                var client: TestProcess?
                defer { for process in servers + [client].compactMap(\.self) { process.send(SIGKILL) } }

                try write(Array(addresses.prefix(2)), port: port, stage)
                try stage.startBridge()
                for address in addresses { servers.append(try peer(["serve", "\(address):\(port)"], stage)) }
                for server in servers { try await eventually("a server") { server.output.contains("serving") } }
                try await eventually("cart in DNS", is: Array(addresses.prefix(2))) {
                    try await stage.dns.addresses(name)
                }
                let config = try await stage.dns.ask("_grpc_config.\(name)", .txt).answers
                #expect(config.count == 1)
                #expect(config.first?.contains("\" \"") == true)
                #expect(try await stage.dns.ask("_grpclb._tcp.\(name)", .srv).code == .nxDomain)
                #expect(
                    try await stage.dns.ask("_grpc.\(name)", .svcb).answers.first
                        == "SVCB 1 127-0-0-11.\(name). alpn=\"h2\" port=\(port) ipv4hint=127.0.0.11"
                )

                let target = "dns://127.0.0.1:\(stage.dns.port)/\(name):\(port)"
                let calls = try peer(["call", target, stage.folder.path], stage)
                client = calls
                try await expect(addresses.prefix(2), port, calls, stage)

                try write(Array(addresses.suffix(2)), port: port, stage)
                try await eventually("cart in DNS", is: Array(addresses.suffix(2))) {
                    try await stage.dns.addresses(name)
                }
                // gRPC asks again when a connection breaks, not when a TTL ends.
                servers[0].send(SIGKILL)
                try await expect(addresses.suffix(2), port, calls, stage)
            }
        }

        /// Waits until the client is answered by all of these and by no others.
        private func expect(
            _ addresses: ArraySlice<String>,
            _ port: UInt16,
            _ client: TestProcess,
            _ stage: Stage
        ) async throws {
            let expected = addresses.map { "\($0):\(port)" }.joined(separator: " ")
            try stage.folder.write("expected", expected)
            try await eventually("who answers \(client.output)\(client.errors)", is: expected, within: .seconds(60)) {
                try String(contentsOfFile: "\(stage.folder.path)/seen", encoding: .utf8)
            }
        }
    }
}
