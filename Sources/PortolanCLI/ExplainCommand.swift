import AdminServer
import ArgumentParser
import Portolan

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Follows one service from its API object to every registry and DNS name, and says why not.",
        discussion: "Ends with 1 when no system has the service."
    )

    @Argument(help: ArgumentHelp("The service.", valueName: "namespace/service"))
    var service: String

    @OptionGroup var admin: AdminOption

    func validate() throws {
        guard parts.count == 2, !parts.contains("") else {
            throw ValidationError("\"\(service)\" is not NAMESPACE/SERVICE")
        }
    }

    private var parts: [String] {
        service.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    }

    func run() async throws {
        try await exiting {
            let body = try await admin.client.get("v1", "explain", parts[0], parts[1])
            let steps = try admin.client.decode([ExplainStep].self, from: body)
            try write(steps.map(Self.text).joined())
            if steps.allSatisfy({ $0.outcome == .stopped }) { throw CommandFailure(.failure, message: "") }
        }
    }

    private static func text(_ step: ExplainStep) -> String {
        let sign =
            switch step.outcome {
            case .ok: "ok     "
            case .warning: "warning"
            case .stopped: "stopped"
            }
        return (["\(sign)  \(step.place): \(step.message)"] + step.details.map { "           \($0)" })
            .map { $0 + "\n" }.joined()
    }
}
