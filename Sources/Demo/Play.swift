import DNSCore
import DNSZones
import Foundation

/// The demo, act by act. Each act verifies what it shows.
struct Play: Sendable {
    let scene: Scene

    private var script: Script { scene.script }
    private var cartName: String { script.name(Script.cart) }
    private var webName: String { script.name(Script.web) }

    func perform() async throws {
        try heading("The scene")
        try say("  API server  \(scene.cluster.server) (\(await scene.cluster.version()))")
        try say("  Consul      \(scene.consul.address)")
        try say("  Portolan    DNS 127.0.0.1:\(scene.dns.port), admin \(scene.admin)")
        try say("              log \(scene.logPath)")

        try heading("Two services are created in Kubernetes")
        try await scene.cluster.create(Script.cart, Script.first)
        try await scene.cluster.create(Script.web, Script.webAddresses)
        for (service, addresses) in [(Script.cart, Script.first), (Script.web, Script.webAddresses)] {
            let kind = service.isHeadless ? "headless" : "ClusterIP"
            let (name, place) = (padded(service.name, 4), addresses.joined(separator: ", "))
            try say("  \(script.namespace)/\(name)  \(padded(kind, 9))  port \(service.portName) at \(place)")
        }

        try heading("They stand in the Consul catalog")
        try await scene.consul.wait(script.entry(Script.cart), for: Script.first, atMost: .seconds(30))
        try await scene.consul.wait(script.entry(Script.web), for: Script.webAddresses, atMost: .seconds(30))
        let entries = Script.services.map { script.entry($0) }
        let width = entries.map(\.count).max() ?? 0
        for name in entries {
            for instance in try await scene.consul.instances(name).all {
                guard instance.status == "passing" else {
                    throw DemoFailure("\(name) at \(instance.address) is \(instance.status) in Consul, not passing")
                }
                try say("  \(padded(name, width))  \(instance.address):\(instance.port)  \(instance.status)")
            }
        }

        try heading("And they are answered over DNS")
        try await waitForDNS(cartName, Script.first)
        try show(cartName, .a, atLeast: 3)
        try show("_grpc._tcp.\(cartName)", .srv, atLeast: 3)
        try show(webName, .a, atLeast: 1)
        try show("_http._tcp.\(webName)", .srv, atLeast: 1)
        try show("nothing.\(script.namespace).svc.cluster.local", .a, atLeast: 0, code: .nxDomain)

        try heading("A rollout: each endpoint of cart is replaced by a new one")
        try await rollOut(from: Script.first, to: Script.next)

        try heading("The bridge is asked what it knows")
        let explain = ["explain", "\(script.namespace)/cart", "--admin", scene.admin]
        try say("  $ portolan \(explain.joined(separator: " "))")
        for line in try await scene.ask(explain) { try say("  \(line)") }
        guard scene.bridgeIsRunning else { throw DemoFailure("the bridge has ended; its log tells why") }
    }

    /// Leaves everything running, shows what changes, and tells what to try.
    func stayOpen() async throws {
        try heading("Yours to try; Ctrl-C ends it")
        try say(
            """
              export KUBECONFIG=\(scene.kubeconfig)
              kubectl -n \(script.namespace) get services,endpointslices
              kubectl -n \(script.namespace) edit endpointslice cart-1
              dig @127.0.0.1 -p \(scene.dns.port) \(cartName) SRV
              curl -s \(scene.consul.address)/v1/health/service/\(script.entry(Script.cart))
              curl -s http://\(scene.admin)/metrics

            Changes of cart are shown here:
            """
        )
        var known = try scene.dns.addresses(cartName)
        while scene.bridgeIsRunning {
            try await Task.sleep(for: .milliseconds(100))
            // A question that goes lost on a busy machine is no news.
            guard let present = try? scene.dns.addresses(cartName), present != known else { continue }
            known = present
            try say("  cart is now at \(present.isEmpty ? "nothing" : present.joined(separator: ", "))")
        }
        throw DemoFailure("the bridge has ended")
    }

    // MARK: Acts

    private func rollOut(from first: [String], to next: [String]) async throws {
        var present = first
        try say("  \(padded("", 25))  API server         DNS      Consul")
        for (old, new) in zip(first, next) {
            present = present.map { $0 == old ? new : $0 }
            let addresses = present
            let start = ContinuousClock.now
            try await scene.cluster.roll(Script.cart, to: addresses)
            let acknowledged = start.duration(to: .now)
            async let consul = measured(from: start) {
                try await scene.consul.wait(script.entry(Script.cart), for: addresses, atMost: .seconds(10))
            }
            async let dns = measured(from: start) { try await waitForDNS(cartName, addresses) }
            let (inDNS, inConsul) = try await (dns, consul)
            let times = [acknowledged, inDNS, inConsul].map(milliseconds).joined(separator: "  ")
            try say("  \(old) → \(new)  \(times)")
        }
        try say("  (after the change was sent to the API server)")
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
            present = (try? scene.dns.addresses(name)) ?? []
            if present == addresses.sorted() { return }
            await Task.yield()
        }
        throw DemoFailure("DNS has \(name) at \(present) and not at \(addresses)")
    }

    private func show(_ name: String, _ type: RecordType, atLeast count: Int, code: ResponseCode = .noError) throws {
        let answer = try scene.dns.ask(name, type)
        try say("  \(name) \(type.text)  → \(answer.code)")
        guard answer.code == code, answer.answers.count >= count else {
            throw DemoFailure("\(name) \(type.text): \(answer.code) with \(answer.answers.count) answers")
        }
        for record in answer.answers { try say("    \(type.text) \(record.data.text(of: record.type))") }
        for record in answer.additionals {
            try say("    \(record.owner) \(record.type.text) \(record.data.text(of: record.type))")
        }
    }

    // MARK: Words

    private func heading(_ text: String) throws { try say("\n\(text)\n") }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func milliseconds(_ duration: Duration) -> String {
        let value = Double(duration.components.attoseconds) * 1e-15 + Double(duration.components.seconds) * 1e3
        return String(format: "%7.2f ms", value)
    }
}
