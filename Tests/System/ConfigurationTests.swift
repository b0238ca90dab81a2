import ChildProcesses
import DNSCore
import Foundation
import Glibc
import Sandbox
import Testing

extension SystemTests {
    @Suite struct ConfigurationTests {
        @Test(
            "A mistake in the file ends every command with 78, its place and the way out",
            arguments: ["run", "check", "plan"]
        )
        func mistake(command: String) async throws {
            let folder = try TemporaryFolder()
            try folder.write("portolan.yaml", "cluster: a\nsystems:\n  k8s: { kubernetes: { kubeconfg: x } }\n")
            let outcome = try await Portolan.run([command, "--config", "portolan.yaml"], in: folder)
            #expect(outcome.status == 78)
            #expect(outcome.errors.contains("portolan.yaml:3:24: "))
            #expect(outcome.errors.contains("did you mean \"kubeconfig\"?"))
        }

        @Test("A file that is not there ends with 78 and its name; no file at all is a mistake of usage")
        func missing() async throws {
            let folder = try TemporaryFolder()
            let missing = try await Portolan.run(["run", "--config", "none.yaml"], in: folder)
            #expect(missing.status == 78)
            #expect(missing.errors.contains("none.yaml"))
            #expect(try await Portolan.run(["run"], in: folder).status == 64)
        }

        @Test("A DNS port in use ends with 69 and says so")
        func portInUse() async throws {
            let port = try HeldPort.any()
            try await withStandIns(BridgeSettings(dnsPort: port.number)) { stage, _ in
                try stage.startBridge()
                #expect(await stage.bridgeEnding() == ChildProcess.Ending(code: 69, isSignal: false))
                #expect(stage.log.contains("cannot listen on 127.0.0.1:\(port.number)"))
                #expect(stage.log.contains("the port is in use"))
                let check = try await stage.portolan("check", "--config", stage.configurationPath)
                #expect(check.status == 69)
                #expect(check.output.contains("the port is in use"))
            }
            withExtendedLifetime(port) {}
        }

        @Test(
            "A changed file is taken up, by itself and at SIGHUP; a wrong one is refused and the old stays",
            arguments: Servers.all
        )
        func reload(_ servers: Servers) async throws {
            try await onStage(servers) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                let entries = try await stage.entries()
                func name(in zone: String) -> String { "cart.\(stage.id).svc.\(zone)" }
                #expect(try await stage.dns.ask(name(in: "one.test"), .a).code == .refused)

                try stage.configure(BridgeSettings(zones: ["{ zone: one.test, from: [k8s] }"]))
                try await eventually("cart in the new zone", is: ["10.244.1.11"]) {
                    try await stage.dns.addresses(name(in: "one.test"))
                }

                try stage.configure(BridgeSettings(zones: ["{ zoen: two.test, from: [k8s] }"]))
                try await eventually("the refusal in the log") {
                    stage.log.contains("The new configuration is refused") && stage.log.contains("did you mean")
                }
                let refused = try await stage.metric("portolan_configuration_reloads_total", "result=\"refused\"")
                #expect(refused > 0)
                #expect(try await stage.dns.addresses(name(in: "one.test")) == ["10.244.1.11"])

                try stage.configure(BridgeSettings(zones: ["{ zone: two.test, from: [k8s] }"]))
                stage.signalBridge(SIGHUP)
                try await eventually("cart in the other zone", is: ["10.244.1.11"]) {
                    try await stage.dns.addresses(name(in: "two.test"))
                }
                #expect(try await stage.dns.ask(name(in: "one.test"), .a).code == .refused)
                #expect(try await stage.dns.addresses(stage.name(.cart)) == ["10.244.1.11"])
                #expect(try await stage.entries() == entries)
            }
        }

        @Test("A sync whose guard is changed goes on where it was", arguments: Servers.all)
        func changedSync(_ servers: Servers) async throws {
            var settings = BridgeSettings()
            try await onStage(servers, settings) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                let entries = try await stage.entries()
                settings.removalGuard = "{ maxRemoved: 50%, above: 20, hold: 1m }"
                try stage.configure(settings)
                stage.signalBridge(SIGHUP)
                try await eventually("the reload", is: 1) {
                    try await stage.metric("portolan_configuration_reloads_total", "result=\"applied\"")
                }
                try await stage.untilSettled()
                #expect(try await stage.entries() == entries)
                #expect(try await stage.syncs().first?.owned == 1)
                try await stage.cluster.setAddresses(.cart, ["10.244.1.12"])
                try await stage.until(.cart, has: ["10.244.1.12"])
            }
        }
    }
}
