/// Consul as a value: a request and the time in, an answer out. It knows neither sockets nor clocks.
struct ConsulServer: Sendable {
    enum Leadership: Sendable, Equatable {
        case elected
        /// A server that never had a leader: not even stale reads are answered.
        case never
        /// No leader since then: stale and cached reads are answered.
        case lost(since: Duration)
    }

    enum Step: Sendable {
        case reply(ServerResponse)
        case wait(BlockedRead)
        /// Ask again when there is a leader; after some seconds without, refuse.
        case awaitLeader
    }

    /// Whether a request is asked for the first time or after it waited.
    enum Attempt: Sendable { case first, afterWaiting }

    let settings: ConsulSettings
    var state: ConsulState
    var agent: LocalAgent
    var access: AccessControl?
    var leadership = Leadership.elected
    /// With what every write is answered instead of being made.
    var writeRefusal: Refusal?
    var counters = ConsulCounters()
    /// When sessions with a TTL end.
    var sessionDeadlines: [String: Duration] = [:]

    init(_ settings: ConsulSettings, access: AccessControl?) {
        self.settings = settings
        self.access = access
        state = ConsulState(lastIndex: settings.firstIndex - 1)
        agent = LocalAgent(settings)
        registerOwnNode()
    }

    /// What a server's own start leaves in the catalog.
    private mutating func registerOwnNode() {
        var node = NodeRecord(id: settings.nodeID, name: settings.nodeName, address: "127.0.0.1")
        node.datacenter = settings.datacenter
        let serf = CheckRecord(
            node: settings.nodeName,
            id: "serfHealth",
            name: "Serf Health Status",
            status: CheckRecord.passing,
            output: "Agent alive and reachable"
        )
        let request = RegisterRequest(
            node: node,
            service: ServiceRecord(id: "consul", name: "consul", port: 8300),
            checks: [serf]
        )
        state.apply { state, index in try? state.register(request, index: index, now: .zero) }
        state.skipIndexes(1)
        // The agent adds what only it knows.
        node.taggedAddresses = ["lan", "lan_ipv4", "wan", "wan_ipv4"].reduce(into: [:]) { $0[$1] = "127.0.0.1" }
        node.meta = ["consul-network-segment": ""]
        state.apply { state, index in try? state.setNode(node, index: index, now: .zero) }
    }

    // MARK: Requests

    mutating func receive(_ request: ServerRequest, now: Duration, attempt: Attempt = .first) -> Step {
        tick(now: now)
        guard let (endpoint, suffix) = ConsulEndpoint.find(request.path) else {
            return .reply(unknownPath(request))
        }
        let call = ConsulCall(request: request, endpoint: endpoint, suffix: suffix, now: now)
        do throws(Interruption) {
            // On its own line: as an argument it would be computed while `self` is held a second time, and the first
            // write would copy the tables.
            let response = try answer(call, attempt)
            return .reply(finished(response, call))
        } catch {
            switch error {
            case .refused(let refusal): return .reply(finished(refused(refusal), call))
            case .needsLeader: return .awaitLeader
            case .blocks(let read): return .wait(read)
            }
        }
    }

    /// The answer to a request that waited in vain.
    func refuse(_ request: ServerRequest, _ refusal: Refusal) -> ServerResponse {
        guard let (endpoint, suffix) = ConsulEndpoint.find(request.path) else { return unknownPath(request) }
        let call = ConsulCall(request: request, endpoint: endpoint, suffix: suffix, now: .zero)
        return finished(refused(refusal), call)
    }

    private mutating func answer(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        let allowed = (["OPTIONS"] + call.endpoint.methods).joined(separator: ",")
        if call.request.method == "OPTIONS" { return ServerResponse(200, headers: ["Allow": allowed]) }
        guard call.endpoint.methods.contains(call.request.method) else {
            var refusal = Refusal(405, "method \(call.request.method) not allowed")
            refusal.headers["Allow"] = allowed
            throw .refused(refusal)
        }
        switch call.endpoint {
        case .register: return try register(call)
        case .deregister: return try deregister(call)
        case .datacenters, .nodes, .services, .service, .node, .nodeServices:
            return try answerCatalog(call, attempt)
        case .healthService, .healthNode, .healthChecks, .healthState: return try answerHealth(call, attempt)
        case .transaction: return try transact(call)
        case .key: return try answerKey(call, attempt)
        case .sessionCreate, .sessionInfo, .sessionNode, .sessionList, .sessionRenew, .sessionDestroy:
            return try answerSession(call, attempt)
        case .statusLeader:
            return json(call) { $0.string(leadership == .elected ? settings.raftAddress : "") }
        case .statusPeers:
            return json(call) { writer in
                writer.array(leadership == .never ? [] : [settings.raftAddress]) { $0.string($1) }
            }
        case .tokenSelf: return try tokenSelf(call, attempt)
        case .agentSelf, .agentServices, .agentChecks, .agentService, .agentHealthByName, .agentRegister,
            .agentDeregister, .agentMaintenance, .agentCheckRegister, .agentCheckDeregister, .agentCheckPass,
            .agentCheckWarn, .agentCheckFail, .agentCheckUpdate:
            return try answerAgent(call)
        }
    }

    // MARK: Answers

    /// JSON as this server sends it: indented in `-dev` mode or when asked for.
    func json(_ call: ConsulCall, _ status: Int = 200, _ write: (inout GoJSONWriter) -> Void) -> ServerResponse {
        let isIndented = settings.isDevelopment || call.has("pretty")
        var writer = GoJSONWriter(isIndented: isIndented)
        write(&writer)
        if isIndented { writer.newline() }
        return ServerResponse(status, headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    private func refused(_ refusal: Refusal) -> ServerResponse {
        var response = ServerResponse(refusal.status, headers: refusal.headers, text: refusal.text)
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
        return response
    }

    private func finished(_ response: ServerResponse, _ call: ConsulCall) -> ServerResponse {
        var response = response
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["X-Consul-Default-Acl-Policy"] = access?.isDenyingByDefault ?? false ? "deny" : "allow"
        if let accepted = call.request.headers["Accept-Encoding"], accepted.contains("gzip"), !response.body.isEmpty {
            response.headers["Content-Encoding"] = "gzip"
            response.body = Gzip.stored(response.body)
        }
        return response
    }

    private func unknownPath(_ request: ServerRequest) -> ServerResponse {
        guard request.path == "/" else { return ServerResponse(404) }
        return ServerResponse(
            301,
            headers: ["Content-Type": "text/html; charset=utf-8", "Location": "/ui/"],
            text: "<a href=\"/ui/\">Moved Permanently</a>.\n\n"
        )
    }

    // MARK: Conditions

    func authorizer(_ call: ConsulCall) throws(Interruption) -> Authorizer {
        guard let access else { return .unrestricted }
        guard let token = access.token(call.token) else { throw .refused(.unknownToken) }
        return Authorizer(token, isDenyingByDefault: access.isDenyingByDefault)
    }

    func require(_ isAllowed: Bool) throws(Interruption) {
        if !isAllowed { throw .refused(.permissionDenied) }
    }

    /// What precedes every write: the right datacenter, a leader, and no order to refuse.
    func requireWritable(_ call: ConsulCall, datacenter: String = "") throws(Interruption) {
        let named = datacenter.isEmpty ? call.request.parameter("dc") ?? "" : datacenter
        guard named.isEmpty || named == settings.datacenter else { throw .refused(.noSuchDatacenter) }
        guard leadership == .elected else { throw .needsLeader }
        if let writeRefusal { throw .refused(writeRefusal) }
    }

    /// Makes one raft entry of a client's write and counts it.
    mutating func commit<Result, Failure: Error>(
        operations: Int = 1,
        _ change: (inout ConsulState, UInt64) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = state.indexes
        counters.writes += 1
        counters.operations += operations
        defer { if state.indexes != before { counters.changes += 1 } }
        return try state.apply(change)
    }

    /// Decodes the body of a write, or refuses it with Go's words behind the complaint.
    func decoded<Body>(
        _ call: ConsulCall,
        root: String,
        complaint: String = "Request decode failed",
        _ decode: (GoJSON) throws(DecodingFailure) -> Body
    ) throws(Interruption) -> Body {
        let json: GoJSON
        do throws(GoJSON.SyntaxError) {
            json = try call.body
        } catch {
            throw .refused(400, "\(complaint): \(error.message)")
        }
        do throws(DecodingFailure) {
            return try decode(json)
        } catch {
            throw .refused(400, "\(complaint): \(error.message(root: root))")
        }
    }

    /// The filter that a read asks for.
    func filter<Record>(
        _ call: ConsulCall,
        _ fields: [String: FilterField<Record>]
    ) throws(Interruption) -> Filter<Record> {
        guard let text = call.request.parameter("filter"), !text.isEmpty else { return Filter() }
        do throws(FilterExpression.Failure) {
            return try Filter(text, fields: fields)
        } catch {
            throw .refused(500, error.message)
        }
    }
}
