import ArgumentParser
import Portolan

struct PlanCommand: AsyncParsableCommand {
    enum Output: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what the syncs would add, change and remove. Writes nothing."
    )

    @OptionGroup var file: ConfigurationOption

    @Option(name: .shortAndLong, help: "text or json")
    var output = Output.text

    func run() async throws {
        try await exiting {
            let plan = try await Plan(configurationFile: file.config).run()
            guard output == .text else { return try write(try plan.json()) }
            guard !plan.targets.isEmpty else { return try write("The configuration has no sync.\n") }
            try write(plan.targets.map(Self.text).joined(separator: "\n"))
        }
    }

    private static func text(_ target: Plan.Outcome.Target) -> String {
        var table = TextTable()
        for entry in target.add { table.add(row("+", entry)) }
        for entry in target.change { table.add(row("~", entry)) }
        for entry in target.remove { table.add(row("-", entry)) }
        var text = table.text(separator: "  ")
        for problem in target.problems { text += "!  \(problem)\n" }
        text += "\(target.target): \(target.add.count) to add, \(target.change.count) to change, "
        text += "\(target.remove.count) to remove"
        if target.held > 0 { text += " (\(target.held) of them held by the removal guard)" }
        return text + "\n"
    }

    private static func row(_ sign: String, _ entry: Plan.Outcome.Entry) -> [String] {
        let place = entry.address.map { "\($0):\(entry.port ?? 0)" } ?? entry.id
        return [sign, entry.service, place, entry.health ?? "", (entry.differs ?? []).joined(separator: ", ")]
    }
}
