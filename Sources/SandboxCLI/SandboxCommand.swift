import ArgumentParser

/// Stand-ins for an API server and a Consul on loopback, and what gives them something to do.
@main
struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portolan-sandbox",
        abstract: "Stand-ins for an API server and a Consul, on loopback, in memory.",
        subcommands: [
            UpCommand.self, APIServerCommand.self, ConsulCommand.self, LoadCommand.self, RolloutCommand.self,
            ChurnCommand.self,
        ]
    )
}
