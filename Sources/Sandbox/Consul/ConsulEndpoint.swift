/// The routes of Consul's HTTP API that the stand-in has.
enum ConsulEndpoint: Sendable, Equatable {
    case register, deregister, datacenters, nodes, services, service, node, nodeServices
    case healthService, healthNode, healthChecks, healthState
    case transaction
    case key
    case sessionCreate, sessionInfo, sessionNode, sessionList, sessionRenew, sessionDestroy
    case statusLeader, statusPeers
    case tokenSelf
    case agentSelf, agentServices, agentChecks, agentService, agentHealthByName
    case agentRegister, agentDeregister, agentMaintenance
    case agentCheckRegister, agentCheckDeregister
    case agentCheckPass, agentCheckWarn, agentCheckFail, agentCheckUpdate

    /// Besides `OPTIONS`, which every route has.
    var methods: [String] {
        switch self {
        case .key: ["GET", "PUT", "DELETE"]
        case .register, .deregister, .transaction, .sessionCreate, .sessionRenew, .sessionDestroy, .agentRegister,
            .agentDeregister, .agentMaintenance, .agentCheckRegister, .agentCheckDeregister, .agentCheckPass,
            .agentCheckWarn, .agentCheckFail, .agentCheckUpdate:
            ["PUT"]
        default: ["GET"]
        }
    }

    private static let exact: [String: ConsulEndpoint] = [
        "/v1/catalog/register": .register,
        "/v1/catalog/deregister": .deregister,
        "/v1/catalog/datacenters": .datacenters,
        "/v1/catalog/nodes": .nodes,
        "/v1/catalog/services": .services,
        "/v1/txn": .transaction,
        "/v1/session/create": .sessionCreate,
        "/v1/session/list": .sessionList,
        "/v1/status/leader": .statusLeader,
        "/v1/status/peers": .statusPeers,
        "/v1/acl/token/self": .tokenSelf,
        "/v1/agent/self": .agentSelf,
        "/v1/agent/services": .agentServices,
        "/v1/agent/checks": .agentChecks,
        "/v1/agent/service/register": .agentRegister,
        "/v1/agent/check/register": .agentCheckRegister,
    ]

    /// The longest matching one counts.
    private static let prefixes: [(String, ConsulEndpoint)] = [
        ("/v1/catalog/service/", .service),
        ("/v1/catalog/node/", .node),
        ("/v1/catalog/node-services/", .nodeServices),
        ("/v1/health/service/", .healthService),
        ("/v1/health/node/", .healthNode),
        ("/v1/health/checks/", .healthChecks),
        ("/v1/health/state/", .healthState),
        ("/v1/kv/", .key),
        ("/v1/session/info/", .sessionInfo),
        ("/v1/session/node/", .sessionNode),
        ("/v1/session/renew/", .sessionRenew),
        ("/v1/session/destroy/", .sessionDestroy),
        ("/v1/agent/health/service/name/", .agentHealthByName),
        ("/v1/agent/service/deregister/", .agentDeregister),
        ("/v1/agent/service/maintenance/", .agentMaintenance),
        ("/v1/agent/service/", .agentService),
        ("/v1/agent/check/deregister/", .agentCheckDeregister),
        ("/v1/agent/check/pass/", .agentCheckPass),
        ("/v1/agent/check/warn/", .agentCheckWarn),
        ("/v1/agent/check/fail/", .agentCheckFail),
        ("/v1/agent/check/update/", .agentCheckUpdate),
    ]

    /// The route of a path as sent, and what follows it, decoded.
    static func find(_ path: String) -> (ConsulEndpoint, suffix: String)? {
        if let endpoint = exact[path] { return (endpoint, "") }
        for (prefix, endpoint) in prefixes where path.hasPrefix(prefix) {
            return (endpoint, percentDecoded(path.dropFirst(prefix.count), plusIsSpace: false))
        }
        return nil
    }
}

/// One request on its way through the server.
struct ConsulCall: Sendable {
    let request: ServerRequest
    let endpoint: ConsulEndpoint
    /// What follows the route in the path: a name, an id, a key.
    let suffix: String
    /// Since the stand-in started.
    let now: Duration

    /// The parameter, the header or the bearer token, in that order; empty for none.
    var token: String {
        if let parameter = request.parameter("token"), !parameter.isEmpty { return parameter }
        if let header = request.headers["X-Consul-Token"], !header.isEmpty { return header }
        let parts = (request.headers["Authorization"] ?? "").split(separator: " ", maxSplits: 1)
        return parts.count == 2 && parts[0].lowercased() == "bearer" ? String(parts[1]) : ""
    }

    func has(_ parameter: String) -> Bool { request.parameter(parameter) != nil }

    /// The `key:value` pairs of `node-meta`.
    var nodeMeta: [(key: String, value: String)] {
        request.query.filter { $0.name == "node-meta" }.map { item in
            let pair = item.value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(pair[0]), pair.count > 1 ? String(pair[1]) : "")
        }
    }

    func selects(_ node: NodeRecord) -> Bool {
        nodeMeta.allSatisfy { node.meta?[$0.key] == $0.value }
    }

    var body: GoJSON {
        get throws(GoJSON.SyntaxError) { try GoJSON(parsing: request.body) }
    }
}

/// A request that is answered with an error.
struct Refusal: Error, Sendable {
    var status: Int
    var text: String
    var headers: HeaderFields = [:]

    init(_ status: Int, _ text: String) {
        self.status = status
        self.text = text
    }

    static let permissionDenied = Refusal(403, "Permission denied")
    static let unknownToken = Refusal(403, "ACL not found")
    static let noLeader = Refusal(500, "No cluster leader")
    static let noSuchDatacenter = Refusal(500, "No path to datacenter")
    /// Streaming reads, when the connection to the leader breaks.
    static let streamBroken = Refusal(500, "rpc error: code = Unavailable desc = transport is closing")
    /// Streaming reads, when the agent stops.
    static let streamCancelled = Refusal(
        500,
        "rpc error: code = Canceled desc = grpc: the client connection is closing"
    )
}

/// Why an endpoint does not come to an answer now.
enum Interruption: Error {
    case refused(Refusal)
    /// Consul tries for some seconds whether a leader turns up.
    case needsLeader
    /// A read that waits for its topic to change.
    case blocks(BlockedRead)

    static func refused(_ status: Int, _ text: String) -> Interruption { .refused(Refusal(status, text)) }
}

/// What a waiting read waits for.
struct BlockedRead: Sendable {
    let topic: Topic
    /// It goes on when the topic's index is greater.
    let index: UInt64
    /// Without the random part that the server adds.
    let wait: Duration
}
