extension ConsulServer {
    /// Operations in one transaction.
    static let maximumOperations = 64
    /// Bytes of a transaction's body, and of a key's value.
    static let maximumBody = 512 << 10

    mutating func transact(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        let operations = try operations(call)
        guard operations.contains(where: \.isWrite) else { return try transactReading(operations, call) }
        try requireWritable(call)
        let authorizer = try authorizer(call)
        let (prepared, errors) = prepare(operations, authorizer, now: call.now)
        guard errors.isEmpty else { return conflict(errors, call) }
        counters.transactions += 1
        do throws(TransactionFailure) {
            let results = try commit(operations: prepared.count) { state, index throws(TransactionFailure) in
                try state.run(prepared, index: index, now: call.now)
            }
            return json(call) { writer in
                writer.object { writer in
                    writer.results(results.filter(authorizer.canRead))
                    writer.noErrors()
                }
            }
        } catch {
            return conflict(error.errors, call)
        }
    }

    private func operations(_ call: ConsulCall) throws(Interruption) -> [TransactionOperation] {
        let size = call.request.body.count
        guard size <= Self.maximumBody else {
            throw .refused(413, "Request body(\(size) bytes) too large, max size: \(Self.maximumBody) bytes.")
        }
        let listed = try decoded(call, root: "TxnOp", complaint: "Failed to parse body") {
            json throws(DecodingFailure) in try TransactionOperation.list(json)
        }
        guard listed.count <= Self.maximumOperations else {
            throw .refused(
                413,
                "Transaction contains too many operations (\(listed.count) > \(Self.maximumOperations))"
            )
        }
        return listed.compactMap { $0 }
    }

    /// A transaction that only reads goes past raft, may be stale, and shows more than it should.
    private mutating func transactReading(
        _ operations: [TransactionOperation],
        _ call: ConsulCall
    ) throws(Interruption) -> ServerResponse {
        let options = try QueryOptions(call.request)
        if let datacenter = call.request.parameter("dc"), !datacenter.isEmpty, datacenter != settings.datacenter {
            throw .refused(.noSuchDatacenter)
        }
        switch leadership {
        case .elected: break
        case .lost where options.consistency == .stale: break
        case .lost, .never: throw .needsLeader
        }
        let authorizer = try authorizer(call)
        counters.reads += 1
        let (prepared, problems) = prepare(operations, authorizer, now: call.now)
        var errors = problems
        var results: [TransactionResult] = []
        if errors.isEmpty {
            do throws(TransactionFailure) {
                results = try state.read(prepared, now: call.now).filter(authorizer.canRead)
            } catch {
                errors = error.errors
            }
        }
        let knowsLeader = leadership == .elected
        var response = json(call, errors.isEmpty ? 200 : 409) { writer in
            writer.object { writer in
                if errors.isEmpty {
                    writer.results(results)
                    writer.noErrors()
                } else {
                    writer.errors(errors)
                }
                writer.member("Index", 0)
                writer.member("LastContact", 0)
                writer.member("KnownLeader", knowsLeader)
                writer.member("ConsistencyLevel", "")
                writer.member("NotModified", false)
                writer.member("Backend", 0)
            }
        }
        response.headers["X-Consul-Knownleader"] = "\(knowsLeader)"
        response.headers["X-Consul-Lastcontact"] = "0"
        return response
    }

    private func conflict(_ errors: [TransactionError], _ call: ConsulCall) -> ServerResponse {
        json(call, 409) { writer in writer.object { $0.errors(errors) } }
    }

    /// Fills in what was left out and checks each operation by itself, before the state sees any.
    private func prepare(
        _ operations: [TransactionOperation],
        _ authorizer: Authorizer,
        now: Duration
    ) -> ([TransactionOperation], [TransactionError]) {
        var prepared: [TransactionOperation] = []
        var errors: [TransactionError] = []
        for (position, operation) in operations.enumerated() {
            var operation = operation
            if let problem = prepare(&operation, authorizer, now: now) {
                errors.append(TransactionError(operation: position, message: problem))
            }
            prepared.append(operation)
        }
        return (prepared, errors)
    }

    private func prepare(
        _ operation: inout TransactionOperation,
        _ authorizer: Authorizer,
        now: Duration
    ) -> String? {
        let denied = Refusal.permissionDenied.text
        switch operation {
        case .key(let verb, let record):
            if record.key.isEmpty, verb != "delete-tree", verb != "get-tree" { return "Must provide key" }
            // What may not be read is left out of the results instead.
            if verb == "get" || verb == "get-tree" { return nil }
            let isCheck = verb.hasPrefix("check-")
            guard isCheck ? authorizer.canRead(.key, record.key) : authorizer.canWrite(.key, record.key) else {
                return denied
            }
            let isDelayed = verb == "lock" && (state.lockDelays[record.key] ?? .zero) > now
            return isDelayed ? "failed to lock key \(quoted(record.key)) due to lock delay" : nil
        case .node(let verb, var record):
            if verb == "get" { return nil }
            if record.name.isEmpty { return "Must provide node" }
            if let problem = Self.nodeIDProblem(record.id) { return problem }
            if record.datacenter.isEmpty { record.datacenter = settings.datacenter }
            operation = .node(verb: verb, record)
            return authorizer.canWrite(.node, record.name) ? nil : denied
        case .service(let verb, let node, var record):
            if verb == "get" { return nil }
            // Deletions are no exception: they must give the name too.
            if let problem = Self.prepare(&record) { return problem }
            operation = .service(verb: verb, node: node, record)
            return authorizer.canWrite(.service, record.name) ? nil : denied
        case .check(let verb, var record):
            if verb == "get" { return nil }
            Self.prepare(&record)
            operation = .check(verb: verb, record)
            // The service's name counts as the operation gives it, not as it is stored.
            let isAllowed =
                record.serviceID.isEmpty
                ? authorizer.canWrite(.node, record.node) : authorizer.canWrite(.service, record.serviceName)
            return isAllowed ? nil : denied
        }
    }
}

extension Authorizer {
    func canRead(_ result: TransactionResult) -> Bool {
        switch result {
        case .key(let record, _): canRead(.key, record.key)
        case .node(let record): canRead(.node, record.name)
        case .service(let record): canRead(.service, record.name)
        case .check(let record): canRead(record)
        }
    }
}

extension GoJSONWriter {
    fileprivate mutating func results(_ results: [TransactionResult]) {
        name("Results")
        array(results) { writer, result in
            writer.object { writer in
                switch result {
                case .key(let record, let withValue):
                    writer.name("KV")
                    writer.key(record, withValue: withValue)
                case .node(let record):
                    writer.name("Node")
                    writer.node(record)
                case .service(let record):
                    writer.name("Service")
                    writer.service(record, missingTags: .asNull)
                case .check(let record):
                    writer.name("Check")
                    writer.check(record, missingTags: .asNull)
                }
            }
        }
    }

    fileprivate mutating func noErrors() {
        name("Errors")
        null()
    }

    fileprivate mutating func errors(_ errors: [TransactionError]) {
        name("Results")
        null()
        name("Errors")
        array(errors) { writer, error in
            writer.object { writer in
                writer.member("OpIndex", error.operation)
                writer.member("What", error.message)
            }
        }
    }
}
