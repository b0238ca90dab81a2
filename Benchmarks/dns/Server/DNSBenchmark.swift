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
        case "answers": AnswerBenchmark().run(count: 2_000_000)
        case "serve" where arguments.count >= 3:
            guard let address = ListenAddress(arguments[1]), let workers = Int(arguments[2]) else { fallthrough }
            let secret = arguments.dropFirst(3).first.flatMap { CookieSecrets.Secret($0) } ?? .random()
            let changes = arguments.dropFirst(4).first.flatMap { Int($0) } ?? 0
            try await serve(on: address, workers: workers, secret: secret, changesPerSecond: changes)
        default:
            print(
                """
                usage: DNSBenchmark serve ADDRESS:PORT WORKERS [COOKIE-SECRET [CHANGES-PER-SECOND]]
                       DNSBenchmark zone | queries | answers | scale
                """
            )
        }
    }

    /// Serves until killed, and meanwhile replaces so many endpoints a second.
    private static func serve(
        on address: ListenAddress,
        workers: Int,
        secret: CookieSecrets.Secret,
        changesPerSecond: Int
    ) async throws {
        let store = ZoneStore()
        let zone = headless.makeZone(BenchmarkZone.apex, in: store)
        zone.apply(headless.changes)
        store.serve([zone])
        var configuration = ServerConfiguration(listen: [address])
        configuration.workers = workers
        configuration.answers.cookies = CookieSecrets(current: secret)
        let server = DNSServer(configuration: configuration, zones: store, logger: Logger(label: "benchmark"))
        try await server.start()
        let start = ContinuousClock.now
        var made = 0
        while true {
            try await Task.sleep(for: changesPerSecond > 0 ? .milliseconds(5) : .seconds(3600))
            let due = Int(start.duration(to: .now) / .milliseconds(1)) * changesPerSecond / 1000
            for change in made..<max(made, due) { zone.apply(headless.replacement(change)) }
            made = max(made, due)
        }
    }
}
