/// One operation of `/v1/txn`.
enum TransactionOperation: Sendable, Equatable {
    case key(verb: String, KeyRecord)
    case node(verb: String, NodeRecord)
    case service(verb: String, node: String, ServiceRecord)
    case check(verb: String, CheckRecord)

    var isWrite: Bool {
        switch self {
        case .key(let verb, _): ["set", "delete", "delete-cas", "delete-tree", "cas", "lock", "unlock"].contains(verb)
        case .node(let verb, _), .service(let verb, _, _), .check(let verb, _): verb != "get"
        }
    }
}

/// What an operation shows when its transaction succeeds; deletions show nothing.
enum TransactionResult: Sendable, Equatable {
    case key(KeyRecord, withValue: Bool)
    case node(NodeRecord)
    case service(ServiceRecord)
    case check(CheckRecord)
}

struct TransactionError: Sendable, Equatable {
    let operation: Int
    let message: String
}

/// A transaction that was rolled back, with every operation that failed.
struct TransactionFailure: Error, Equatable {
    let errors: [TransactionError]
}

extension TransactionOperation {
    static func list(_ json: GoJSON) throws(DecodingFailure) -> [TransactionOperation?] {
        var operations: [TransactionOperation?] = []
        try json.readElements(of: "api.TxnOps") { element throws(DecodingFailure) in
            operations.append(try one(element))
        }
        return operations
    }

    /// `nil` for an object that names no operation, which Consul counts but skips.
    private static func one(_ json: GoJSON) throws(DecodingFailure) -> TransactionOperation? {
        var found: [TransactionOperation] = []
        try json.readFields(of: "api.TxnOp") { name, value throws(DecodingFailure) in
            switch name {
            case "kv": if value != .null { found.append(try key(value)) }
            case "node": if value != .null { found.append(try node(value)) }
            case "service": if value != .null { found.append(try service(value)) }
            case "check": if value != .null { found.append(try check(value)) }
            default: return false
            }
            return true
        }
        return found.min { $0.precedence < $1.precedence }
    }

    /// Of several in one object, the first of this order counts.
    private var precedence: Int {
        switch self {
        case .key: 0
        case .node: 1
        case .service: 2
        case .check: 3
        }
    }

    private static func key(_ json: GoJSON) throws(DecodingFailure) -> TransactionOperation {
        var verb = ""
        var record = KeyRecord()
        try json.readFields(of: "api.KVTxnOp") { name, value throws(DecodingFailure) in
            switch name {
            case "verb": try value.read(into: &verb)
            case "key": try value.read(into: &record.key)
            case "value":
                var text = ""
                try value.read(into: &text)
                guard let bytes = Base64.decode(text) else { throw .other("illegal base64 data at input byte 0") }
                record.value = bytes
            case "flags": try value.read(into: &record.flags)
            case "index": try value.read(into: &record.modifyIndex)
            case "session": try value.read(into: &record.session)
            case "namespace": break
            default: return false
            }
            return true
        }
        return .key(verb: verb, record)
    }

    private static func node(_ json: GoJSON) throws(DecodingFailure) -> TransactionOperation {
        var verb = ""
        var record = NodeRecord()
        try json.readFields(of: "api.NodeTxnOp") { name, value throws(DecodingFailure) in
            switch name {
            case "verb": try value.read(into: &verb)
            case "node": record = try NodeRecord(value)
            default: return false
            }
            return true
        }
        return .node(verb: verb, record)
    }

    private static func service(_ json: GoJSON) throws(DecodingFailure) -> TransactionOperation {
        var verb = ""
        var node = ""
        var record = ServiceRecord()
        try json.readFields(of: "api.ServiceTxnOp") { name, value throws(DecodingFailure) in
            switch name {
            case "verb": try value.read(into: &verb)
            case "node": try value.read(into: &node)
            case "service": try record.readTransactionFields(value)
            default: return false
            }
            return true
        }
        return .service(verb: verb, node: node, record)
    }

    private static func check(_ json: GoJSON) throws(DecodingFailure) -> TransactionOperation {
        var verb = ""
        var record = CheckRecord()
        try json.readFields(of: "api.CheckTxnOp") { name, value throws(DecodingFailure) in
            switch name {
            case "verb": try value.read(into: &verb)
            case "check": record = try CheckRecord(value)
            default: return false
            }
            return true
        }
        // The HTTP layer of 1.10 forgets these.
        record.type = ""
        record.definition.ttl = GoDuration()
        record.definition.grpc = ""
        record.definition.grpcUseTLS = false
        record.definition.aliasNode = ""
        record.definition.aliasService = ""
        return .check(verb: verb, record)
    }
}
