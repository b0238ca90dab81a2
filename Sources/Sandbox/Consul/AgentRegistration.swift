/// The body of `/v1/agent/service/register`. Names may be in snake_case.
struct AgentRegistration: Sendable {
    var service = ServiceRecord()
    var checks: [AgentCheck] = []

    init(_ json: GoJSON) throws(DecodingFailure) {
        var weights: ServiceWeights?
        try json.readFields(
            of: "structs.ServiceDefinition",
            matching: .ignoringCaseAndUnderscores
        ) { name, value throws(DecodingFailure) in
            switch name {
            case "kind": try value.read(into: &service.kind)
            case "id": try value.read(into: &service.id)
            case "name": try value.read(into: &service.name)
            case "tags": try value.read(into: &service.tags)
            case "address": try value.read(into: &service.address)
            case "taggedaddresses": service.taggedAddresses = try ServiceAddress.map(value)
            case "meta": try value.read(into: &service.meta)
            case "port": try value.read(into: &service.port)
            case "socketpath": try value.read(into: &service.socketPath)
            case "enabletagoverride": try value.read(into: &service.enableTagOverride)
            case "weights": if value != .null { weights = try ServiceWeights(value) }
            case "check": if value != .null { checks.append(try AgentCheck(value)) }
            case "checks":
                try value.readElements(of: "structs.CheckTypes") { element throws(DecodingFailure) in
                    checks.append(try AgentCheck(element))
                }
            case "proxy", "connect": try value.refuseMesh()
            case "token": break
            default: return false
            }
            return true
        }
        service.weights = weights ?? ServiceWeights()
    }

    /// What is wrong, if anything, else fills in what the agent adds.
    mutating func prepare() -> String? {
        if service.name.isEmpty { return "Missing service name" }
        if ["0.0.0.0", "::", "[::]"].contains(service.address) { return "Invalid service address" }
        if service.weights.passing < 1 { return "Invalid Weights: Passing must be greater than 0" }
        if service.weights.warning < 0 { return "Invalid Weights: Warning must be greater than or equal than 0" }
        if max(service.weights.passing, service.weights.warning) > 65535 {
            return "Invalid Weights: DNS Weight must be between 0 and 65535"
        }
        if let problem = ServiceMetadata.problem(service.meta ?? [:]) { return "Invalid Service Meta: \(problem)" }
        if let problem = checks.lazy.compactMap(\.problem).first { return "Invalid check: \(problem)" }
        if service.id.isEmpty { service.id = service.name }
        addTaggedAddresses()
        for position in checks.indices {
            checks[position].record.serviceID = service.id
            if checks[position].record.id.isEmpty {
                let suffix = checks.count > 1 ? ":\(position + 1)" : ""
                checks[position].record.id = "service:\(service.id)\(suffix)"
            }
            if checks[position].record.name.isEmpty {
                checks[position].record.name = "Service '\(service.name)' check"
            }
        }
        return nil
    }

    private mutating func addTaggedAddresses() {
        let isIPv4 = service.address.split(separator: ".").compactMap { UInt8($0) }.count == 4
        guard isIPv4 || service.address.contains(":") else { return }
        let own = ServiceAddress(address: service.address, port: service.port)
        var tagged = service.taggedAddresses ?? [:]
        for network in ["lan", "wan"] {
            let name = "\(network)_\(isIPv4 ? "ipv4" : "ipv6")"
            tagged[name] = tagged[name] ?? own
        }
        service.taggedAddresses = tagged
    }
}

/// A check as it is registered with the agent.
struct AgentCheck: Sendable {
    var record = CheckRecord()
    var ttl: Duration?
    var deregisterAfter: Duration?
    /// Probes by the agent are not modelled: such a check is refused.
    var isProbe = false

    init(maintaining service: ServiceRecord, reason: String) {
        record.id = "_service_maintenance:\(service.id)"
        record.name = "Service Maintenance Mode"
        record.status = CheckRecord.critical
        record.notes = reason
        record.serviceID = service.id
        record.type = "maintenance"
    }

    init(_ json: GoJSON) throws(DecodingFailure) {
        var ttl = GoDuration()
        var deregisterAfter = GoDuration()
        var ignored = GoDuration()
        try json.readFields(
            of: "structs.CheckType",
            matching: .ignoringCaseAndUnderscores
        ) { name, value throws(DecodingFailure) in
            switch name {
            case "id", "checkid": try value.read(into: &record.id)
            case "name": try value.read(into: &record.name)
            case "status": try value.read(into: &record.status)
            case "notes": try value.read(into: &record.notes)
            case "serviceid": try value.read(into: &record.serviceID)
            case "ttl": try value.read(into: &ttl)
            case "deregistercriticalserviceafter": try value.read(into: &deregisterAfter)
            case "interval", "timeout": try value.read(into: &ignored)
            case "http", "tcp", "grpc", "args", "scriptargs", "dockercontainerid", "aliasnode", "aliasservice":
                isProbe = isProbe || value != .null && value != .string("")
            case "header", "method", "body", "shell", "grpcusetls", "tlsservername", "tlsskipverify", "outputmaxsize",
                "successbeforepassing", "failuresbeforecritical", "token":
                break
            default: return false
            }
            return true
        }
        if ttl.nanoseconds > 0 { self.ttl = ttl.duration }
        if deregisterAfter.nanoseconds > 0 { self.deregisterAfter = deregisterAfter.duration }
        record.type = "ttl"
    }

    var problem: String? {
        if isProbe { return "this stand-in runs no probes, only TTL checks" }
        return ttl == nil ? "TTL must be > 0 for TTL checks" : nil
    }
}
