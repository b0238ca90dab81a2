import AdminServer
import ArgumentParser
import Portolan

struct AdminOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Where the running instance listens.", valueName: "address"))
    var admin = "127.0.0.1:8053"

    var client: AdminClient { AdminClient(address: admin) }
}

struct GetCommand: AsyncParsableCommand {
    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case systems
        case zones
        case services
        case endpoints
        case syncs
    }

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case table
        case wide
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Shows what a running instance knows."
    )

    @Argument(help: "systems, zones, services, endpoints or syncs")
    var subject: Subject

    @Option(name: .shortAndLong, help: "table, wide or json")
    var output = Output.table

    @OptionGroup var admin: AdminOption

    func run() async throws {
        try await exiting {
            switch subject {
            case .systems: try await show("/v1/systems", [SystemView].self, Self.systems)
            case .zones: try await show("/v1/zones", [ZoneView].self, Self.zones)
            case .services: try await show("/v1/services", [ServiceView].self, Self.services)
            case .endpoints: try await show("/v1/endpoints", [ServiceView].self, Self.endpoints)
            case .syncs: try await show("/v1/syncs", [SyncView].self, Self.syncs)
            }
        }
    }

    private func show<View: Decodable>(
        _ path: String,
        _ type: View.Type,
        _ table: (_ view: View, _ isWide: Bool) -> TextTable
    ) async throws {
        let body = try await admin.client.get(path)
        if output == .json {
            print(String(decoding: body, as: UTF8.self))
        } else {
            print(table(try admin.client.decode(type, from: body), output == .wide).text, terminator: "")
        }
    }

    private static func systems(_ systems: [SystemView], isWide: Bool) -> TextTable {
        var table = TextTable(["SYSTEM", "KIND", "STATE", "SERVICES", "ENDPOINTS"] + (isWide ? ["REASON"] : []))
        for system in systems {
            var state = system.state.rawValue
            if system.state == .stale { state += " \(Int(system.staleSeconds)) s" }
            if let age = system.rememberedSeconds { state += ", DNS as of \(Int(age)) s ago" }
            let row = [system.name, system.kind, state, "\(system.services)", "\(system.endpoints)"]
            table.add(row + (isWide ? [system.reason ?? ""] : []))
        }
        return table
    }

    private static func zones(_ zones: [ZoneView], isWide: Bool) -> TextTable {
        var table = TextTable(["ZONE", "SYSTEMS", "STATE", "NAMES", "SERIAL"] + (isWide ? ["LOST"] : []))
        for zone in zones {
            var state = zone.state.rawValue
            if zone.staleSeconds > 0 { state += " \(Int(zone.staleSeconds)) s" }
            let row = [zone.name, zone.systems.joined(separator: ","), state, "\(zone.names)", "\(zone.serial)"]
            table.add(row + (isWide ? [zone.lost.joined(separator: ",")] : []))
        }
        return table
    }

    private static func services(_ services: [ServiceView], isWide: Bool) -> TextTable {
        let more = isWide ? ["PORTS", "ADDRESSES"] : []
        var table = TextTable(["SYSTEM", "NAMESPACE", "SERVICE", "KIND", "READY"] + more)
        for service in services {
            let ready = "\(service.readyCount)/\(service.endpointCount)"
            let row = [service.system, service.namespace, service.name, service.kind, ready]
            table.add(row + (isWide ? [ports(service.ports), service.addresses.joined(separator: ",")] : []))
        }
        return table
    }

    private static func endpoints(_ services: [ServiceView], isWide: Bool) -> TextTable {
        let more = isWide ? ["TARGET", "NODE", "ZONE", "WEIGHT", "ORIGIN"] : []
        var table = TextTable(["SYSTEM", "NAMESPACE", "SERVICE", "ADDRESS", "PORTS", "STATE"] + more)
        for service in services {
            for endpoint in service.endpoints ?? [] {
                let row = [
                    service.system, service.namespace, service.name, endpoint.address, ports(endpoint.ports),
                    endpoint.state,
                ]
                let wide = [
                    endpoint.target ?? "", endpoint.node ?? "", endpoint.zone ?? "",
                    endpoint.weight.map(String.init) ?? "", endpoint.origin,
                ]
                table.add(row + (isWide ? wide : []))
            }
        }
        return table
    }

    private static func syncs(_ syncs: [SyncView], isWide: Bool) -> TextTable {
        let more = isWide ? ["ERROR", "PROBLEMS"] : []
        var table = TextTable(["SYNC", "FROM", "TO", "STATE", "OWNED", "PENDING", "HELD"] + more)
        for sync in syncs {
            let row = [sync.name, sync.from, sync.to, sync.state, "\(sync.owned)", "\(sync.pending)", "\(sync.held)"]
            table.add(row + (isWide ? [sync.error ?? "", "\(sync.problems.count)"] : []))
        }
        return table
    }

    private static func ports(_ ports: [ServiceView.Port]) -> String {
        ports.map { "\($0.name.isEmpty ? "" : "\($0.name):")\($0.port)/\($0.protocol)" }.joined(separator: ",")
    }
}

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Follows one service from its API object to every registry and DNS name, and says why not."
    )

    @Argument(help: ArgumentHelp("The service.", valueName: "namespace/service"))
    var service: String

    @OptionGroup var admin: AdminOption

    func validate() throws {
        guard service.split(separator: "/", omittingEmptySubsequences: false).filter({ !$0.isEmpty }).count == 2 else {
            throw ValidationError("\"\(service)\" is not NAMESPACE/SERVICE")
        }
    }

    func run() async throws {
        try await exiting {
            let body = try await admin.client.get("/v1/explain/\(service)")
            for step in try admin.client.decode([ExplainStep].self, from: body) {
                let sign =
                    switch step.outcome {
                    case .ok: "ok     "
                    case .warning: "warning"
                    case .stopped: "stopped"
                    }
                print("\(sign)  \(step.place): \(step.message)")
                for detail in step.details { print("           \(detail)") }
            }
        }
    }
}
