extension ConsulServer {
    mutating func answerSession(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        switch call.endpoint {
        case .sessionCreate: try createSession(call)
        case .sessionRenew: try renewSession(call)
        case .sessionDestroy: try destroySession(call)
        case .sessionInfo: try listSessions(call, attempt) { $0.id == call.suffix }
        case .sessionNode:
            try listSessions(call, attempt) {
                ConsulState.identity($0.node) == ConsulState.identity(call.suffix)
            }
        default: try listSessions(call, attempt) { _ in true }
        }
    }

    private mutating func listSessions(
        _ call: ConsulCall,
        _ attempt: Attempt,
        _ isWanted: (SessionRecord) -> Bool
    ) throws(Interruption) -> ServerResponse {
        try read(call, .sessions, attempt, form: .plain) { server, authorizer in
            let sessions = server.state.sessions.values
                .filter { isWanted($0) && authorizer.canRead(.session, $0.node) }
                .sorted { $0.id < $1.id }
            return server.json(call) { writer in writer.array(sessions) { $0.session($1) } }
        }
    }

    private mutating func createSession(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        var session = SessionRecord(node: settings.nodeName, lockDelay: .seconds(15), nodeChecks: ["serfHealth"])
        var datacenter = ""
        var behavior = ""
        if !call.request.body.isEmpty {
            (session, datacenter, behavior) = try decoded(call, root: "") { json throws(DecodingFailure) in
                try Self.session(json, defaults: session)
            }
        }
        try requireWritable(call, datacenter: datacenter)
        try require(try authorizer(call).canWrite(.session, session.node))
        if let problem = Self.lifetimeProblem(session.ttl) { throw .refused(500, problem) }
        session.id = randomUUID()
        do throws(StateFailure) {
            try commit { state, index throws(StateFailure) in
                guard let known = SessionRecord.Behavior(rawValue: behavior.isEmpty ? "release" : behavior) else {
                    throw StateFailure("Invalid session behavior: \(behavior)")
                }
                session.behavior = known
                try state.createSession(session, index: index)
            }
        } catch {
            throw .refused(500, "apply failed: \(error.message)")
        }
        sessionDeadlines[session.id] = session.lifetime.map { call.now + $0 }
        return json(call) { writer in writer.object { $0.member("ID", session.id) } }
    }

    private static func session(
        _ json: GoJSON,
        defaults: SessionRecord
    ) throws(DecodingFailure) -> (SessionRecord, datacenter: String, behavior: String) {
        var session = defaults
        var datacenter = ""
        var behavior = ""
        try json.readFields(of: "structs.Session") { name, value throws(DecodingFailure) in
            switch name {
            case "datacenter": try value.read(into: &datacenter)
            case "node": try value.read(into: &session.node)
            case "name": try value.read(into: &session.name)
            case "checks", "nodechecks": try value.read(into: &session.nodeChecks)
            case "servicechecks": try readServiceChecks(value, into: &session)
            case "lockdelay":
                try value.read(into: &session.lockDelay)
                // A small number means seconds.
                if case .number = value, session.lockDelay.nanoseconds < 1000 {
                    session.lockDelay = .seconds(session.lockDelay.nanoseconds)
                }
            case "behavior": try value.read(into: &behavior)
            case "ttl": try value.read(into: &session.ttl)
            case "id", "createindex", "modifyindex": break
            default: return false
            }
            return true
        }
        return (session, datacenter, behavior)
    }

    private static func readServiceChecks(
        _ json: GoJSON,
        into session: inout SessionRecord
    ) throws(DecodingFailure) {
        var checks: [String] = []
        try json.readElements(of: "[]structs.ServiceCheck") { element throws(DecodingFailure) in
            try element.readFields(of: "structs.ServiceCheck") { name, value throws(DecodingFailure) in
                switch name {
                case "id":
                    var id = ""
                    try value.read(into: &id)
                    checks.append(id)
                case "namespace": break
                default: return false
                }
                return true
            }
        }
        if json != .null { session.serviceChecks = checks }
    }

    private static func lifetimeProblem(_ ttl: String) -> String? {
        guard !ttl.isEmpty else { return nil }
        guard let parsed = GoDuration(ttl) else {
            return "Session TTL '\(ttl)' invalid: time: invalid duration \(quoted(ttl))"
        }
        let isAllowed =
            parsed == GoDuration()
            || (GoDuration.seconds(10).nanoseconds...86_400_000_000_000).contains(parsed.nanoseconds)
        return isAllowed ? nil : "Invalid Session TTL '\(parsed.nanoseconds)', must be between [10s=24h0m0s]"
    }

    private mutating func renewSession(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        try requireWritable(call)
        let authorizer = try authorizer(call)
        guard call.suffix.utf8.count == 36 else {
            throw .refused(500, "failed session lookup: index error: UUID must be 36 characters")
        }
        guard let session = state.sessions[call.suffix] else {
            throw .refused(404, "Session id '\(call.suffix)' not found")
        }
        try require(authorizer.canWrite(.session, session.node))
        counters.renewals += 1
        sessionDeadlines[session.id] = session.lifetime.map { call.now + $0 }
        return json(call) { writer in writer.array([session]) { $0.session($1) } }
    }

    private mutating func destroySession(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        try requireWritable(call)
        let authorizer = try authorizer(call)
        if let session = state.sessions[call.suffix] {
            try require(authorizer.canWrite(.session, session.node))
            commit { state, index in state.deleteSession(call.suffix, index: index, now: call.now) }
            sessionDeadlines[call.suffix] = nil
        }
        return json(call) { $0.bool(true) }
    }
}
