extension ConsulServer {
    mutating func answerHealth(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        switch call.endpoint {
        case .healthService: try healthService(call, attempt)
        case .healthNode:
            try checks(call, attempt) { state in state.node(call.suffix)?.sortedChecks ?? [] }
        case .healthChecks:
            try checks(call, attempt) { state in
                let name = ConsulState.identity(call.suffix)
                return state.sortedNodes.flatMap(\.sortedChecks).filter {
                    ConsulState.identity($0.serviceName) == name
                }
            }
        default:
            try checks(call, attempt) { state in
                state.sortedNodes.flatMap(\.sortedChecks).filter { call.suffix == "any" || $0.status == call.suffix }
            }
        }
    }

    private mutating func healthService(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        if call.suffix.isEmpty { throw .refused(400, "Missing service name") }
        return try read(call, .health(call.suffix), attempt) { server, authorizer throws(Interruption) in
            let filter = try server.filter(call, HealthEntry.healthFields)
            let wantsPassing = try Self.flag(call, "passing")
            let entries = server.instances(call, authorizer).filter { entry in
                filter(entry) && (!wantsPassing || entry.checks.allSatisfy { $0.status == CheckRecord.passing })
            }
            return server.json(call) { writer in
                writer.array(entries) { writer, entry in
                    writer.object { writer in
                        writer.name("Node")
                        writer.node(entry.node)
                        writer.name("Service")
                        writer.service(entry.service, missingTags: .asEmpty)
                        writer.name("Checks")
                        writer.array(entry.checks) { $0.check($1, missingTags: .asEmpty) }
                    }
                }
            }
        }
    }

    /// A parameter without value is true.
    private static func flag(_ call: ConsulCall, _ name: String) throws(Interruption) -> Bool {
        guard let text = call.request.parameter(name) else { return false }
        if text.isEmpty { return true }
        guard let value = goBool(text) else { throw .refused(400, "Invalid value for ?\(name)") }
        return value
    }

    private mutating func checks(
        _ call: ConsulCall,
        _ attempt: Attempt,
        _ select: (ConsulState) -> [CheckRecord]
    ) throws(Interruption) -> ServerResponse {
        try read(call, .checks, attempt) { server, authorizer throws(Interruption) in
            let filter = try server.filter(call, CheckRecord.filterFields)
            let checks = select(server.state).filter { check in
                authorizer.canRead(check) && filter(check)
                    && (server.state.node(check.node).map { call.selects($0.record) } ?? false)
            }
            return server.json(call) { writer in
                writer.array(checks) { $0.check($1, missingTags: .asEmpty) }
            }
        }
    }
}
