internal import Foundation
internal import Logging
internal import PortolanConfiguration
internal import PortolanLogs
internal import ServiceCatalog
internal import SyncEngine
internal import Telemetry

/// `portolan plan`: what the syncs would write, found out without writing.
package struct Plan: Sendable {
    /// What would change in the targets.
    package struct Outcome: Codable, Sendable, Equatable {
        package struct Entry: Codable, Sendable, Equatable {
            package let id: String
            package let service: String
            package let address: String?
            package let port: Int?
            package let health: String?
            /// Of an entry to be changed, what differs: `health critical → passing`, `tags`.
            package let differs: [String]?
        }

        package struct Target: Codable, Sendable, Equatable {
            package let target: String
            package let add: [Entry]
            package let change: [Entry]
            package let remove: [Entry]
            /// Of `remove`, what the removal guard would hold back.
            package let held: Int
            package let problems: [String]
        }

        package let targets: [Target]
    }

    private let file: ConfigurationFile

    package init(configurationFile: String) {
        file = ConfigurationFile(path: configurationFile)
    }

    /// Throws what keeps a source or a target from being read.
    package func run() async throws(CommandFailure) -> Outcome {
        let configuration = try file.load()
        let connector = SystemConnector(
            cluster: configuration.cluster,
            logs: LogOutput(level: .error),
            watchRestarts: Counter(.init("", help: "", labels: ["", ""]))
        )
        let store = CatalogStore(systems: configuration.systems.map(\.name))
        for source in Set(configuration.syncs.map(\.from)).sorted() {
            guard let system = configuration.system(source) else { continue }
            do throws(CommandFailure) {
                store.writer(for: source).apply(.snapshot(try await connector.connect(system).list()))
            } catch {
                throw error.of(source)
            }
        }
        var targets: [Outcome.Target] = []
        for (_, flow) in TargetFlow.flows(of: configuration).sorted(by: { $0.key < $1.key }) {
            let connected: ConnectedSystem
            do throws(CommandFailure) {
                connected = try connector.connect(flow.system)
            } catch {
                throw error.of(flow.system.name)
            }
            guard let target = connected.makeTarget?() else { continue }
            targets.append(Outcome.Target(try await plan(flow, target, store)))
        }
        return Outcome(targets: targets)
    }

    private func plan(
        _ flow: TargetFlow,
        _ target: any Target,
        _ store: CatalogStore
    ) async throws(CommandFailure) -> SyncPlan {
        do throws(TargetError) {
            return try await SyncMachine.plan(target: target, configuration: flow.machine, view: store, now: .now)
        } catch {
            let status: CommandFailure.Status =
                switch error {
                case .permission, .unauthorized: .permission
                default: .unavailable
                }
            throw CommandFailure(status, message: "system \(target.system): \(error)")
        }
    }
}

extension Plan.Outcome {
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}

extension Plan.Outcome.Target {
    fileprivate init(_ plan: SyncPlan) {
        target = plan.target.rawValue
        add = plan.added.map { .init($0) }
        change = plan.changed.map { .init($0.after, differs: $0.differences) }
        remove = plan.removed.map { .init($0) }
        held = plan.held
        problems = plan.problems.map(\.message)
    }
}

extension Plan.Outcome.Entry {
    fileprivate init(_ registration: Registration, differs: [String]? = nil) {
        id = registration.id.rawValue
        service = registration.service
        address = registration.host.description
        port = Int(registration.port)
        health = registration.health.rawValue
        self.differs = differs
    }

    fileprivate init(_ entry: ObservedEntry) {
        id = entry.id.rawValue
        service = entry.service
        address = entry.registration?.host.description
        port = entry.registration.map { Int($0.port) }
        health = entry.registration?.health.rawValue
        differs = nil
    }
}

extension SyncPlan.Change {
    fileprivate var differences: [String] {
        guard let before = before.registration else { return ["damaged"] }
        func differ<Value: Equatable>(_ label: String, _ value: (Registration) -> Value) -> String? {
            value(before) == value(after) ? nil : label
        }
        return [
            differ("health \(before.health.rawValue) → \(after.health.rawValue)", \.health),
            differ("weight \(before.weight) → \(after.weight)", \.weight),
            differ("tags", \.tags),
            differ("metadata", \.metadata),
            differ("mark", \.mark),
            differ("address or port") { "\($0.host) \($0.port)" },
        ].compactMap { $0 }
    }
}
