import ChildProcesses
import DNSCore
import Glibc
import Testing

extension SystemTests {
    @Suite struct ManifestsTests {
        private static func manifest(_ address: String) -> String {
            """
            apiVersion: v1
            kind: Service
            metadata: { name: cart, namespace: shop }
            spec: { clusterIP: None, ports: [{ name: grpc, port: 8080 }] }
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: { name: cart-1, namespace: shop, labels: { kubernetes.io/service-name: cart } }
            addressType: IPv4
            ports: [{ name: grpc, port: 8080, protocol: TCP }]
            endpoints: [{ addresses: [\(address)] }]

            """
        }

        @Test("A directory of manifests is answered and followed; a broken edit leaves the last good state")
        func directory() async throws {
            let folder = try TemporaryFolder()
            try folder.write("services/cart.yaml", Self.manifest("10.1.0.1"))
            let dns = DNSClient(port: try HeldPort.free())
            let configuration = """
                cluster: files
                systems: { files: { manifests: { path: "\(folder.path)/services" } } }
                dns:
                  listen: ["127.0.0.1:\(dns.port)"]
                  workers: 1
                  zones: [{ zone: cluster.local, from: [files] }]
                admin: { listen: "127.0.0.1:\(try HeldPort.free())" }

                """
            let file = try folder.write("portolan.yaml", configuration)
            let bridge = try TestProcess(Portolan.path(), ["run", "--config", file], in: folder)
            do {
                let name = "cart.shop.svc.cluster.local"
                try await eventually("cart", is: ["10.1.0.1"]) { try await dns.addresses(name) }
                try folder.write("services/cart.yaml", Self.manifest("10.1.0.2"))
                try await eventually("cart", is: ["10.1.0.2"]) { try await dns.addresses(name) }
                try folder.write("services/cart.yaml", "kind: [Service\n")
                try await eventually("the problem in the log") { (bridge.output + bridge.errors).contains("cart.yaml") }
                #expect(try await dns.addresses(name) == ["10.1.0.2"])
                try folder.write("services/cart.yaml", Self.manifest("10.1.0.3"))
                try await eventually("cart", is: ["10.1.0.3"]) { try await dns.addresses(name) }
            } catch {
                Issue.record(error, "The bridge's log:\n\(bridge.output)\(bridge.errors)")
            }
            bridge.send(SIGTERM)
            #expect(await bridge.end().code == 0)
        }
    }
}
