import DNSCore
import Sandbox
import Synchronization
import Testing

extension SystemTests {
    @Suite struct APIServerTests {
        /// Looks at a Service in DNS and Consul all the while, and says when it was gone from either.
        private func gaps(
            of service: TestService,
            on stage: Stage,
            during play: () async throws -> Void
        ) async throws -> [String] {
            let gaps = Mutex<[String]>([])
            let looks = Mutex(0)
            let watch = Task {
                while !Task.isCancelled {
                    let answer = try? await stage.dns.ask(stage.name(service), .a)
                    if let answer, answer.answers.isEmpty { gaps.withLock { $0.append("DNS: \(answer.code)") } }
                    let entries = try? await stage.addresses(service)
                    if let entries, entries.isEmpty { gaps.withLock { $0.append("Consul") } }
                    if answer != nil, entries != nil { looks.withLock { $0 += 1 } }
                    try? await Task.sleep(for: .milliseconds(10))
                }
            }
            defer { watch.cancel() }
            try await play()
            #expect(looks.withLock { $0 } > 0)
            return gaps.withLock { $0 }
        }

        @Test("Watches that are cut, ended or expired lose no entry, and changes meanwhile are followed")
        func watches() async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.10"])
                try await stage.startBridgeAndSettle()
                let troubles: [@Sendable () -> Void] = [
                    { standIns.apiServer.cutWatches() },
                    { standIns.apiServer.endWatches() },
                    {
                        standIns.apiServer.compact()
                        standIns.apiServer.expireWatches()
                    },
                ]
                let found = try await gaps(of: .cart, on: stage) {
                    for (number, trouble) in troubles.enumerated() {
                        trouble()
                        let addresses = ["10.244.1.1\(number + 1)"]
                        try await stage.cluster.setAddresses(.cart, addresses)
                        try await stage.until(.cart, has: addresses)
                    }
                }
                #expect(found.isEmpty)
                #expect(try await stage.metric("portolan_watch_restarts_total", "reason=\"expired\"") > 0)
                #expect(try await stage.metric("portolan_watch_restarts_total", "reason=\"ended\"") > 0)
            }
        }

        @Test("While the API server fails, all is answered as it was known; afterwards changes are followed")
        func failures() async throws {
            try await withStandIns { stage, standIns in
                try await stage.cluster.create(.cart, ["10.244.1.11"])
                try await stage.startBridgeAndSettle()
                let found = try await gaps(of: .cart, on: stage) {
                    let writes = standIns.consul.counters.writes
                    // The test's own requests for single objects are served.
                    standIns.apiServer.faults.add(.failure(500, message: "etcd is away")) { request in
                        request.path.hasSuffix("/services") || request.path.hasSuffix("/endpointslices")
                    }
                    standIns.apiServer.cutWatches()
                    try await eventually("the system's state", is: "stale") { try await stage.system("k8s")?.state }
                    try await stage.cluster.setAddresses(.cart, ["10.244.1.12"])
                    #expect(try await stage.dns.addresses(stage.name(.cart)) == ["10.244.1.11"])
                    #expect(try await stage.get("/readyz").status == 200)
                    #expect(standIns.consul.counters.writes == writes)
                    standIns.apiServer.faults.removeAll()
                    try await stage.until(.cart, has: ["10.244.1.12"])
                    try await eventually("the system's state", is: "current") { try await stage.system("k8s")?.state }
                }
                #expect(found.isEmpty)
            }
        }

        @Test("check names a permission that is missing, and the rule that grants it")
        func missingPermission() async throws {
            try await withStandIns { stage, standIns in
                standIns.apiServer.deny(
                    PolicyRule(
                        verbs: ["list", "watch"],
                        apiGroups: ["discovery.k8s.io"],
                        resources: ["endpointslices"]
                    )
                )
                let check = try await stage.portolan("check", "--config", stage.configurationPath)
                #expect(check.status == 77, "\(check.errors)")
                for text in ["missing", "endpointslices.discovery.k8s.io", "apiGroups", "list", "watch"] {
                    #expect(check.output.contains(text), "\(check.output)")
                }
            }
        }
    }
}
