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
            for line in report.lines { print(line) }
            if let failure = report.failure { throw CommandFailure(failure, message: report.summary) }
        }
    }
}

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what the syncs would add, change and remove. Writes nothing."
    )

    @OptionGroup var file: ConfigurationOption

    @Option(name: .shortAndLong, help: "text or json")
    var output = PlanOutput.text

    func run() async throws {
        try await exiting {
            let plan = try await Plan(configurationFile: file.config).run()
            print(output == .json ? try plan.json() : plan.text, terminator: "")
        }
    }
}

enum PlanOutput: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Shows the version.")

    func run() {
        print("portolan \(BuildInformation.version) (Swift \(BuildInformation.compiler), \(BuildInformation.platform))")
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
