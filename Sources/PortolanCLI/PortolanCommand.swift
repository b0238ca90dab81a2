import ArgumentParser
import Portolan

@main
struct PortolanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portolan",
        abstract: "Keeps Kubernetes and service registries in agreement, and answers DNS for all of them.",
        subcommands: [
            RunCommand.self, CheckCommand.self, PlanCommand.self, GetCommand.self, ExplainCommand.self,
            DNSSECCommand.self, VersionCommand.self,
        ]
    )
}

struct ConfigurationOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Runs the bridge.")

    @OptionGroup var file: ConfigurationOption

    func run() async throws {
        try await exiting { try await BridgeProcess(configurationFile: file.config).run() }
    }
}

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Validates the configuration, connects to every system and says what is missing."
    )

    @OptionGroup var file: ConfigurationOption

    func run() async throws {
        try await exiting {
            let report = try await Check(configurationFile: file.config).run()
            try write(report.lines.map { $0 + "\n" }.joined())
            if let failure = report.failure { throw CommandFailure(failure, message: report.summary) }
            try write(report.summary + "\n")
        }
    }
}

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Shows the version.")

    func run() async throws {
        let build = "Swift \(BuildInformation.compiler), \(BuildInformation.platform)"
        try await exiting { try write("portolan \(BuildInformation.version) (\(build))\n") }
    }
}

/// Runs a command; a failure ends the process with its message on standard error and its exit code.
func exiting(_ command: () async throws -> Void) async throws {
    do {
        try await command()
    } catch let failure as CommandFailure {
        if !failure.message.isEmpty { complain(failure.message) }
        throw ExitCode(failure.status.rawValue)
    }
}
