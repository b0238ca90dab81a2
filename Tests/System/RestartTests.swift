import ChildProcesses
import DNSCore
import Glibc
import Sandbox
import Testing

extension SystemTests {
    @Suite struct RestartTests {
        @Test("A restart with unchanged sources writes nothing", arguments: Servers.all, [SIGKILL, SIGTERM])
        func quiet(_ servers: Servers, signal: Int32) async throws {
            try await onStage(servers) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await stage.startBridgeAndSettle()
                let entries = try await stage.entries()

                let ending = await stage.endBridge(signal)
                let clean = ChildProcess.Ending(code: 0, isSignal: false)
                #expect(ending == (signal == SIGTERM ? clean : ChildProcess.Ending(code: SIGKILL, isSignal: true)))
                try await stage.startBridgeAndSettle()

                // Entries cannot have gone and come back without a write, which would show in their revisions.
                #expect(try await stage.entries() == entries)
                #expect(entries.count == 3)
                #expect(try await stage.syncs().first?.owned == 3)
            }
        }

        @Test("11 Clean stop: a Consul that does not answer a write holds up the stop for ten seconds, no longer")
        func stuckTarget() async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                // Two reads wait for a change; the write comes to wait for a leader.
                standIns.consul.setFaults { faults in
                    faults.leader = .lost
                    faults.leaderPatience = .seconds(3600)
                }
                try await stage.cluster.setAddresses(.cart, ["10.244.1.12"])
                try await eventually("a change that is not written", is: 1) { try await stage.syncs().first?.pending }
                await standIns.consul.whenWaiting(requests: 3)
                let start = ContinuousClock.now
                #expect(await stage.endBridge() == ChildProcess.Ending(code: 0, isSignal: false))
                #expect(start.duration(to: .now) < .seconds(25))
                #expect(stage.log.contains("The target does not answer"))
                await standIns.consul.whenIdle()
                standIns.consul.setFaults { $0 = ConsulFaults() }
                #expect(try await stage.addresses(.cart) == ["10.244.1.11"])
            }
        }

        @Test("Killed in the middle of a first sync: the next start writes the rest, nothing twice, removes nothing")
        func killedInTheMiddle() async throws {
            try await withStandIns { stage, standIns in
                let services = (0..<10).map { TestService(name: "load-\($0)") }
                for (number, service) in services.enumerated() {
                    try await stage.cluster.create(service, (1...100).map { "10.244.\(number).\($0)" })
                }
                // A thousand instances are some thirty transactions, four at a time.
                let consul = standIns.consul
                consul.setFaults { faults in
                    faults.paths = ["/v1/txn"]
                    faults.delay = .seconds(1)
                }
                try stage.startBridge()
                try await eventually("the first transactions") { consul.counters.operations >= 2 * 64 }
                await stage.endBridge(SIGKILL)
                consul.setFaults { $0 = ConsulFaults() }
                var before: [String: UInt64] = [:]
                for service in services {
                    for instance in try await stage.registry.instances(stage.entry(service)) {
                        before[instance.id] = instance.revision
                    }
                }
                #expect(before.count >= 64 && before.count < 1000)

                try await stage.startBridgeAndSettle()
                var after: [String: UInt64] = [:]
                for (number, service) in services.enumerated() {
                    let instances = try await stage.registry.instances(stage.entry(service))
                    #expect(Set(instances.map(\.address)) == Set((1...100).map { "10.244.\(number).\($0)" }))
                    #expect(instances.count == 100)
                    for instance in instances { after[instance.id] = instance.revision }
                }
                #expect(before.allSatisfy { after[$0.key] == $0.value }, "what stood there was left alone")
                #expect(consul.counters.operations == 1 + 2 * 1000, "every entry was written once, and the node")
            }
        }

        @Test("A restart while the API server is down removes nothing, and what is not known is not answered")
        func sourceDown() async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                await stage.endBridge()
                let writes = standIns.consul.counters.writes

                standIns.takeAPIServerDown()
                try stage.startBridge()
                try await eventually("the sync's state", is: "waiting-for-source") {
                    try await stage.syncs().first?.state
                }
                try await eventually("the reason that nothing was read") {
                    try await stage.system("k8s")?.reason != nil
                }
                let readiness = try await stage.get("/readyz")
                #expect(readiness.status == 503)
                #expect(readiness.body.contains("system k8s"))
                #expect(try await stage.dns.ask(stage.name(.cart), .a).code == .servFail)
                #expect(try await stage.dns.ask("example.com", .a).code == .refused)
                #expect(standIns.consul.counters.writes == writes)

                standIns.bringAPIServerUp()
                try await stage.untilReady()
                try await stage.untilSettled()
                try await stage.until(.cart, has: ["10.244.1.11"])
                #expect(standIns.consul.counters.writes == writes)
            }
        }

        @Test(
            "A clean stop leaves the entries, and withdraws them where that is asked for",
            arguments: Servers.all,
            [false, true]
        )
        func withdrawal(_ servers: Servers, isAskedFor: Bool) async throws {
            try await onStage(servers, BridgeSettings(withdrawsOnExit: isAskedFor)) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                let (entry, foreign) = (stage.entry(.cart), stage.foreignNode)
                try await stage.registry.register(entry, id: "by-hand", at: "10.9.9.9", on: foreign)
                try await stage.startBridgeAndSettle()
                #expect(await stage.endBridge()?.code == 0)
                let left = isAskedFor ? ["10.9.9.9"] : ["10.244.1.11", "10.244.1.12", "10.9.9.9"]
                #expect(try await stage.addresses(.cart) == left)
            }
        }
    }
}
