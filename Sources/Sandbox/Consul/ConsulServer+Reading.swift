/// What a read may ask for besides its subject.
struct QueryOptions: Sendable {
    enum Consistency: String, Sendable { case leader, stale, consistent }

    /// 0 never waits.
    var index: UInt64 = 0
    var wait = Duration.seconds(300)
    var consistency = Consistency.leader
    var isCached = false

    static let longestWait = Duration.seconds(600)

    init(_ request: ServerRequest) throws(Interruption) {
        if let text = request.parameter("wait"), !text.isEmpty {
            guard let wait = GoDuration(text) else { throw .refused(400, "Invalid wait time") }
            if wait.nanoseconds > 0 { self.wait = min(wait.duration, Self.longestWait) }
        }
        if let text = request.parameter("index"), !text.isEmpty {
            guard let index = UInt64(text) else { throw .refused(400, "Invalid index") }
            self.index = index
        }
        isCached = request.parameter("cached") != nil
        let isStale = request.parameter("stale") != nil
        let isConsistent = request.parameter("consistent") != nil
        guard !(isStale && isConsistent) else {
            throw .refused(400, "Cannot specify ?stale with ?consistent, conflicting semantics.")
        }
        if isStale { consistency = .stale }
        if isConsistent { consistency = .consistent }
    }
}

extension ConsulServer {
    /// Which headers tell about consistency.
    enum ReadForm {
        /// Catalog and health.
        case catalog
        /// Keys, sessions and tokens do not say how consistent they are.
        case plain
    }

    /// A read that can wait: checks what precedes it, waits if it shall, and puts the index on the answer.
    mutating func read(
        _ call: ConsulCall,
        _ topic: Topic,
        _ attempt: Attempt,
        form: ReadForm = .catalog,
        _ render: (ConsulServer, Authorizer) throws(Interruption) -> ServerResponse
    ) throws(Interruption) -> ServerResponse {
        let options = try QueryOptions(call.request)
        var topic = topic
        if case .health(let name) = topic, options.isCached || options.index > 0 {
            // The agent keeps a view of such services from a stream; the first, plain read goes to the servers.
            topic = .view(name)
            state.subscribe(ConsulState.identity(name))
        }
        try requireReadable(call, options, topic, attempt)
        let authorizer = try authorizer(call)
        if attempt == .first, options.index > 0, state.index(of: topic) <= options.index {
            throw .blocks(BlockedRead(topic: topic, index: options.index, wait: options.wait))
        }
        counters.reads += 1
        let headers = headers(call, topic, options, form, attempt)
        do throws(Interruption) {
            var response = try render(self, authorizer)
            for field in headers.fields { response.headers[field.name] = field.value }
            return response
        } catch {
            guard case .refused(var refusal) = error, refusal.status == 400 else { throw error }
            // Parameters that are looked at last are refused with the answer's headers already set.
            for field in headers.fields { refusal.headers[field.name] = field.value }
            throw .refused(refusal)
        }
    }

    private func requireReadable(
        _ call: ConsulCall,
        _ options: QueryOptions,
        _ topic: Topic,
        _ attempt: Attempt
    ) throws(Interruption) {
        if let datacenter = call.request.parameter("dc"), !datacenter.isEmpty, datacenter != settings.datacenter {
            throw .refused(.noSuchDatacenter)
        }
        switch leadership {
        case .elected: return
        case .never: throw .needsLeader
        case .lost:
            // A blocking query that had begun sleeps on and answers with what this server has.
            let hasBegun = attempt == .afterWaiting && options.index > 0
            guard options.consistency == .stale || options.isCached || hasBegun else { throw .needsLeader }
        }
    }

    private func headers(
        _ call: ConsulCall,
        _ topic: Topic,
        _ options: QueryOptions,
        _ form: ReadForm,
        _ attempt: Attempt
    ) -> HeaderFields {
        var headers: HeaderFields = [:]
        if form == .catalog { headers["X-Consul-Effective-Consistency"] = options.consistency.rawValue }
        headers["X-Consul-Index"] = "\(state.index(of: topic))"
        var contact = 0
        var knowsLeader = true
        if case .lost(let since) = leadership, attempt == .first {
            knowsLeader = false
            if options.consistency == .stale { contact = Int((call.now - since) / .milliseconds(1)) }
        }
        if topic.isStreaming { knowsLeader = false }
        headers["X-Consul-Knownleader"] = "\(knowsLeader)"
        headers["X-Consul-Lastcontact"] = "\(contact)"
        headers["X-Consul-Query-Backend"] = topic.isStreaming ? "streaming" : "blocking-query"
        if topic.isStreaming, options.isCached {
            headers["X-Cache"] = "HIT"
            headers["Age"] = "0"
        }
        return headers
    }

    mutating func tokenSelf(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        guard let access else { throw .refused(401, "ACL support disabled") }
        return try read(call, .access, attempt, form: .plain) { server, _ in
            // The authorizer was found, so the token exists.
            guard let token = access.token(call.token) else { return ServerResponse(404) }
            return server.json(call) { writer in
                writer.object { writer in
                    writer.member("AccessorID", token.accessor)
                    writer.member("SecretID", token.secret)
                    writer.member("Description", "")
                    writer.name("Policies")
                    writer.array(token.policies) { writer, policy in
                        writer.object { writer in
                            writer.member("ID", policy.id)
                            writer.member("Name", policy.name)
                        }
                    }
                    writer.member("Local", false)
                    writer.member("CreateTime", "2026-01-01T00:00:00.000000001Z")
                    writer.member("Hash", Base64.encode(Array(repeating: 0x2A, count: 32)))
                    writer.member("CreateIndex", server.state.indexes.access)
                    writer.member("ModifyIndex", server.state.indexes.access)
                }
            }
        }
    }
}
