import Foundation
import Testing

@testable import Sandbox

/// The stand-in as kubectl sees it, over TLS with a token. kubectl is part of the toolbox of `scripts/test`.
@Suite("kubectl", .timeLimit(.minutes(5)))
struct KubectlTests {
    /// kubectl with a home of its own, pointed at a server of its own.
    private final class Kubectl {
        let server: APIServer
        let folder: URL

        init(token: String = "secret") async throws {
            var configuration = APIServer.Configuration()
            configuration.tls = SelfSignedCertificate().tls
            configuration.tokens = ["secret": .admin, "reader": KubectlTests.reader]
            configuration.finalizesNamespaces = true
            server = try await APIServer.start(configuration)
            folder = FileManager.default.temporaryDirectory.appending(path: "kubectl-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try server.kubeconfig(token: token).write(
                to: folder.appending(path: "config"),
                atomically: true,
                encoding: .utf8
            )
        }

        func stop() async throws {
            await server.stop()
            try FileManager.default.removeItem(at: folder)
        }

        func file(_ name: String, _ text: String) throws -> String {
            let path = folder.appending(path: name)
            try text.write(to: path, atomically: true, encoding: .utf8)
            return path.path
        }

        @discardableResult
        func callAsFunction(_ arguments: String..., fails: Bool = false) async throws -> String {
            let (status, output) = try await run(arguments)
            try #require(
                status != 127,
                "kubectl is not on the PATH: install the package kubernetes-client"
            )
            #expect((status != 0) == fails, "kubectl \(arguments.joined(separator: " ")): \(output)")
            return output
        }

        func run(_ arguments: [String]) async throws -> (Int32, String) {
            let process = start(arguments)
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            return try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread {
                    do {
                        try process.run()
                        let output = pipe.fileHandleForReading.readDataToEndOfFile()
                        process.waitUntilExit()
                        continuation.resume(
                            returning: (process.terminationStatus, String(decoding: output, as: UTF8.self))
                        )
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            }
        }

        func start(_ arguments: [String]) -> Process {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = ["kubectl"] + arguments
            process.environment = [
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                "KUBECONFIG": folder.appending(path: "config").path, "HOME": folder.path,
            ]
            return process
        }
    }

    private static let reader = APIUser(
        "reader",
        rules: [PolicyRule(verbs: ["get", "list", "watch"], apiGroups: [""], resources: ["services"])]
    )

    private func manifests(port: Int) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: shop, labels: {app: web}}
        spec: {clusterIP: None, selector: {app: web}, ports: [{name: grpc, port: \(port)}]}
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
        addressType: IPv4
        endpoints: [{addresses: [192.0.2.1], conditions: {ready: true}}]
        ports: [{name: grpc, port: \(port), protocol: TCP}]
        """
    }

    @Test("applies, reads, changes and deletes")
    func lifecycle() async throws {
        let kubectl = try await Kubectl()
        let first = try kubectl.file("first.yaml", manifests(port: 9090))
        let second = try kubectl.file("second.yaml", manifests(port: 9091))
        #expect(try await kubectl("create", "namespace", "shop").contains("namespace/shop created"))
        #expect(try await kubectl("apply", "-f", first).contains("service/web created"))
        #expect(try await kubectl("apply", "-f", first).contains("service/web unchanged"))
        #expect(try await kubectl("apply", "-f", second).contains("service/web configured"))
        #expect(try await kubectl("get", "svc", "web", "-n", "shop", "-o", "jsonpath={.spec.ports[*].port}") == "9091")

        let table = try await kubectl("get", "svc", "-A")
        #expect(table.contains(#/NAMESPACE +NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE/#))
        #expect(table.contains(#/shop +web +ClusterIP +None +<none> +9091\/TCP +[0-9]+s/#))
        #expect(try await kubectl("get", "svc", "-A", "-l", "app=web", "-o", "name") == "service/web\n")
        #expect(try await kubectl("get", "svc", "-A", "-l", "app!=web", "-o", "name") == "service/kubernetes\n")
        #expect(
            try await kubectl("get", "endpointslices", "-n", "shop").contains(#/web-1 +IPv4 +9091 +192\.0\.2\.1 +/#)
        )
        #expect(
            try await kubectl("get", "svc", "web", "-n", "shop", "-o", "yaml").contains("ipFamilyPolicy: SingleStack")
        )
        let json = try await kubectl("get", "svc", "web", "-n", "shop", "-o", "json")
        #expect(try JSON(parsing: Array(json.utf8))["kind"] == "Service")

        #expect(try await kubectl("label", "svc", "web", "-n", "shop", "tier=front").contains("service/web labeled"))
        #expect(
            try await kubectl("annotate", "svc", "web", "-n", "shop", "portolan.dev/sync=true").contains("annotated")
        )
        try await kubectl("patch", "svc", "web", "-n", "shop", "-p", #"{"metadata":{"labels":{"tier":"back"}}}"#)
        try await kubectl(
            "patch",
            "svc",
            "web",
            "-n",
            "shop",
            "--type",
            "json",
            "-p",
            #"[{"op":"remove","path":"/metadata/labels/app"}]"#
        )
        #expect(
            try await kubectl("get", "svc", "web", "-n", "shop", "-o", "jsonpath={.metadata.labels}")
                == #"{"tier":"back"}"#
        )

        let described = try await kubectl("describe", "svc", "web", "-n", "shop")
        #expect(described.contains("portolan.dev/sync: true"))
        #expect(described.contains(#/TargetPort: +9091\/TCP/#))

        #expect(try await kubectl("delete", "endpointslice", "web-1", "-n", "shop").contains("deleted"))
        #expect(try await kubectl("delete", "svc", "web", "-n", "shop").contains("deleted"))
        #expect(try await kubectl("get", "svc", "web", "-n", "shop", fails: true).contains("NotFound"))
        #expect(try await kubectl("delete", "ns", "shop").contains("deleted"))
        #expect(try await kubectl("get", "ns", "-o", "name").contains("namespace/shop") == false)
        try await kubectl.stop()
    }

    @Test("applies on the server's side, and is told of conflicts")
    func serverSideApply() async throws {
        let kubectl = try await Kubectl()
        let first = try kubectl.file("first.yaml", manifests(port: 9090))
        let second = try kubectl.file("second.yaml", manifests(port: 9091))
        try await kubectl("create", "namespace", "shop")
        #expect(try await kubectl("apply", "--server-side", "-f", first).contains("service/web serverside-applied"))
        try await kubectl("apply", "--server-side", "-f", second)
        #expect(try await kubectl("get", "svc", "web", "-n", "shop", "-o", "jsonpath={.spec.ports[*].port}") == "9091")
        let conflict = try await kubectl(
            "apply",
            "--server-side",
            "--field-manager",
            "other",
            "-f",
            first,
            fails: true
        )
        #expect(conflict.contains(#"conflict with "kubectl""#))
        #expect(conflict.contains(".ports"))
        try await kubectl.stop()
    }

    @Test("leaves the checking of fields to the server, or checks by the server's schema")
    func validation() async throws {
        let kubectl = try await Kubectl()
        let wrong = try kubectl.file(
            "wrong.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: wrong}\nspec: {prots: [], ports: [{port: 1}]}\n"
        )
        #expect(try await kubectl("apply", "-f", wrong, fails: true).contains("prots"))
        let invalid = try kubectl.file(
            "invalid.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: invalid}\nspec: {ports: [{port: 70000}]}\n"
        )
        #expect(
            try await kubectl("apply", "-f", invalid, fails: true).contains("must be between 1 and 65535, inclusive")
        )
        try await kubectl.stop()
    }

    @Test("watches")
    func watch() async throws {
        let kubectl = try await Kubectl()
        try kubectl.server.load(yaml: manifests(port: 9090))
        let process = kubectl.start(["get", "endpointslices", "-n", "shop", "--watch", "--no-headers"])
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var lines = lines(of: pipe).makeAsyncIterator()
        let first = try #require(await lines.next(), "kubectl says nothing: is kubernetes-client installed?")
        #expect(first.contains("192.0.2.1"))
        // The watch begins once the list has been shown.
        await kubectl.server.whenWatches { $0 > 0 }
        try kubectl.server.load(yaml: manifests(port: 9090).replacing("192.0.2.1", with: "192.0.2.7"))
        #expect(await lines.next()?.contains("192.0.2.7") == true)
        process.terminate()
        process.waitUntilExit()
        try await kubectl.stop()
    }

    private func lines(of pipe: Pipe) -> AsyncStream<String> {
        AsyncStream { continuation in
            Thread.detachNewThread {
                var rest = Data()
                while case let data = pipe.fileHandleForReading.availableData, !data.isEmpty {
                    rest += data
                    while let end = rest.firstIndex(of: 0x0A) {
                        continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
                        rest = rest[(end + 1)...]
                    }
                }
                continuation.finish()
            }
        }
    }

    @Test("is told what it may do, and refused what it may not")
    func rights() async throws {
        let kubectl = try await Kubectl(token: "reader")
        #expect(try await kubectl("auth", "can-i", "list", "services").hasPrefix("yes"))
        #expect(try await kubectl("auth", "can-i", "delete", "services", fails: true).contains("no"))
        #expect(try await kubectl("get", "svc").contains("kubernetes"))
        let refused = try await kubectl("get", "endpointslices", fails: true)
        #expect(refused.contains("endpointslices.discovery.k8s.io is forbidden: User \"reader\" cannot list resource"))
        kubectl.server.setToken("reader", nil)
        #expect(try await kubectl("get", "svc", fails: true).contains("Unauthorized"))
        try await kubectl.stop()
    }
}
