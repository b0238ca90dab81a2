import ArgumentParser
import KubernetesClient
import KubernetesObjects

struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Fill a namespace with headless Services load-0, load-1, … and their EndpointSlices."
    )

    @OptionGroup var cluster: ClusterOptions

    @Option(help: "How many Services.")
    var services = 1000

    @Option(help: "How many endpoints each has.")
    var endpoints = 100

    @Option(help: "How many requests are under way at a time.")
    var parallel = 8

    func run() async throws {
        let cluster = try cluster.connect()
        try await cluster.createNamespace()
        let clock = ContinuousClock()
        let duration = try await clock.measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<services {
                    if number >= parallel { try await group.next() }
                    group.addTask { try await self.make(number, in: cluster) }
                }
                try await group.waitForAll()
            }
        }
        print("\(services) services with \(endpoints) endpoints each in \(duration)")
    }

    private func make(_ number: Int, in cluster: Cluster) async throws {
        let name = "load-\(number)"
        let service: JSONValue = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)],
            "spec": [
                "clusterIP": "None", "selector": ["app": .string(name)], "ports": [["name": "grpc", "port": 9090]],
            ],
        ]
        try await cluster.create(service, cluster.reference(.services, name))
        var addresses = AddressSequence()
        addresses.last += UInt32(number * endpoints)
        for (index, start) in stride(from: 0, to: max(endpoints, 1), by: Cluster.endpointsPerSlice).enumerated() {
            let count = min(Cluster.endpointsPerSlice, endpoints - start)
            let sliceName = "\(name)-\(index)"
            let slice: JSONValue = [
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": [
                    "name": .string(sliceName), "labels": ["kubernetes.io/service-name": .string(name)],
                ],
                "addressType": "IPv4", "ports": [["name": "grpc", "port": 9090, "protocol": "TCP"]],
                "endpoints": .array((0..<max(count, 0)).compactMap { _ in addresses.next() }.map { endpoint($0) }),
            ]
            try await cluster.create(slice, cluster.reference(.endpointSlices, sliceName))
        }
    }
}
