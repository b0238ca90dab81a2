import ArgumentParser
import Sandbox

struct APIServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api-server",
        abstract: "Run the API server stand-in.",
        discussion: "Prints one line of JSON with its address. Faults are set with POST to /sandbox/NAME."
    )

    @Option(help: "0 takes a free port.")
    var port = 0

    @OptionGroup var options: APIServerOptions

    func run() async throws {
        let server = try await options.start(port: port, logger: standardErrorLogger("sandbox.apiserver"))
        var places = ["apiServer": server.url]
        places["kubeconfig"] = options.kubeconfig
        try announce(places)
        await untilTerminated()
        try await server.shutDown(delay: .zero)
    }
}

struct ConsulCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consul",
        abstract: "Run the Consul stand-in.",
        discussion: "Prints one line of JSON with its address."
    )

    @Option(help: "0 takes a free port.")
    var port = 0

    func run() async throws {
        let consul = try await ConsulStandIn.start(
            on: HTTPServer.Configuration(port: port),
            logger: standardErrorLogger("sandbox.consul")
        )
        try announce(["consul": consul.url])
        await untilTerminated()
        await consul.stop()
    }
}

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run both stand-ins.",
        discussion: "Prints one line of JSON with their addresses and the kubeconfig file."
    )

    @Option(help: "The API server's port; 0 takes a free one.")
    var apiServerPort = 0

    @Option(help: "Consul's port; 0 takes a free one.")
    var consulPort = 0

    @OptionGroup var options: APIServerOptions

    func run() async throws {
        let server = try await options.start(port: apiServerPort, logger: standardErrorLogger("sandbox.apiserver"))
        let consul = try await ConsulStandIn.start(
            on: HTTPServer.Configuration(port: consulPort),
            logger: standardErrorLogger("sandbox.consul")
        )
        var places = ["apiServer": server.url, "consul": consul.url]
        places["kubeconfig"] = options.kubeconfig
        try announce(places)
        await untilTerminated()
        await consul.stop()
        try await server.shutDown(delay: .zero)
    }
}
