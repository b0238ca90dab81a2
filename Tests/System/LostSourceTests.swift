import ChildProcesses
import DNSCore
import Foundation
import Glibc
import Sandbox
import Testing

extension SystemTests {
    @Suite struct LostSourceTests {
        private func state(of stage: Stage) -> String { "\(stage.folder.path)/state" }

        /// Waits until the directory holds the present state, as a checkpoint tells whose time is after everything else.
        private func untilWritten(_ file: String, on stage: Stage) async throws {
            try await eventually("\(file) in dns.state") {
                FileManager.default.fileExists(atPath: "\(state(of: stage))/\(file)")
            }
        }

        @Test("A restart without API server answers the last state at once, says how old it is, and removes nothing")
        func restart() async throws {
            try await withStandIns(BridgeSettings(dns: ["state: state"])) { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await stage.startBridgeAndSettle()
                let serial = try #require(await stage.zone("cluster.local.")?.serial)
                #expect(await stage.endBridge()?.code == 0)
                let writes = standIns.consul.counters.writes

                standIns.takeAPIServerDown()
                try stage.startBridge()
                try await eventually("cart in DNS", is: ["10.244.1.11", "10.244.1.12"]) {
                    try await stage.dns.addresses(stage.name(.cart))
                }
                #expect(try await stage.dns.ask(stage.name(.cart), .a).extendedErrors == [3])
                #expect(try await stage.dns.ask("nobody.svc.cluster.local", .a).extendedErrors == [19])
                let zone = try await stage.zone("cluster.local.")
                #expect(zone?.state == "stale")
                #expect((zone?.serial ?? 0) > serial)
                #expect(try await stage.metric("portolan_dns_zone_staleness_seconds", "cluster.local") > 0)

                // DNS alone goes by what is remembered.
                #expect(try await stage.get("/readyz").status == 503)
                #expect(try await stage.system("k8s")?.state == "unsynced")
                #expect(try await stage.system("k8s")?.rememberedSeconds != nil)
                #expect(try await stage.metric("portolan_system_synced", "k8s") == 0)
                #expect(try await stage.get("/v1/services").body == "[]")
                try await eventually("the sync's state", is: "waiting-for-source") {
                    try await stage.syncs().first?.state
                }
                #expect(standIns.consul.counters.writes == writes)

                standIns.bringAPIServerUp()
                try await stage.untilReady()
                try await stage.untilSettled()
                #expect(standIns.consul.counters.writes == writes)
                #expect(try await stage.dns.ask(stage.name(.cart), .a).extendedErrors.isEmpty)
                // Nothing had changed, so no record did, and the serial stands.
                #expect(try await stage.zone("cluster.local.")?.serial == zone?.serial)
                let log = stage.log
                #expect(log.contains("Zone is answered as last known"))
                #expect(log.contains("Zone is current again"))
            }
        }

        @Test("What changed while nothing ran is replaced by the first snapshot, after a kill as well")
        func changedMeanwhile() async throws {
            try await withStandIns(BridgeSettings(dns: ["state: state"])) { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await stage.startBridgeAndSettle()
                try await untilWritten("system-k8s", on: stage)
                try await untilWritten("checkpoint", on: stage)
                await stage.endBridge(SIGKILL)

                try await stage.cluster.setAddresses(.cart, ["10.244.1.99"])
                try await stage.cluster.delete(.web)
                standIns.takeAPIServerDown()
                try stage.startBridge()
                try await eventually("cart in DNS", is: ["10.244.1.11"]) {
                    try await stage.dns.addresses(stage.name(.cart))
                }
                standIns.bringAPIServerUp()
                try await eventually("cart in DNS", is: ["10.244.1.99"]) {
                    try await stage.dns.addresses(stage.name(.cart))
                }
                #expect(try await stage.dns.ask(stage.name(.web), .a).code == .nxDomain)
            }
        }

        @Test("State that has been damaged is refused with a warning, and the source is waited for")
        func damaged() async throws {
            try await withStandIns(BridgeSettings(dns: ["state: state"])) { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                #expect(await stage.endBridge()?.code == 0)
                let file = "\(state(of: stage))/system-k8s"
                let contents = try #require(FileManager.default.contents(atPath: file))
                try contents.dropLast().write(to: URL(filePath: file))

                standIns.takeAPIServerDown()
                try stage.startBridge()
                try await eventually("the code", is: ResponseCode.servFail) {
                    try await stage.dns.ask(stage.name(.cart), .a).code
                }
                #expect(try await stage.dns.ask(stage.name(.cart), .a).extendedErrors == [14])
                #expect(stage.log.contains("A state file is not used"))
                standIns.bringAPIServerUp()
                try await stage.until(.cart, has: ["10.244.1.11"])
            }
        }

        @Test("A directory that cannot be written is a warning, and the bridge goes on")
        func notWritable() async throws {
            try await withStandIns(BridgeSettings(dns: ["state: /dev/null/state"])) { stage, _ in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                try await eventually("the warning") { stage.log.contains("State is not written") }
                try await stage.until(.cart, has: ["10.244.1.11"])
                #expect(await stage.endBridge()?.code == 0)
                let check = try await stage.portolan("check", "--config", stage.configurationPath)
                #expect(check.status == 69)
                #expect(check.output.contains("failed  dns.state: cannot be written: /dev/null/state: Not a directory"))
            }
        }

        @Test("Beyond dns.maxStale a zone is SERVFAIL, a merged one goes on, and both are back with their source")
        func maxStale() async throws {
            let settings = BridgeSettings(
                dns: ["maxStale: 1s"],
                zones: ["{ zone: mesh.test, from: [k8s, dc1] }"]
            )
            try await withStandIns(settings) { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                let merged = "cart.\(stage.id).svc.mesh.test"
                #expect(try await stage.dns.addresses(merged) == ["10.244.1.11"])

                standIns.takeAPIServerDown()
                try await eventually("the extended errors", is: [24]) {
                    try await stage.dns.ask(stage.name(.cart), .a).extendedErrors
                }
                #expect(try await stage.dns.ask(stage.name(.cart), .a).code == .servFail)
                // One zone is told after the other.
                try await eventually("the merged zone's extended errors", is: [3]) {
                    try await stage.dns.ask(merged, .srv).extendedErrors
                }
                let last = ["SRV 20 0 8080 10-244-1-11.k8s.\(merged)."]
                #expect(try await stage.dns.ask(merged, .srv).answers == last)
                #expect(try await stage.dns.addresses(merged) == ["10.244.1.11"])

                standIns.bringAPIServerUp()
                try await eventually("cart in DNS", is: ["10.244.1.11"]) {
                    try await stage.dns.addresses(stage.name(.cart))
                }
                #expect(try await stage.dns.ask(merged, .srv).answers.first?.hasPrefix("SRV 0 100 8080 ") == true)
            }
        }
    }
}
