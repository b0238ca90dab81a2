extension ConsulServer {
    mutating func register(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        var request = try decoded(call, root: "") { json throws(DecodingFailure) in try RegisterRequest(json) }
        try requireWritable(call, datacenter: request.datacenter)
        request.node.datacenter = settings.datacenter
        try validate(&request)
        let authorizer = try authorizer(call)
        if let service = request.service { try require(authorizer.canWrite(.service, service.name)) }
        try vet(request, authorizer)
        do throws(StateFailure) {
            try commit { state, index throws(StateFailure) in
                try state.register(request, index: index, now: call.now)
            }
        } catch {
            throw .refused(500, error.message)
        }
        return json(call) { $0.bool(true) }
    }

    private func validate(_ request: inout RegisterRequest) throws(Interruption) {
        if request.node.name.isEmpty { throw .refused(500, "Must provide node") }
        if request.node.address.isEmpty, !request.skipsNodeUpdate {
            throw .refused(500, "Must provide address if SkipNodeUpdate is not set")
        }
        if let problem = Self.nodeIDProblem(request.node.id) { throw .refused(500, problem) }
        if var service = request.service {
            if let problem = Self.prepare(&service) { throw .refused(500, problem) }
            request.service = service
        }
        for position in request.checks.indices {
            if request.checks[position].node.isEmpty { request.checks[position].node = request.node.name }
            Self.prepare(&request.checks[position])
        }
    }

    static func nodeIDProblem(_ id: String) -> String? {
        guard !id.isEmpty else { return nil }
        guard id.utf8.count == 36 else { return "Bad node ID: uuid string is wrong length" }
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        let isUUID = parts.map(\.count) == [8, 4, 4, 4, 12] && parts.joined().allSatisfy(\.isHexDigit)
        return isUUID ? nil : "Bad node ID: uuid is improperly formatted"
    }

    /// Fills in the ID; tells what is wrong, if anything.
    static func prepare(_ service: inout ServiceRecord) -> String? {
        if service.id.isEmpty { service.id = service.name }
        if !service.id.isEmpty, service.name.isEmpty { return "Must provide service name with ID" }
        if ["0.0.0.0", "::", "[::]"].contains(service.address) { return "Invalid service address" }
        return nil
    }

    static func prepare(_ check: inout CheckRecord) {
        if check.id.isEmpty { check.id = check.name }
        if check.type.isEmpty { check.type = check.definition.impliedType }
    }

    /// Node rights are needed only to make or change the node and for its own checks; service rights on the new name
    /// and on the one it replaces.
    private func vet(_ request: RegisterRequest, _ authorizer: Authorizer) throws(Interruption) {
        guard !authorizer.isUnrestricted else { return }
        let entry = state.node(request.node.name)
        let name = request.node.name
        let changesNode =
            entry.map { !request.skipsNodeUpdate && !$0.record.isSame(as: request.node) } ?? true
        if changesNode { try require(authorizer.canWrite(.node, name)) }
        if let service = request.service {
            try require(authorizer.canWrite(.service, service.name))
            if let present = entry?.services[ConsulState.identity(service.id)] {
                try require(authorizer.canWrite(.service, present.name))
            }
        }
        for check in request.checks {
            guard !check.serviceID.isEmpty else {
                try require(authorizer.canWrite(.node, name))
                continue
            }
            if check.serviceID == request.service?.id { continue }
            guard let other = entry?.services[ConsulState.identity(check.serviceID)] else {
                throw .refused(500, "Unknown service '\(check.serviceID)' for check '\(check.id)'")
            }
            try require(authorizer.canWrite(.service, other.name))
        }
    }

    mutating func deregister(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        let request = try decoded(call, root: "DeregisterRequest") { json throws(DecodingFailure) in
            try DeregisterRequest(json)
        }
        try requireWritable(call, datacenter: request.datacenter)
        if request.node.isEmpty { throw .refused(500, "Must provide node") }
        try vet(request, try authorizer(call))
        commit { state, index in state.deregister(request, index: index, now: call.now) }
        return json(call) { $0.bool(true) }
    }

    private func vet(_ request: DeregisterRequest, _ authorizer: Authorizer) throws(Interruption) {
        if authorizer.canWrite(.node, request.node) { return }
        let entry = state.node(request.node)
        if !request.serviceID.isEmpty {
            guard let service = entry?.services[ConsulState.identity(request.serviceID)] else {
                throw .refused(500, "Unknown service '\(request.serviceID)'")
            }
            try require(authorizer.canWrite(.service, service.name))
        } else if !request.checkID.isEmpty {
            guard let check = entry?.checks[ConsulState.identity(request.checkID)] else {
                throw .refused(500, "Unknown check '\(request.checkID)'")
            }
            try require(!check.serviceID.isEmpty && authorizer.canWrite(.service, check.serviceName))
        } else {
            throw .refused(.permissionDenied)
        }
    }

    // MARK: Reads

    mutating func answerCatalog(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        switch call.endpoint {
        case .nodes: try listNodes(call, attempt)
        case .services: try listServices(call, attempt)
        case .service: try catalogService(call, attempt)
        case .node: try catalogNode(call, attempt)
        case .nodeServices: try nodeServices(call, attempt)
        default: json(call) { writer in writer.array([settings.datacenter]) { $0.string($1) } }
        }
    }

    private mutating func listNodes(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        try read(call, .nodes, attempt) { server, authorizer throws(Interruption) in
            let filter = try server.filter(call, NodeRecord.filterFields)
            let nodes = server.state.sortedNodes.map(\.record).filter { node in
                call.selects(node) && authorizer.canRead(.node, node.name) && filter(node)
            }
            return server.json(call) { writer in writer.array(nodes) { $0.node($1) } }
        }
    }

    private mutating func listServices(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        let topic: Topic = call.nodeMeta.isEmpty ? .services : .catalog
        return try read(call, topic, attempt) { server, authorizer in
            var tags: [String: Set<String>] = [:]
            for entry in server.state.nodes.values where call.selects(entry.record) {
                for service in entry.services.values where authorizer.canRead(.service, service.name) {
                    tags[service.name, default: []].formUnion(service.tags ?? [])
                }
            }
            return server.json(call) { writer in
                writer.object { writer in
                    for (name, tags) in tags.sorted(by: { $0.key < $1.key }) { writer.member(name, tags.sorted()) }
                }
            }
        }
    }

    private mutating func catalogService(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse
    {
        if call.suffix.isEmpty { throw .refused(400, "Missing service name") }
        return try read(call, .service(call.suffix), attempt) { server, authorizer throws(Interruption) in
            let filter = try server.filter(call, HealthEntry.catalogFields)
            let entries = server.instances(call, authorizer).filter { filter($0) }
            return server.json(call) { writer in
                writer.array(entries) { writer, entry in writer.serviceNode(entry.service, on: entry.node) }
            }
        }
    }

    /// The instances that a request by service name selects and may see, without filter; with their checks.
    func instances(_ call: ConsulCall, _ authorizer: Authorizer) -> [HealthEntry] {
        let tags = call.request.query.filter { $0.name == "tag" }.map { $0.value.lowercased() }
        return state.services(named: call.suffix).compactMap { service, entry in
            guard authorizer.canRead(service), call.selects(entry.record),
                tags.allSatisfy({ tag in service.tags?.contains { $0.lowercased() == tag } ?? false })
            else { return nil }
            return HealthEntry(
                node: entry.record,
                service: service,
                checks: entry.checks(bearingOn: service).filter { authorizer.canRead($0) }
            )
        }
    }

    private mutating func catalogNode(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        try read(call, .node(call.suffix), attempt) { server, authorizer throws(Interruption) in
            let filter = try server.filter(call, ServiceRecord.filterFields)
            guard let entry = server.state.node(call.suffix), authorizer.canRead(.node, entry.record.name) else {
                return server.json(call) { $0.null() }
            }
            let services = entry.services.values.filter { authorizer.canRead(.service, $0.name) && filter($0) }
            return server.json(call) { writer in
                writer.object { writer in
                    writer.name("Node")
                    writer.node(entry.record)
                    writer.name("Services")
                    writer.object { writer in
                        for service in services.sorted(by: { $0.id < $1.id }) {
                            writer.name(service.id)
                            writer.service(service, missingTags: .asEmpty)
                        }
                    }
                }
            }
        }
    }

    private mutating func nodeServices(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        try read(call, .node(call.suffix), attempt) { server, authorizer throws(Interruption) in
            let filter = try server.filter(call, ServiceRecord.filterFields)
            let entry = server.state.node(call.suffix).flatMap { entry in
                authorizer.canRead(.node, entry.record.name) ? entry : nil
            }
            return server.json(call) { writer in
                writer.object { writer in
                    writer.name("Node")
                    if let entry { writer.node(entry.record) } else { writer.null() }
                    writer.name("Services")
                    guard let entry else { return writer.null() }
                    let shown = entry.sortedServices.filter { authorizer.canRead(.service, $0.name) && filter($0) }
                    writer.array(shown) { writer, service in writer.service(service, missingTags: .asEmpty) }
                }
            }
        }
    }
}
