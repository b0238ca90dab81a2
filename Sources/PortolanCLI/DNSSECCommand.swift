import ArgumentParser
import Portolan

struct DNSSECCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dnssec",
        abstract: "Makes keys for signed zones, and the DS records that lead to them.",
        subcommands: [DelegationCommand.self, KeyCommand.self]
    )
}

struct DelegationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ds",
        abstract: "Prints the DS records of signed zones, for the zones above them."
    )

    @OptionGroup var file: ConfigurationOption

    @Argument(help: "One zone; all signed ones without.")
    var zone: String?

    func run() async throws {
        try await exiting {
            let lines = try DNSSECKeys.delegations(configurationFile: file.config, zone: zone)
            try write(lines.map { $0 + "\n" }.joined())
        }
    }
}

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Makes a key, active at once, and prints the name of its two files."
    )

    @Option(name: .long, help: "The zone it is for.")
    var zone: String

    @Option(name: .long, help: "Where its files go.")
    var directory = "."

    @Flag(name: .long, help: "A zone-signing key (256), to go with a key-signing one (257), which is the default.")
    var zsk = false

    func run() async throws {
        try await exiting {
            try write(DNSSECKeys.generate(zone: zone, isKeySigning: !zsk, directory: directory) + "\n")
        }
    }
}
