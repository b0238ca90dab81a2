import DNSCore
import DNSZones
import Foundation

/// The demo, act by act. Each act verifies what it shows.
struct Play: Sendable {
    let stage: Stage

    private static let cartName = "cart.\(Script.namespace).svc.cluster.local"
    private static let webName = "web.\(Script.namespace).svc.cluster.local"

    func perform() async throws {
        heading("The stage")
        print("  API server  \(stage.cluster.server) (\(try await stage.cluster.version()))")
        print("  Consul      \(stage.consul.address)")
        print("  Portolan    DNS 127.0.0.1:\(stage.dns.port), admin \(stage.admin)")
        print("              log \(stage.logPath)")

        heading("Two services are created in Kubernetes")
        try await stage.cluster.createNamespace()
        try await stage.cluster.create(Script.cart, Script.first)
        try await stage.cluster.create(Script.web, Script.webAddresses)
        for (service, addresses) in [(Script.cart, Script.first), (Script.web, Script.webAddresses)] {
            let kind = service.isHeadless ? "headless" : "ClusterIP"
            print(
                "  \(Script.namespace)/\(service.name)  \(kind), port \(service.portName), at \(addresses.joined(separator: ", "))"
            )
        }

        heading("They stand in the Consul catalog")
        try await stage.consul.wait("cart", for: Script.first, atMost: .seconds(30))
        try await stage.consul.wait("web", for: Script.webAddresses, atMost: .seconds(30))
        for name in ["cart", "web"] {
            for instance in try await stage.consul.instances(name).all {
                guard instance.status == "passing" else {
                    throw DemoFailure("\(name) at \(instance.address) is \(instance.status) in Consul, not passing")
                }
                print("  \(name)  \(instance.address):\(instance.port)  \(instance.status)")
            }
        }

        heading("And they are answered over DNS")
        try await waitForDNS(Self.cartName, Script.first)
        try show(Self.cartName, .a, atLeast: 3)
        try show("_grpc._tcp.\(Self.cartName)", .srv, atLeast: 3)
        try show(Self.webName, .a, atLeast: 1)
        try show("_http._tcp.\(Self.webName)", .srv, atLeast: 1)
        try show("nothing.\(Script.namespace).svc.cluster.local", .a, atLeast: 0, code: .nxDomain)

        heading("A rollout: each endpoint of cart is replaced by a new one")
        try await rollOut(from: Script.first, to: Script.next)

        heading("The bridge is asked what it knows")
        let explain = ["explain", "\(Script.namespace)/cart", "--admin", stage.admin]
        print("  $ portolan \(explain.joined(separator: " "))")
        for line in try stage.ask(explain) { print("  \(line)") }
        guard stage.bridgeIsRunning else { throw DemoFailure("the bridge has ended; its log tells why") }
    }

    /// Leaves everything running, shows what changes, and tells what to try.
    func stayOpen() async throws {
        heading("Yours to try; Ctrl-C ends it")
        print(
            """
              kubectl --kubeconfig \(stage.kubeconfig) -n \(Script.namespace) get services,endpointslices
              kubectl --kubeconfig \(stage.kubeconfig) -n \(Script.namespace) edit endpointslice cart-1
              dig @127.0.0.1 -p \(stage.dns.port) \(Self.cartName) SRV
              curl -s \(stage.consul.address)/v1/health/service/cart
              curl -s http://\(stage.admin)/metrics

            """
        )
        var known = try stage.dns.addresses(Self.cartName)
        while stage.bridgeIsRunning {
            try await Task.sleep(for: .milliseconds(100))
            let present = try stage.dns.addresses(Self.cartName)
            guard present != known else { continue }
            known = present
            print("  cart is now at \(present.isEmpty ? "nothing" : present.joined(separator: ", "))")
        }
        throw DemoFailure("the bridge has ended")
    }

    // MARK: Acts

    private func rollOut(from first: [String], to next: [String]) async throws {
        var present = first
        for (old, new) in zip(first, next) {
            present = present.map { $0 == old ? new : $0 }
            let addresses = present
            let start = ContinuousClock.now
            try await stage.cluster.roll(Script.cart, to: addresses)
            let acknowledged = start.duration(to: .now)
            async let consul = measured(from: start) {
                try await stage.consul.wait("cart", for: addresses, atMost: .seconds(10))
            }
            async let dns = measured(from: start) { try await waitForDNS(Self.cartName, addresses) }
            let (inDNS, inConsul) = try await (dns, consul)
            print(
                "  \(old) → \(new)   API server \(milliseconds(acknowledged))"
                    + "   DNS \(milliseconds(inDNS))   Consul \(milliseconds(inConsul))"
            )
        }
        print("  (milliseconds after the change was sent to the API server)")
    }

    private func measured(
        from start: ContinuousClock.Instant,
        _ wait: () async throws -> Void
    ) async throws -> Duration {
        try await wait()
        return start.duration(to: .now)
    }

    private func waitForDNS(_ name: String, _ addresses: [String]) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        var present: [String] = []
        while ContinuousClock.now < deadline {
            present = (try? stage.dns.addresses(name)) ?? []
            if present == addresses.sorted() { return }
            await Task.yield()
        }
        throw DemoFailure("DNS has \(name) at \(present) and not at \(addresses)")
    }

    private func show(_ name: String, _ type: RecordType, atLeast count: Int, code: ResponseCode = .noError) throws {
        let answer = try stage.dns.ask(name, type)
        print("  ; dig @127.0.0.1 -p \(stage.dns.port) \(name) \(type.text)   → \(answer.code)")
        guard answer.code == code, answer.answers.count >= count else {
            throw DemoFailure("\(name) \(type.text): \(answer.code) with \(answer.answers.count) answers")
        }
        for record in answer.answers + answer.additionals {
            let set = RecordSet(type: record.type, ttl: record.ttl, data: [record.data])
            for line in set.lines(owner: record.owner) { print("  \(line)") }
        }
    }

    // MARK: Words

    private func heading(_ text: String) { print("\n\(text)\n") }

    private func milliseconds(_ duration: Duration) -> String {
        let value = Double(duration.components.attoseconds) * 1e-15 + Double(duration.components.seconds) * 1e3
        return String(format: "%6.2f ms", value)
    }
}
