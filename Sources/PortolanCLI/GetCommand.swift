import AdminServer
import ArgumentParser
import Portolan

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
            case .systems: try await show("systems", [SystemView].self, Self.systems)
            case .zones: try await show("zones", [ZoneView].self, Self.zones)
            case .services: try await show("services", [ServiceView].self, Self.services)
            case .endpoints: try await show("endpoints", [ServiceView].self, Self.endpoints)
            case .syncs: try await show("syncs", [SyncView].self, Self.syncs)
            }
        }
    }

    private func show<View: Decodable>(
        _ view: String,
        _ type: View.Type,
        _ table: (_ view: View, _ isWide: Bool) -> TextTable
    ) async throws {
        let body = try await admin.client.get("v1", view)
        if output == .json {
            try write(String(decoding: body, as: UTF8.self) + "\n")
        } else {
            try write(table(try admin.client.decode(type, from: body), output == .wide).text())
        }
    }

    private static func systems(_ systems: [SystemView], isWide: Bool) -> TextTable {
        let more = isWide ? ["REQUIRED", "PROBLEMS", "REASON"] : []
        var table = TextTable(["SYSTEM", "KIND", "STATE", "SERVICES", "ENDPOINTS"] + more)
        for system in systems {
            var state = system.state.rawValue
            if system.state == .stale { state += " \(Int(system.staleSeconds)) s" }
            if let age = system.rememberedSeconds { state += ", DNS as of \(Int(age)) s ago" }
            let row = [system.name, system.kind, state, "\(system.services)", "\(system.endpoints)"]
            let wide = [system.required ? "yes" : "no", "\(system.problems.count)", system.reason ?? ""]
            table.add(row + (isWide ? wide : []))
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
        let more = isWide ? ["PROBLEMS", "ERROR"] : []
        var table = TextTable(["SYNC", "FROM", "TO", "STATE", "OWNED", "PENDING", "HELD"] + more)
        for sync in syncs {
            let row = [sync.name, sync.from, sync.to, sync.state, "\(sync.owned)", "\(sync.pending)", "\(sync.held)"]
            table.add(row + (isWide ? ["\(sync.problems.count)", sync.error ?? ""] : []))
        }
        return table
    }

    private static func ports(_ ports: [ServiceView.Port]) -> String {
        ports.map { "\($0.name.isEmpty ? "" : "\($0.name):")\($0.port)/\($0.protocol)" }.joined(separator: ",")
    }
}
