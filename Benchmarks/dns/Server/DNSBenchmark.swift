import DNSCore
import DNSServer
import Logging
import ServiceCatalog

/// The server of the DNS benchmark, and what it is measured with: a zone, a load, and the cost of loading and changing it.
@main struct DNSBenchmark {
    private static let headless = BenchmarkZone(services: 2000, endpoints: 3)

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "zone": print(headless.zoneFile, terminator: "")
        case "queries": print(headless.queries, terminator: "")
        case "scale": ScaleBenchmark().run()
        case "serve" where arguments.count >= 3:
            guard let address = ListenAddress(arguments[1]), let workers = Int(arguments[2]) else { fallthrough }
            try await serve(on: address, workers: workers, cpus: arguments.dropFirst(3).compactMap { Int($0) })
        default:
            print(
                """
                usage: DNSBenchmark serve ADDRESS:PORT WORKERS [CPU]...
                       DNSBenchmark zone | queries | scale
                """
            )
        }
    }

    /// Serves until killed.
    private static func serve(on address: ListenAddress, workers: Int, cpus: [Int]) async throws {
        let store = ZoneStore()
        let zone = headless.makeZone(BenchmarkZone.apex, in: store)
        zone.apply(headless.changes)
        store.serve([zone])
        var configuration = ServerConfiguration(listen: [address])
        configuration.workers = workers
        configuration.cpus = cpus
        let server = DNSServer(configuration: configuration, zones: store, logger: Logger(label: "benchmark"))
        try await server.start()
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}
