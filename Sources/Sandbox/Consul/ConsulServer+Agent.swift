extension ConsulServer {
    mutating func answerAgent(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        let authorizer = try authorizer(call)
        let response: ServerResponse
        switch call.endpoint {
        case .agentSelf: response = try agentSelf(call, authorizer)
        case .agentServices: response = try agentServices(call, authorizer)
        case .agentChecks: response = try agentChecks(call, authorizer)
        case .agentService: response = try agentService(call, authorizer)
        case .agentHealthByName: response = try agentHealth(call, authorizer)
        case .agentRegister: response = try agentRegister(call, authorizer)
        case .agentDeregister:
            if let service = agent.service(call.suffix) { try require(authorizer.canWrite(.service, service.name)) }
            agent.deregister(call.suffix)
            response = ServerResponse(200)
        case .agentMaintenance: response = try agentMaintenance(call, authorizer)
        case .agentCheckRegister: response = try agentCheckRegister(call, authorizer)
        case .agentCheckDeregister:
            try requireCheckWrite(call.suffix, authorizer)
            agent.removeCheck(call.suffix)
            response = ServerResponse(200)
        case .agentCheckPass: response = try beat(call, authorizer, CheckRecord.passing)
        case .agentCheckWarn: response = try beat(call, authorizer, CheckRecord.warning)
        case .agentCheckFail: response = try beat(call, authorizer, CheckRecord.critical)
        default: response = try updateCheck(call, authorizer)
        }
        syncAgent(now: call.now)
        return response
    }

    // MARK: Time

    /// Lets time pass: sessions and TTL checks run out.
    mutating func tick(now: Duration) {
        if let deadline = agent.nextDeadline, deadline <= now { agent.tick(now: now) }
        syncAgent(now: now)
        guard leadership == .elected else { return }
        for (id, deadline) in sessionDeadlines where deadline <= now {
            sessionDeadlines[id] = nil
            guard state.sessions[id] != nil else { continue }
            state.apply { state, index in state.deleteSession(id, index: index, now: now) }
        }
    }

    /// When `tick` will next have something to do.
    var nextDeadline: Duration? {
        let sessions = leadership == .elected ? sessionDeadlines.values.min() : nil
        return [agent.nextDeadline, sessions].compactMap { $0 }.min()
    }

    /// Carries what the agent has into the catalog, as soon as it can be written.
    private mutating func syncAgent(now: Duration) {
        guard leadership == .elected, writeRefusal == nil, agent.hasWrites else { return }
        let node = settings.nodeName
        for write in agent.takeWrites() {
            state.apply { state, index in
                switch write {
                // The agent's own entries are valid, and its node is there.
                case .register(let request): try? state.register(request, index: index, now: now)
                case .deregisterService(let id): state.deleteService(id, on: node, index: index, now: now)
                case .deregisterCheck(let id): state.deleteCheck(id, on: node, index: index, now: now)
                }
            }
        }
    }

    // MARK: Writes

    private mutating func agentRegister(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption)
        -> ServerResponse
    {
        var registration = try decoded(call, root: "") { json throws(DecodingFailure) in try AgentRegistration(json) }
        if let problem = registration.prepare() { throw .refused(400, problem) }
        try require(authorizer.canWrite(.service, registration.service.name))
        let replaces = call.request.parameter("replace-existing-checks").map { $0.isEmpty || goBool($0) ?? false }
        agent.register(registration, replacesChecks: replaces ?? false, now: call.now)
        return ServerResponse(200)
    }

    private mutating func agentMaintenance(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption)
        -> ServerResponse
    {
        guard let text = call.request.parameter("enable") else { throw .refused(400, "Missing value for enable") }
        guard let isEnabled = goBool(text) else { throw .refused(400, "Invalid value for enable: \(quoted(text))") }
        guard let service = agent.service(call.suffix) else {
            throw .refused(404, "No service registered with ID \(quoted(call.suffix))")
        }
        try require(authorizer.canWrite(.service, service.name))
        var reason = call.request.parameter("reason") ?? ""
        if reason.isEmpty {
            reason =
                "Maintenance mode is enabled for this service, but no reason was provided. This is a default message."
        }
        let check = AgentCheck(maintaining: service, reason: reason)
        if !isEnabled {
            agent.removeCheck(check.record.id)
        } else if agent.checks[check.record.id] == nil {
            agent.add(check, now: call.now)
        }
        return ServerResponse(200)
    }

    private mutating func agentCheckRegister(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption)
        -> ServerResponse
    {
        var check = try decoded(call, root: "") { json throws(DecodingFailure) in try AgentCheck(json) }
        if check.record.name.isEmpty { throw .refused(400, "Missing check name") }
        if let problem = check.problem { throw .refused(400, "Invalid check: \(problem)") }
        if check.record.id.isEmpty { check.record.id = check.record.name }
        if check.record.serviceID.isEmpty {
            try require(authorizer.canWrite(.node, settings.nodeName))
        } else if let service = agent.service(check.record.serviceID) {
            try require(authorizer.canWrite(.service, service.name))
        } else {
            throw .refused(500, "ServiceID \(quoted(check.record.serviceID)) does not exist")
        }
        agent.add(check, now: call.now)
        return ServerResponse(200)
    }

    private func requireCheckWrite(_ id: String, _ authorizer: Authorizer) throws(Interruption) {
        guard let check = agent.checks[id]?.record else { return }
        let isAllowed =
            check.serviceID.isEmpty
            ? authorizer.canWrite(.node, check.node) : authorizer.canWrite(.service, check.serviceName)
        try require(isAllowed)
    }

    private mutating func beat(
        _ call: ConsulCall,
        _ authorizer: Authorizer,
        _ status: String
    ) throws(Interruption) -> ServerResponse {
        try beat(call, authorizer, status, output: call.request.parameter("note") ?? "")
    }

    private mutating func updateCheck(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption)
        -> ServerResponse
    {
        var status = ""
        var output = ""
        _ = try decoded(call, root: "checkUpdate") { json throws(DecodingFailure) in
            try json.readFields(of: "checkUpdate") { name, value throws(DecodingFailure) in
                switch name {
                case "status": try value.read(into: &status)
                case "output": try value.read(into: &output)
                default: return false
                }
                return true
            }
        }
        guard [CheckRecord.passing, CheckRecord.warning, CheckRecord.critical].contains(status) else {
            throw .refused(400, "Invalid check status: '\(status)'")
        }
        return try beat(call, authorizer, status, output: output)
    }

    private mutating func beat(
        _ call: ConsulCall,
        _ authorizer: Authorizer,
        _ status: String,
        output: String
    ) throws(Interruption) -> ServerResponse {
        try requireCheckWrite(call.suffix, authorizer)
        guard agent.beat(call.suffix, status: status, output: output, now: call.now) else {
            throw .refused(500, "CheckID \(quoted(call.suffix)) does not have associated TTL")
        }
        return ServerResponse(200)
    }

    // MARK: Reads

    private func agentSelf(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption) -> ServerResponse {
        try require(authorizer.canRead(.agent, settings.nodeName))
        return json(call) { writer in
            writer.object { writer in
                writer.name("Config")
                writer.object { writer in
                    writer.member("Datacenter", settings.datacenter)
                    writer.member("PrimaryDatacenter", settings.datacenter)
                    writer.member("NodeName", settings.nodeName)
                    writer.member("NodeID", settings.nodeID)
                    writer.member("Revision", "")
                    writer.member("Server", true)
                    writer.member("Version", "1.10.0")
                }
                writer.name("Member")
                writer.object { writer in
                    writer.member("Name", settings.nodeName)
                    writer.member("Addr", "127.0.0.1")
                    writer.member("Port", 8301)
                    writer.member("Status", 1)
                }
            }
        }
    }

    private func agentServices(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption) -> ServerResponse {
        let filter = try filter(call, ServiceRecord.filterFields)
        let services = agent.sortedServices.filter { authorizer.canRead(.service, $0.name) && filter($0) }
        return json(call) { writer in
            writer.object { writer in
                for service in services {
                    writer.name(service.id)
                    writer.agentService(service, datacenter: settings.datacenter)
                }
            }
        }
    }

    private func agentChecks(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption) -> ServerResponse {
        let filter = try filter(call, CheckRecord.filterFields)
        let checks = agent.sortedChecks.filter { authorizer.canRead($0) && filter($0) }
        return json(call) { writer in
            writer.object { writer in
                for check in checks {
                    writer.name(check.id)
                    writer.check(check, missingTags: .asEmpty)
                }
            }
        }
    }

    private func agentService(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption) -> ServerResponse {
        guard let service = agent.service(call.suffix) else {
            throw .refused(404, "unknown service ID: \(call.suffix)")
        }
        try require(authorizer.canRead(.service, service.name))
        var hashed = GoJSONWriter(isIndented: false)
        hashed.agentService(service, datacenter: settings.datacenter)
        let hash = Self.contentHash(hashed.bytes)
        var response = json(call) { writer in
            writer.agentService(service, datacenter: settings.datacenter, contentHash: hash)
        }
        response.headers["X-Consul-Contenthash"] = hash
        return response
    }

    /// FNV-1a, in 16 hexadecimal digits.
    private static func contentHash(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private func agentHealth(_ call: ConsulCall, _ authorizer: Authorizer) throws(Interruption) -> ServerResponse {
        try require(authorizer.canRead(.service, call.suffix))
        let services = agent.sortedServices.filter { $0.name == call.suffix }
        let statuses = services.map { LocalHealth(agent.checks(ofService: $0.id)) }
        let (code, reason) =
            services.isEmpty
            ? (404, "ServiceName \(call.suffix) Not Found") : (statuses.max() ?? .passing).answer
        var response = json(call, code) { writer in
            writer.array(zip(services, statuses)) { writer, entry in
                writer.object { writer in
                    writer.member("AggregatedStatus", entry.1.answer.reason)
                    writer.name("Service")
                    writer.agentService(entry.0, datacenter: settings.datacenter)
                    writer.name("Checks")
                    writer.array(agent.checks(ofService: entry.0.id)) { $0.localCheck($1) }
                }
            }
        }
        response.headers["X-Consul-Reason"] = reason
        return response
    }
}

/// What the checks of one local service come to; the worst counts.
private enum LocalHealth: Int, Comparable {
    case passing, warning, critical, maintenance

    init(_ checks: [CheckRecord]) {
        let worst = checks.map { check -> LocalHealth in
            if check.id.hasPrefix("_service_maintenance:") { return .maintenance }
            switch check.status {
            case CheckRecord.passing: return .passing
            case CheckRecord.warning: return .warning
            default: return .critical
            }
        }
        self = worst.max() ?? .passing
    }

    var answer: (status: Int, reason: String) {
        switch self {
        case .passing: (200, "passing")
        case .warning: (429, "warning")
        case .critical: (503, "critical")
        case .maintenance: (503, "maintenance")
        }
    }

    static func < (left: LocalHealth, right: LocalHealth) -> Bool { left.rawValue < right.rawValue }
}

extension GoJSONWriter {
    fileprivate mutating func agentService(_ service: ServiceRecord, datacenter: String, contentHash: String? = nil) {
        object { writer in
            if !service.kind.isEmpty { writer.member("Kind", service.kind) }
            writer.member("ID", service.id)
            writer.member("Service", service.name)
            writer.member("Tags", service.tags ?? [])
            writer.member("Meta", service.meta ?? [:])
            writer.member("Port", service.port)
            writer.member("Address", service.address)
            writer.member("SocketPath", service.socketPath)
            writer.taggedAddresses("TaggedAddresses", service.taggedAddresses)
            writer.weights("Weights", service.weights)
            writer.member("EnableTagOverride", service.enableTagOverride)
            if let contentHash { writer.member("ContentHash", contentHash) }
            writer.member("Datacenter", datacenter)
        }
    }

    /// The client library's form of a check, which the agent's health endpoint uses.
    fileprivate mutating func localCheck(_ check: CheckRecord) {
        object { writer in
            writer.member("Node", check.node)
            writer.member("CheckID", check.id)
            writer.member("Name", check.name)
            writer.member("Status", check.status)
            writer.member("Notes", check.notes)
            writer.member("Output", check.output)
            writer.member("ServiceID", check.serviceID)
            writer.member("ServiceName", check.serviceName)
            writer.member("ServiceTags", check.serviceTags)
            writer.member("Type", "")
            writer.name("Definition")
            writer.object { writer in
                for name in ["Interval", "Timeout", "DeregisterCriticalServiceAfter"] { writer.member(name, "0s") }
                writer.member("HTTP", "")
                writer.name("Header")
                writer.null()
                for name in ["Method", "Body", "TLSServerName"] { writer.member(name, "") }
                writer.member("TLSSkipVerify", false)
                writer.member("TCP", "")
            }
            writer.member("CreateIndex", 0)
            writer.member("ModifyIndex", 0)
        }
    }
}
