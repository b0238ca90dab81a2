import ChildProcesses
import DNSCore
import Foundation
import Glibc
import Sandbox
import Testing

extension SystemTests {
    /// What is wrong is told in one message that names it, by a program that neither crashes nor waits.
    @Suite struct BadInputTests {
        /// What may lie where a configuration file should.
        private struct Contents: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let bytes: [UInt8]
            let words: String

            init(_ description: String, _ text: String, _ words: String) {
                self.init(description, Array(text.utf8), words)
            }

            init(_ description: String, _ bytes: [UInt8], _ words: String) {
                testDescription = description
                self.bytes = bytes
                self.words = words
            }

            static let all = [
                Contents("nothing", "", "the file is empty"),
                Contents("words", "\"words\"", "must be a mapping of cluster"),
                Contents("half of a file", "cluster: [", "not valid YAML"),
                Contents("a key twice", "cluster: a\ncluster: b\n", "the key \"cluster\" is written twice"),
                Contents("another encoding", [UInt8(ascii: "a"), 0xff, 0xfe], "is not UTF-8 text"),
                Contents("a device's bytes", [0, 0, 0], "control characters"),
                Contents("brackets", [UInt8](repeating: UInt8(ascii: "["), count: 100_000), "nesting"),
                Contents("a large file", [UInt8](repeating: UInt8(ascii: "#"), count: 2 << 20), "is larger than 1 MiB"),
            ]
        }

        @Test("A configuration file that is none ends with 78 and says what it is instead", arguments: Contents.all)
        private func configurationFile(contents: Contents) async throws {
            let folder = try TemporaryFolder()
            try Data(contents.bytes).write(to: URL(filePath: "\(folder.path)/portolan.yaml"))
            for command in ["run", "check", "plan"] {
                let outcome = try await Portolan.run([command, "--config", "portolan.yaml"], in: folder)
                #expect(outcome.status == 78)
                #expect(outcome.errors.hasPrefix("portolan: portolan.yaml"), "\(outcome.errors)")
                #expect(outcome.errors.contains(contents.words), "\(outcome.errors)")
            }
        }

        @Test("A folder in place of a configuration file ends with 78")
        func folderForFile() async throws {
            let outcome = try await Portolan.run(["run", "--config", "."], in: TemporaryFolder())
            #expect(outcome.status == 78)
            #expect(outcome.errors == "portolan: . cannot be read: Is a directory; name a file with --config FILE\n")
        }

        @Test(
            "A kubeconfig that cannot be used ends every command with 78, naming system, file and place",
            arguments: [
                (nil, "kubeconfig.yaml: the kubeconfig cannot be read: No such file or directory"),
                ("clusters: [", "kubeconfig.yaml:2:1: "),
                ("current-context: none\n", "kubeconfig.yaml:1:18: "),
            ] as [(String?, String)]
        )
        func kubeconfig(text: String?, words: String) async throws {
            try await withStandIns { stage, _ in
                let path = "\(stage.folder.path)/kubeconfig.yaml"
                try FileManager.default.removeItem(atPath: path)
                if let text { try stage.folder.write("kubeconfig.yaml", text) }
                for command in ["run", "check", "plan"] {
                    let outcome = try await stage.portolan(command, "--config", stage.configurationPath)
                    #expect(outcome.status == 78)
                    let said = outcome.output + outcome.errors
                    #expect(said.contains("system k8s: ") && said.contains(words), "\(said)")
                }
            }
        }

        /// Answers of an API server's address that are none of an API server.
        private static let nonsense = [
            ServerResponse(200, headers: ["Content-Type": "text/html"], text: "<html>Welcome</html>"),
            ServerResponse(200, headers: ["Content-Type": "application/json"], text: "{}"),
            ServerResponse(200, headers: ["Content-Type": "application/json"], text: "null"),
            ServerResponse(
                200,
                headers: ["Content-Type": "application/json"],
                text: String(repeating: "[", count: 100_000)
            ),
            ServerResponse(302, headers: ["Location": "https://login.example/"], text: ""),
            ServerResponse(503, headers: ["Content-Type": "text/html"], text: "<h1>no upstream</h1>"),
        ]

        @Test(
            "What answers and is no API server ends check and plan with 69, naming system and answer",
            arguments: 0..<6
        )
        func noAPIServer(answer: Int) async throws {
            try await withStandIns { stage, standIns in
                standIns.apiServer.faults.add(.response(Self.nonsense[answer]))
                for command in ["check", "plan"] {
                    let outcome = try await stage.portolan(command, "--config", stage.configurationPath)
                    #expect(outcome.status == 69)
                    let said = outcome.output + outcome.errors
                    #expect(said.contains("system k8s: the answer") || said.contains("system k8s: the API"), "\(said)")
                }
                standIns.apiServer.faults.removeAll()
            }
        }

        @Test(
            "What answers and is no API server leaves a bridge unready and saying so, and costs no entry",
            arguments: 0..<6
        )
        func noAPIServerAtRestart(answer: Int) async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                await stage.endBridge()
                let entries = try await stage.entries()
                standIns.apiServer.faults.add(.response(Self.nonsense[answer]))
                try stage.startBridge()
                try await eventually("the reason in /readyz") {
                    let readiness = try await stage.get("/readyz")
                    let reason = try await stage.system("k8s")?.reason
                    return readiness.status == 503 && readiness.body.contains("system k8s") && reason != nil
                }
                standIns.apiServer.faults.removeAll()
                #expect(try await stage.entries() == entries)
            }
        }

        @Test(
            "What answers and is no Consul ends check and plan with 69, naming the system",
            arguments: [
                .nonsense(status: 200, body: "<html>"), .nonsense(status: 200, body: "{}"),
                .nonsense(status: 302, body: ""),
                .nonsense(status: 200, body: String(repeating: "[", count: 100_000)), .truncated, .tooManyRequests,
            ] as [ConsulFaults.Answer]
        )
        func noConsul(answer: ConsulFaults.Answer) async throws {
            try await withStandIns { stage, standIns in
                standIns.consul.setFaults { $0.answer = answer }
                for command in ["check", "plan"] {
                    let outcome = try await stage.portolan(command, "--config", stage.configurationPath)
                    #expect(outcome.status == 69, "\(outcome.output)\(outcome.errors)")
                    #expect((outcome.output + outcome.errors).contains("system dc1: "))
                }
                standIns.consul.setFaults { $0.answer = nil }
            }
        }

        @Test("Packets that are no questions do not disturb those who ask")
        func packets() async throws {
            try await withStandIns { stage, _ in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                var generator = SystemRandomNumberGenerator()
                for round in 0..<500 {
                    let length = round < 20 ? round : Int.random(in: 0...4096, using: &generator)
                    let packet = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                    try stage.dns.throwAway(packet, over: round % 5 == 0 ? SOCK_STREAM : SOCK_DGRAM)
                }
                try await stage.until(.cart, has: ["10.244.1.11"])
                #expect(await stage.endBridge(SIGTERM)?.code == 0)
            }
        }
    }
}
