import ChildProcesses
import Foundation
import Glibc
import Sandbox
import Testing

extension SystemTests {
    @Suite struct CommandTests {
        @Test("Output that cannot be written ends with 1 and says so", arguments: [["version"], ["check"], ["plan"]])
        func fullDisk(command: [String]) async throws {
            try await withStandIns { stage, _ in
                let arguments = command + (command == ["version"] ? [] : ["--config", stage.configurationPath])
                let process = try TestProcess(Portolan.path(), arguments, in: stage.folder, output: "/dev/full")
                #expect(await process.end() == ChildProcess.Ending(code: 1, isSignal: false))
                #expect(process.errors == "portolan: the output cannot be written: No space left on device\n")
            }
        }

        @Test(
            "An admin address that is none is a mistake of usage",
            arguments: ["", "one two", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:65536", "https://127.0.0.1", "::1"]
        )
        func adminAddress(address: String) async throws {
            let outcome = try await Portolan.run(["get", "systems", "--admin", address], in: TemporaryFolder())
            #expect(outcome.status == 64)
            #expect(outcome.errors.contains("--admin must be HOST or HOST:PORT"))
        }

        @Test("What answers in place of an instance is not taken for one")
        func otherServer() async throws {
            try await withStandIns { stage, _ in
                let consul = stage.registry.address
                let outcome = try await stage.portolan("get", "systems", "--admin", consul)
                #expect(outcome.status == 69)
                #expect(outcome.errors.contains("is it Portolan's admin.listen?"))
            }
        }

        @Test("An admin port in use ends with 69 and says so")
        func adminPortInUse() async throws {
            let port = try HeldPort.any()
            try await withStandIns(BridgeSettings(adminPort: port.number)) { stage, _ in
                let text = "cannot listen on 127.0.0.1:\(port.number) (admin.listen): the port is in use"
                try stage.startBridge()
                #expect(await stage.bridgeEnding() == ChildProcess.Ending(code: 69, isSignal: false))
                #expect(stage.log.contains(text))
                let check = try await stage.portolan("check", "--config", stage.configurationPath)
                #expect(check.status == 69)
                #expect(check.output.contains("failed  admin: \(text)"))
            }
            withExtendedLifetime(port) {}
        }

        @Test("A plan names what differs in an entry that is to be changed", arguments: Servers.all)
        func plannedChange(_ servers: Servers) async throws {
            try await onStage(servers) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                await stage.endBridge(SIGTERM)
                try await stage.cluster.setReadiness(.cart, ["10.244.1.11"], isReady: false)
                let plan = try await stage.portolan("plan", "--config", stage.configurationPath)
                let entry = "\(stage.entry(.cart))  10.244.1.11:8080  critical"
                #expect(plan.output.contains("~  \(entry)  health passing → critical\n"), "\(plan.output)")
                #expect(plan.output.contains("dc1: 0 to add, 1 to change, 0 to remove"))
            }
        }

        @Test("explain leads on to the names that a zone of the registry answers for a service", arguments: Servers.all)
        func explainedTarget(_ servers: Servers) async throws {
            let settings = BridgeSettings(zones: ["{ zone: dc1.test, from: [dc1] }"])
            try await onStage(servers, settings) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                try await eventually("cart in the registry's zone", is: ["10.244.1.11"]) {
                    try await stage.dns.addresses("\(stage.entry(.cart)).dc1.test")
                }
                let explain = try await stage.portolan("explain", "\(stage.id)/cart", "--admin", stage.admin)
                #expect(explain.status == 0)
                #expect(explain.output.contains("zone dc1.test.: "))
                #expect(explain.output.contains("\(stage.entry(.cart)).dc1.test. 5 IN A 10.244.1.11"))
            }
        }

        @Test("A second signal ends a bridge that waits for a registry, and entries stay")
        func secondSignal() async throws {
            try await withStandIns(BridgeSettings(withdrawsOnExit: true)) { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                standIns.consul.setFaults { $0.delay = .seconds(60) }
                stage.signalBridge(SIGTERM)
                try await eventually("the stop in the log") { stage.log.contains("Stopping") }
                #expect(await stage.endBridge(SIGINT) == ChildProcess.Ending(code: 1, isSignal: false))
                #expect(stage.log.contains("a second signal came"))
                standIns.consul.setFaults { $0.delay = .zero }
                #expect(try await stage.addresses(.cart) == ["10.244.1.11"])
            }
        }
    }
}
