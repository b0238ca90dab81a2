import Sandbox
import Synchronization
import Testing

extension SystemTests {
    @Suite struct RegistryTests {
        @Test(
            "An entry removed by hand is back, foreign ones are left alone, and no news is no write",
            arguments: Servers.all
        )
        func drift(_ servers: Servers) async throws {
            try await onStage(servers) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                let (entry, foreign) = (stage.entry(.cart), stage.foreignNode)
                try await stage.registry.register(entry, id: "by-hand", at: "10.9.9.9", on: foreign)
                try await stage.startBridgeAndSettle()
                let all = ["10.244.1.11", "10.244.1.12", "10.9.9.9"]
                let entries = try await stage.registry.instances(stage.entry(.cart))
                #expect(entries.map(\.address) == all)

                try await stage.registry.deregister(entries[0])
                try await eventually("cart in Consul", is: all) { try await stage.addresses(.cart) }
                let mended = try await stage.registry.instances(stage.entry(.cart))
                #expect(mended.dropFirst() == entries.dropFirst())

                // What changes no output, and then what does: once that is written, the former has been passed over.
                try await stage.untilSettled()
                try await stage.cluster.touch(.cart)
                try await stage.cluster.setAddresses(.web, ["10.244.2.22"])
                try await eventually("web in Consul", is: ["10.244.2.22"]) { try await stage.addresses(.web) }
                #expect(try await stage.registry.instances(stage.entry(.cart)) == mended)

                try await stage.cluster.delete(.cart)
                try await eventually("cart in Consul", is: ["10.9.9.9"]) { try await stage.addresses(.cart) }
            }
        }

        @Test("In steady state Consul sees no writes; a change of one service is one transaction")
        func steadyState() async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await stage.startBridgeAndSettle()
                let writes = standIns.consul.counters.writes
                for _ in 0..<5 { try await stage.cluster.touch(.cart) }
                try await stage.cluster.setAddresses(.web, ["10.244.2.21", "10.244.2.22"])
                try await eventually("web in Consul", is: ["10.244.2.21", "10.244.2.22"]) {
                    try await stage.addresses(.web)
                }
                try await stage.untilSettled()
                #expect(standIns.consul.counters.writes == writes + 1)
            }
        }

        @Test("While Consul is down DNS goes on; what changes meanwhile is caught up")
        func targetDown() async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                await standIns.consul.goDown()
                try stage.startBridge()
                try await stage.untilReady()
                #expect(try await stage.dns.addresses(stage.name(.cart)) == ["10.244.1.11"])
                try await standIns.consul.comeUp()
                try await stage.until(.cart, has: ["10.244.1.11"])

                await standIns.consul.goDown()
                try await stage.cluster.setAddresses(.cart, ["10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await eventually("cart in DNS", is: ["10.244.1.12"]) {
                    try await stage.dns.addresses(stage.name(.cart))
                }
                #expect(try await stage.get("/readyz").status == 200)
                try await standIns.consul.comeUp()
                try await stage.until(.cart, has: ["10.244.1.12"])
                try await eventually("web in Consul", is: ["10.244.2.21"]) { try await stage.addresses(.web) }
            }
        }

        @Test(
            "When all services vanish, their entries are held; they go once the source has said so for long enough",
            arguments: Servers.all
        )
        func removalGuard(_ servers: Servers) async throws {
            var settings = BridgeSettings()
            try await onStage(servers, settings) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await stage.startBridgeAndSettle()
                // The first to go is a small loss; the last leaves a source that holds nothing any more.
                try await stage.cluster.delete(.cart)
                try await eventually("cart in Consul", is: []) { try await stage.addresses(.cart) }
                try await stage.cluster.delete(.web)
                try await eventually("guard_held", is: 1) { try await stage.metric("portolan_guard_held") }
                #expect(try await stage.syncs().first?.state == "held")
                #expect(stage.log.contains("Removals held"))
                #expect(try await stage.addresses(.web) == ["10.244.2.21"])

                settings.removalGuard = "{ maxRemoved: 30%, above: 10, hold: 1s }"
                try stage.configure(settings)
                try await eventually("web in Consul", is: []) { try await stage.addresses(.web) }
            }
        }

        @Test("4 Removal guard: what vanishes is held until a fresh list says so after the hold")
        func removalGuardReadsAgain() async throws {
            var settings = BridgeSettings()
            settings.removalGuard = "{ maxRemoved: 30%, above: 10, hold: 1s }"
            try await withStandIns(settings) { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.startBridgeAndSettle()
                // Whatever lists slices fails from now on; the watches that are open go on.
                let lists = Mutex(0)
                let fault = standIns.apiServer.faults.add(.failure(500, message: "etcdserver: request timed out")) {
                    guard $0.listsSlices else { return false }
                    lists.withLock { $0 += 1 }
                    return true
                }
                try await stage.cluster.setAddresses(.cart, [])
                try await eventually("guard_held", is: 2) { try await stage.metric("portolan_guard_held") }
                // Five attempts take longer than the hold.
                try await eventually("failed lists") { lists.withLock { $0 } >= 5 }
                #expect(try await stage.metric("portolan_guard_held") == 2)
                #expect(try await stage.addresses(.cart) == ["10.244.1.11", "10.244.1.12"])

                standIns.apiServer.faults.remove(fault)
                try await eventually("cart in Consul", is: []) { try await stage.addresses(.cart) }
                #expect(stage.log.contains("Held removals released"))
            }
        }

        @Test("4 Removal guard: an API server that once lists Services and no EndpointSlices costs no entry")
        func oneEmptyList() async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11", "10.244.1.12"])
                try await stage.cluster.create(.web, ["10.244.2.21"])
                try await stage.startBridgeAndSettle()
                let writes = standIns.consul.counters.writes
                let faults = standIns.apiServer.faults
                let version = standIns.apiServer.resourceVersion
                let empty = """
                    {"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1",
                    "metadata":{"resourceVersion":"\(version)"},"items":[]}
                    """
                // Streamed lists are not offered, and the first list is a lie.
                faults.add(.failure(400, message: "sendInitialEvents is forbidden")) {
                    $0.listsSlices && $0.parameter("watch") != nil
                }
                faults.add(
                    .response(ServerResponse(200, headers: ["Content-Type": "application/json"], text: empty)),
                    times: 1
                ) { $0.listsSlices }
                standIns.apiServer.expireWatches()
                try await eventually("the hold in the log") { stage.log.contains("Removals held") }
                try await eventually("guard_held", is: 0) { try await stage.metric("portolan_guard_held") }
                try await stage.until(.cart, has: ["10.244.1.11", "10.244.1.12"])
                #expect(try await stage.addresses(.web) == ["10.244.2.21"])
                #expect(standIns.consul.counters.writes == writes)
            }
        }

        @Test(
            "5 Ownership: a name that a stranger holds as well is told in log, metric, explain and an Event",
            arguments: Servers.all
        )
        func sharedName(_ servers: Servers) async throws {
            try await onStage(servers) { stage in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                let entry = stage.entry(.cart)
                try await stage.registry.register(entry, id: "by-hand", at: "10.9.9.9", on: stage.foreignNode)
                try await stage.startBridgeAndSettle()
                try await eventually("problems_total", is: 1) {
                    try await stage.metric("portolan_problems_total", "code=\"name-collision\"")
                }
                let sentence = "is also registered by node \"\(stage.foreignNode)\" (1 instance)"
                #expect(stage.log.contains("is also registered by node"))
                let explained = try await stage.portolan(
                    "explain",
                    "\(stage.id)/cart",
                    "--admin",
                    stage.admin
                )
                #expect(explained.output.contains(sentence))
                try await eventually("the Event") {
                    try await stage.cluster.eventMessages().contains { $0.contains(sentence) }
                }
                #expect(try await stage.addresses(.cart) == ["10.244.1.11", "10.9.9.9"])
            }
        }
    }
}

extension ServerRequest {
    /// A list, or a watch that begins with one.
    fileprivate var listsSlices: Bool {
        path.hasSuffix("/endpointslices") && method == "GET"
            && (parameter("watch") == nil || parameter("sendInitialEvents") == "true")
    }
}
