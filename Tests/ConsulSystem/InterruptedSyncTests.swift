import HTTPTransport
import Sandbox
import ServiceCatalog
import SyncEngine
import Synchronization
import Testing

@testable import ConsulSystem

/// What comes between a sync and its end: limits, lost answers, stops, long absences.
@Suite(.timeLimit(.minutes(5))) struct InterruptedSyncTests {
    /// Fifty instances each.
    private static func services(_ count: Int) -> [Service] {
        (1...count).map { number in service("s\(number)", (1...50).map { UInt32(number * 100 + $0) }) }
    }

    private static func isWhole(_ consul: ConsulStandIn, _ services: [Service]) -> Bool {
        services.allSatisfy { service in
            let instances = consul.instances(of: service.key.name)
            return instances.count == 50 && Set(instances.map(\.address)).count == 50
                && instances.allSatisfy { $0.status == "passing" && $0.meta["portolan-owner"] == "east" }
        }
    }

    @Test(
        "A Consul that asks to slow down in the middle of a first sync is left alone, and nothing is written twice",
        arguments: [
            (429, "RPC rate limit exceeded", 7), (429, "rate limit exceeded, try again later", nil),
            (500, "rpc error making call: rate limit exceeded", nil),
        ] as [(Int, String, Int?)]
    )
    func slowDown(status: Int, text: String, retryAfter: Int?) async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let time = LeapingTime()
            let log = Locked<(count: Int, refusedAt: ContinuousClock.Instant?, last: ContinuousClock.Instant)>(
                (0, nil, time.now)
            )
            let http = InterposedHTTP(harness.http) { request in
                guard request.url.contains("/v1/txn") else { return .passedOn }
                return log.value.withLock { log in
                    log.count += 1
                    log.last = time.now
                    // The node and nine batches first; then a few, of which the later may be under way with the first.
                    guard (11...13).contains(log.count) else { return .passedOn }
                    log.refusedAt = log.refusedAt ?? time.now
                    var headers: HTTPHeaders = [:]
                    if let retryAfter { headers["Retry-After"] = "\(retryAfter)" }
                    return .instead(HTTPResponse(status: status, headers: headers, body: Array(text.utf8)))
                }
            }
            let scene = SyncScene(harness.target(through: http), time: time.time)
            let services = Self.services(40)
            scene.tell(.snapshot(services))
            try await scene.settle(consul)
            #expect(Self.isWhole(consul, services))
            #expect(consul.counters.operations == 1 + 2 * 2000, "each entry once, and the node")
            let (_, refusedAt, last) = log.value.withLock { $0 }
            let pause = try #require(refusedAt).duration(to: last)
            #expect(pause >= retryAfter.map { .seconds($0) } ?? .milliseconds(5), "the refused ones were sent later")
            #expect(scene.seenEvents.contains { if case .targetFailed(.throttled) = $0 { true } else { false } })
            #expect(scene.seenEvents.contains(.targetRecovered))
            await scene.stop()
        }
    }

    @Test("A first sync whose answers get lost on the way writes no entry twice and removes none")
    func lostAnswers() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let services = Self.services(20)
            let count = Locked(0)
            let http = InterposedHTTP(harness.http) { request in
                guard request.url.contains("/v1/txn") else { return .passedOn }
                let number = count.value.withLock { count in
                    count += 1
                    return count
                }
                return number % 7 == 3 ? .lost : .passedOn
            }
            let scene = SyncScene(harness.target(through: http))
            scene.tell(.snapshot(services))
            try await scene.settle(consul)
            #expect(Self.isWhole(consul, services))
            let removals = scene.seenEvents.filter { event in
                if case .operation(_, .remove, _) = event { true } else { false }
            }
            #expect(removals.isEmpty)
            consul.resetCounters()
            let second = SyncScene(harness.target())
            second.tell(.snapshot(services))
            try await second.settle(consul)
            #expect(consul.counters.writes == 0, "what was lost was written all the same, as it should be")
            await second.stop()
            await scene.stop()
        }
    }

    @Test(
        "11 Clean stop: of a first sync, all batches in flight arrive whole; the next start writes the rest",
        arguments: [false, true]
    )
    func stopInTheMiddle(byCancellation: Bool) async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let services = Self.services(20)
            let gate = GatedHTTP(harness.http, path: "/v1/txn")
            let scene = SyncScene(harness.target(through: gate))
            scene.tell(.snapshot([service("first", [1])]))
            try await scene.settle(consul)
            gate.close()
            scene.tell(.changes(services.map { .set($0) }))
            for _ in 0..<4 { await gate.reached() }
            if byCancellation { scene.beginCancel() } else { scene.driver.stop() }
            gate.open()
            await scene.ended()

            let written = services.flatMap { consul.instances(of: $0.key.name) }
            #expect(written.count == 4 * 32, "four full transactions, and nothing after them")
            #expect(written.allSatisfy { $0.status == "passing" && $0.meta["portolan-owner"] == "east" })
            let told = scene.seenEvents.count { $0 == .operation(sync: "k8s-to-dc1", .add, result: "ok") }
            #expect(told == 1 + written.count)

            consul.resetCounters()
            let second = SyncScene(harness.target())
            second.tell(.snapshot(services + [service("first", [1])]))
            try await second.settle(consul)
            #expect(Self.isWhole(consul, services))
            #expect(consul.counters.operations == 2 * (1000 - written.count))
            await second.stop()
        }
    }

    @Test("A transaction that is cancelled ends at once, and is not said to be made")
    func cancelled() async throws {
        try await withStandIn { consul in
            let target = ConsulHarness(address: consul.url).target()
            // Writes wait for a leader that does not come.
            consul.setFaults { faults in
                faults.leader = .lost
                faults.leaderPatience = .seconds(3600)
            }
            let entry = Projector(
                definition: SyncDefinition(from: "k8s", to: "dc1"),
                cluster: "east",
                normalise: { target.normalise($0) }
            ).project(service("cart", [1]), as: "cart").entries
            let operations = entry.values.map { SyncEngine.Operation.put($0, replacing: nil) }
            let writing = Task { await target.apply(operations) }
            await consul.whenWaiting(requests: 1)
            writing.cancel()
            guard case .failed(.unreachable) = await writing.value[0] else {
                Issue.record("a cancelled write is an unknown one")
                return
            }
            await consul.whenIdle()
            consul.setFaults { $0 = ConsulFaults() }
            #expect(consul.instances(of: "cart").isEmpty)
        }
    }

    @Test("9 A Consul that was away for thousands of changes gets the last differences, once")
    func longAbsence() async throws {
        try await withStandIn { consul in
            let services = Self.services(20)
            let harness = ConsulHarness(address: consul.url)
            let attempts = Locked(0)
            let http = InterposedHTTP(harness.http) { request in
                if request.url.contains("/v1/txn") { attempts.value.withLock { $0 += 1 } }
                return .passedOn
            }
            let scene = SyncScene(harness.target(through: http))
            scene.tell(.snapshot(services))
            try await scene.settle(consul)
            await consul.goDown()
            var random = SplitMix64(seed: 5)
            for _ in 0..<150 {
                let changes = (1...20).map { number in
                    let all = (1...50).map { UInt32(number * 100 + $0) }
                    let sick = Set(all.filter { _ in Int.random(in: 0..<5, using: &random) == 0 })
                    let present = all.filter { _ in Int.random(in: 0..<10, using: &random) > 0 }
                    return ServiceChange.set(service("s\(number)", present, notReady: sick))
                }
                scene.tell(.changes(changes))
            }
            // In the end there is one more, one less, and one that is not ready.
            var last = services
            last[0] = service("s1", (1...51).map { UInt32(100 + $0) })
            last[1] = service("s2", (1...49).map { UInt32(200 + $0) })
            last[2] = service("s3", (1...50).map { UInt32(300 + $0) }, notReady: [307])
            scene.tell(.changes(last.map { .set($0) }))
            // The attempt under way may have been planned before; what comes after it was not.
            let before = attempts.value.withLock { $0 }
            try await scene.wait { attempts.value.withLock { $0 } >= before + 2 }
            consul.resetCounters()
            try await consul.comeUp()
            try await scene.settle(consul)
            #expect(consul.counters.operations == 2 + 1 + 1, "service and check; a removal; a check")
            #expect(consul.counters.transactions <= 2)
            #expect(consul.instances(of: "s1").count == 51)
            #expect(consul.instances(of: "s2").count == 49)
            #expect(consul.instances(of: "s3").filter { $0.status == "critical" }.map(\.address) == ["10.0.1.51"])
            await scene.stop()
        }
    }

    @Test("After a change of health alone nothing makes the instances be read again")
    func readings() async throws {
        try await withStandIn { consul in
            let harness = ConsulHarness(address: consul.url)
            let (signals, signal) = AsyncStream.makeStream(of: Void.self)
            let counts = Locked((ends: 0, readings: 0))
            let http = InterposedHTTP(harness.http) { request in
                guard request.url.contains("/node-services/"), request.url.contains("index=") else { return }
                counts.value.withLock { $0.ends += 1 }
                signal.yield()
            } decide: { request in
                if request.url.contains("/node-services/"), !request.url.contains("index=") {
                    counts.value.withLock { $0.readings += 1 }
                }
                return .passedOn
            }
            let scene = SyncScene(harness.target(through: http, wait: .seconds(1)))
            scene.tell(.snapshot([service("cart", [1, 2])]))
            try await scene.settle(consul)
            // The readings once the wait that is under way has ended, and one more: what follows the former has happened by then.
            var ends = signals.makeAsyncIterator()
            func nextReadings() async -> Int {
                let end = counts.value.withLock { $0.ends } + 2
                while counts.value.withLock({ $0.ends }) < end { await ends.next() }
                return counts.value.withLock { $0.readings }
            }
            // What was written first is read once more, sooner or later.
            var readings = await nextReadings()
            while case let next = await nextReadings(), next != readings { readings = next }
            scene.tell(.changes([.set(service("cart", [1, 2], notReady: [2]))]))
            try await scene.wait { consul.instances(of: "cart").map(\.status) == ["passing", "critical"] }
            #expect(await nextReadings() == readings)
            await scene.stop()
        }
    }
}
