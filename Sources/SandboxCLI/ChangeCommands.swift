import ArgumentParser
import KubernetesClient
import KubernetesObjects

struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Replace a Service's endpoints one by one, the way a Deployment does.",
        discussion: "Each new endpoint appears not ready, becomes ready, and one old endpoint drains and goes."
    )

    @OptionGroup var cluster: ClusterOptions

    @Argument(help: "The Service.")
    var service: String

    @Option(help: "Milliseconds between two changes.")
    var interval = 100

    func run() async throws {
        let cluster = try cluster.connect()
        let slices = try await cluster.slices(of: service)
        guard !slices.isEmpty else {
            throw ValidationError("no EndpointSlice in namespace \(cluster.namespace) belongs to Service \(service)")
        }
        var addresses = AddressSequence(after: "10.192.0.0")
        var changes = 0
        for slice in slices {
            var endpoints = slice.endpoints
            for _ in slice.endpoints {
                for step in Self.replaceFirst(of: endpoints, by: addresses.next() ?? "") {
                    endpoints = step
                    try await cluster.setEndpoints(endpoints, ofSlice: slice.name)
                    changes += 1
                    try await Task.sleep(for: .milliseconds(interval))
                }
            }
        }
        print("\(changes) changes")
    }

    /// The states on the way from the first endpoint to a new one, which comes last.
    static func replaceFirst(of endpoints: [JSONValue], by address: String) -> [[JSONValue]] {
        guard let oldest = endpoints.first else { return [] }
        let rest = Array(endpoints.dropFirst())
        var draining = oldest
        draining["conditions"] = ["ready": false, "serving": true, "terminating": true]
        return [
            endpoints + [endpoint(address, ready: false)],
            endpoints + [endpoint(address)],
            [draining] + rest + [endpoint(address)],
            rest + [endpoint(address)],
        ]
    }
}

struct ChurnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "churn",
        abstract: "Change endpoints of the loaded Services at a steady rate: readiness comes and goes."
    )

    @OptionGroup var cluster: ClusterOptions

    @Option(help: "How many Services were loaded.")
    var services = 1000

    @Option(help: "Changes a second.")
    var rate = 10.0

    @Option(help: "Seconds.")
    var duration = 60.0

    func validate() throws {
        guard rate > 0, duration > 0, services > 0 else {
            throw ValidationError("--rate, --duration and --services must be above zero")
        }
    }

    func run() async throws {
        let cluster = try cluster.connect()
        let clock = ContinuousClock()
        let start = clock.now
        let total = Int(rate * duration)
        for change in 0..<total {
            try await clock.sleep(until: start + .seconds(Double(change) / rate))
            let service = "load-\(Int.random(in: 0..<services))"
            guard let slice = try await cluster.slices(of: service).randomElement(), !slice.endpoints.isEmpty else {
                throw ValidationError("Service \(service) has no endpoints; see portolan-sandbox load")
            }
            var endpoints = slice.endpoints
            let index = Int.random(in: endpoints.indices)
            let isReady = endpoints[index]["conditions"]?["ready"]?.boolean ?? true
            endpoints[index]["conditions"] = ["ready": .boolean(!isReady), "serving": .boolean(!isReady)]
            try await cluster.setEndpoints(endpoints, ofSlice: slice.name)
        }
        print("\(total) changes in \(clock.now - start)")
    }
}
