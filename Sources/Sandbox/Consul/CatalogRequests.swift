/// The bodies of catalog writes.

struct RegisterRequest: Sendable {
    var datacenter = ""
    /// Name, address, id and meta as asked for.
    var node = NodeRecord()
    var skipsNodeUpdate = false
    var service: ServiceRecord?
    var checks: [CheckRecord] = []

    init(node: NodeRecord, skipsNodeUpdate: Bool = false, service: ServiceRecord? = nil, checks: [CheckRecord] = []) {
        self.node = node
        self.skipsNodeUpdate = skipsNodeUpdate
        self.service = service
        self.checks = checks
    }

    init(_ json: GoJSON) throws(DecodingFailure) {
        var single: CheckRecord?
        try json.readFields(of: "structs.RegisterRequest") { name, value throws(DecodingFailure) in
            switch name {
            case "datacenter": try value.read(into: &datacenter)
            case "id": try value.read(into: &node.id)
            case "node": try value.read(into: &node.name)
            case "address": try value.read(into: &node.address)
            case "taggedaddresses": try value.read(into: &node.taggedAddresses)
            case "nodemeta": try value.read(into: &node.meta)
            case "service":
                guard value != .null else { return true }
                var record = ServiceRecord()
                try record.readCatalogFields(value)
                service = record
            case "check":
                guard value != .null else { return true }
                single = try CheckRecord(value)
            case "checks":
                try value.readElements(of: "structs.HealthChecks") { element throws(DecodingFailure) in
                    checks.append(try CheckRecord(element))
                }
            case "skipnodeupdate": try value.read(into: &skipsNodeUpdate)
            case "token", "createindex", "modifyindex": break
            default: return false
            }
            return true
        }
        if let single { checks.append(single) }
    }
}

struct DeregisterRequest: Sendable {
    var datacenter = ""
    var node = ""
    var serviceID = ""
    var checkID = ""

    init(_ json: GoJSON) throws(DecodingFailure) {
        try json.readFields(of: "structs.DeregisterRequest") { name, value throws(DecodingFailure) in
            switch name {
            case "datacenter": try value.read(into: &datacenter)
            case "node": try value.read(into: &node)
            case "serviceid": try value.read(into: &serviceID)
            case "checkid": try value.read(into: &checkID)
            case "token": break
            default: return false
            }
            return true
        }
    }
}

extension NodeRecord {
    /// The form nodes have in transactions.
    init(_ json: GoJSON) throws(DecodingFailure) {
        try json.readFields(of: "api.Node") { name, value throws(DecodingFailure) in
            switch name {
            case "id": try value.read(into: &id)
            case "node": try value.read(into: &self.name)
            case "address": try value.read(into: &address)
            case "datacenter": try value.read(into: &datacenter)
            case "taggedaddresses": try value.read(into: &taggedAddresses)
            case "meta": try value.read(into: &meta)
            case "createindex": try value.read(into: &createIndex)
            case "modifyindex": try value.read(into: &modifyIndex)
            default: return false
            }
            return true
        }
    }
}

extension ServiceRecord {
    /// Fields of `/v1/catalog/register`.
    mutating func readCatalogFields(_ json: GoJSON) throws(DecodingFailure) {
        var weights: ServiceWeights?
        try json.readFields(of: "structs.NodeService") { name, value throws(DecodingFailure) in
            switch name {
            case "namespace":
                throw .other("json: unknown field \"Namespace\" - Namespaces are a Consul Enterprise feature")
            case "weights": weights = try ServiceWeights(value)
            default: return try readCommonField(name, value)
            }
            return true
        }
        self.weights = (weights ?? ServiceWeights()).orDefault
        createIndex = 0
        modifyIndex = 0
    }

    /// Fields of a service in a transaction. What the HTTP layer of 1.10 forgets to copy is dropped here too.
    mutating func readTransactionFields(_ json: GoJSON) throws(DecodingFailure) {
        var weights: ServiceWeights?
        try json.readFields(of: "api.AgentService") { name, value throws(DecodingFailure) in
            switch name {
            case "contenthash", "datacenter", "namespace": break
            case "weights": weights = try ServiceWeights(value)
            default: return try readCommonField(name, value)
            }
            return true
        }
        self.weights = (weights ?? ServiceWeights()).orDefault
        taggedAddresses = nil
        kind = ""
        socketPath = ""
    }

    private mutating func readCommonField(_ name: String, _ value: GoJSON) throws(DecodingFailure) -> Bool {
        switch name {
        case "kind": try value.read(into: &kind)
        case "id": try value.read(into: &id)
        case "service": try value.read(into: &self.name)
        case "tags": try value.read(into: &tags)
        case "address": try value.read(into: &address)
        case "taggedaddresses": taggedAddresses = try ServiceAddress.map(value)
        case "meta": try value.read(into: &meta)
        case "port": try value.read(into: &port)
        case "socketpath": try value.read(into: &socketPath)
        case "enabletagoverride": try value.read(into: &enableTagOverride)
        case "createindex": try value.read(into: &createIndex)
        case "modifyindex": try value.read(into: &modifyIndex)
        case "proxy", "connect": try value.refuseMesh()
        default: return false
        }
        return true
    }
}

extension GoJSON {
    /// Connect is not modelled: an empty object is what every service has, anything else is refused aloud.
    func refuseMesh() throws(DecodingFailure) {
        switch self {
        case .null, .object([]): return
        default: throw .other("this stand-in does not model Connect: leave Proxy and Connect out")
        }
    }
}

extension ServiceWeights {
    init(_ json: GoJSON) throws(DecodingFailure) {
        (passing, warning) = (0, 0)
        try json.readFields(of: "structs.Weights") { name, value throws(DecodingFailure) in
            switch name {
            case "passing": try value.read(into: &passing)
            case "warning": try value.read(into: &warning)
            default: return false
            }
            return true
        }
    }
}

extension ServiceAddress {
    static func map(_ json: GoJSON) throws(DecodingFailure) -> [String: ServiceAddress]? {
        guard json != .null else { return nil }
        guard case .object(let members) = json else {
            throw .mismatch(kind: json.kind, type: "map[string]structs.ServiceAddress", path: [])
        }
        var addresses: [String: ServiceAddress] = [:]
        for member in members {
            var address = ServiceAddress()
            try member.value.readFields(of: "structs.ServiceAddress") { name, value throws(DecodingFailure) in
                switch name {
                case "address": try value.read(into: &address.address)
                case "port": try value.read(into: &address.port)
                default: return false
                }
                return true
            }
            addresses[member.name] = address
        }
        return addresses
    }
}

extension CheckRecord {
    init(_ json: GoJSON) throws(DecodingFailure) {
        try json.readFields(of: "structs.HealthCheck") { name, value throws(DecodingFailure) in
            switch name {
            case "node": try value.read(into: &node)
            case "checkid": try value.read(into: &id)
            case "name": try value.read(into: &self.name)
            case "status": try value.read(into: &status)
            case "notes": try value.read(into: &notes)
            case "output": try value.read(into: &output)
            case "serviceid": try value.read(into: &serviceID)
            case "servicename": try value.read(into: &serviceName)
            case "servicetags": try value.read(into: &serviceTags)
            case "type": try value.read(into: &type)
            case "definition": definition = try CheckDefinition(value)
            case "createindex": try value.read(into: &createIndex)
            case "modifyindex": try value.read(into: &modifyIndex)
            case "exposedport": break
            default: return false
            }
            return true
        }
    }
}

extension CheckDefinition {
    init(_ json: GoJSON) throws(DecodingFailure) {
        try json.readFields(of: "structs.HealthCheckDefinition") { name, value throws(DecodingFailure) in
            switch name {
            case "interval": try value.read(into: &interval)
            case "timeout": try value.read(into: &timeout)
            case "deregistercriticalserviceafter": try value.read(into: &deregisterCriticalServiceAfter)
            case "ttl": try value.read(into: &ttl)
            case "http": try value.read(into: &http)
            case "tlsservername": try value.read(into: &tlsServerName)
            case "tlsskipverify": try value.read(into: &tlsSkipVerify)
            case "header": header = try Self.header(value)
            case "method": try value.read(into: &method)
            case "body": try value.read(into: &body)
            case "tcp": try value.read(into: &tcp)
            case "grpc": try value.read(into: &grpc)
            case "grpcusetls": try value.read(into: &grpcUseTLS)
            case "aliasnode": try value.read(into: &aliasNode)
            case "aliasservice": try value.read(into: &aliasService)
            case "outputmaxsize", "scriptargs", "dockercontainerid", "shell": break
            default: return false
            }
            return true
        }
    }

    static func header(_ json: GoJSON) throws(DecodingFailure) -> [String: [String]]? {
        guard json != .null else { return nil }
        guard case .object(let members) = json else {
            throw .mismatch(kind: json.kind, type: "map[string][]string", path: [])
        }
        var header: [String: [String]] = [:]
        for member in members {
            var values: [String]?
            try member.value.read(into: &values)
            header[member.name] = values ?? []
        }
        return header
    }
}
