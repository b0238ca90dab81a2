import DNSCore
import Foundation
import Sandbox
import Testing

extension SystemTests {
    /// What README.md and docs/configuration.md say of the program, against the program.
    @Suite struct DocumentationTests {
        private static func text(_ path: String) throws -> String {
            let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
            return try String(contentsOf: root.appending(path: path), encoding: .utf8)
        }

        @Test("The metrics that a bridge with all features shows are those in docs/configuration.md, labels included")
        func metrics() async throws {
            let text = try Self.text("docs/configuration.md")
            let table = try #require(text.firstMatch(of: #/\n\| metric .*\n((?:\|.*\n)+)/#)).1
            var documented: [String: Set<String>] = [:]
            for row in table.split(separator: "\n").dropFirst() {
                for metric in row.split(separator: "|")[0].matches(of: #/`([a-z_]+)(?:\{([a-z,]+)\})?`/#) {
                    documented[String(metric.1)] = Set((metric.2 ?? "").split(separator: ",").map(String.init))
                }
            }
            let settings = BridgeSettings(
                dns: [
                    "state: state", "rateLimit: { perSecond: 1, slip: 1 }",
                    "keys: { a.test: { algorithm: hmac-sha256, secret: { file: key } } }",
                ],
                zones: ["{ zone: a.test, from: [k8s], reverse: [], transfer: { allow: [{ key: a.test }] } }"]
            )
            try await withStandIns(settings) { stage, _ in
                try stage.folder.write("key", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n")
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                for _ in 0..<10 { _ = try? await stage.dns.ask(stage.name(.cart), .a) }
                let lines = try await stage.get("/metrics").body.split(separator: "\n")
                let shown = Set(
                    lines.compactMap { $0.wholeMatch(of: #/# TYPE portolan_(\w+) \w+/#)?.1 }.map(String.init)
                )
                #expect(shown == Set(documented.keys))
                for line in lines {
                    guard let series = line.wholeMatch(of: #/portolan_(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? .*/#)
                    else { continue }
                    let labels = (series.2 ?? "").matches(of: #/(\w+)="/#).map { String($0.1) }.filter { $0 != "le" }
                    #expect(Set(labels) == documented[String(series.1)], "\(line)")
                }
            }
        }

        @Test("Every subcommand is in README.md or docs/configuration.md, and they name no other")
        func subcommands() async throws {
            let help = try await Portolan.run(["--help"], in: TemporaryFolder()).output
            let list = try #require(help.firstMatch(of: #/SUBCOMMANDS:\n((?s).*?)\n\n/#)).1
            let commands = Set(list.matches(of: #/(?m)^  ([a-z]+)/#).map { String($0.1) })
            let text = try Self.text("README.md") + Self.text("docs/configuration.md")
            let named = Set(text.matches(of: #/portolan ([a-z]+)\s/#).map { String($0.1) })
            #expect(commands.count > 5)
            #expect(named == commands)
        }

        @Test("Commands end with each of the documented exit codes, and with no other")
        func exitCodes() async throws {
            let text = try Self.text("docs/configuration.md")
            let section = try #require(text.firstMatch(of: #/\n## Exit codes\n((?s).*?)\n## /#)).1
            let documented = Set(section.matches(of: #/\b([0-9]+) [a-z]/#).compactMap { Int32($0.1) })
            try await withStandIns { stage, standIns in
                let file = stage.configurationPath
                var seen: Set<Int32> = []
                seen.insert(try await stage.portolan("version").status)
                seen.insert(try await stage.portolan("version", "--nothing").status)
                seen.insert(try await stage.portolan("get", "systems", "--admin", stage.admin).status)
                seen.insert(try await stage.portolan("check", "--config", "none.yaml").status)
                standIns.apiServer.deny(PolicyRule(verbs: ["list"], apiGroups: [""], resources: ["services"]))
                seen.insert(try await stage.portolan("check", "--config", file).status)
                try stage.startBridge()
                try await eventually("the listener") { try await stage.get("/healthz").status == 200 }
                seen.insert(try await stage.portolan("explain", "no/service", "--admin", stage.admin).status)
                #expect(seen == documented)
            }
        }
    }
}
