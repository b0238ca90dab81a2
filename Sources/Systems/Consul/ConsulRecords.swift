/// A service instance as the catalog keeps it; the fields that count.
struct CatalogService: Hashable, Sendable {
    var id = ""
    var name = ""
    var tags: [String] = []
    var address = ""
    var port = 0
    var meta: [String: String] = [:]
    var passingWeight = 1
    var warningWeight = 1
    var modifyIndex: UInt64 = 0

    static func read(_ reader: inout JSONReader) throws(JSONReader.Malformed) -> CatalogService {
        var service = CatalogService()
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
            switch key {
            case "ID": service.id = try reader.string()
            case "Service": service.name = try reader.string()
            case "Tags": service.tags = try reader.strings()
            case "Address": service.address = try reader.string()
            case "Port": service.port = try reader.int()
            case "Meta": service.meta = try reader.stringMap()
            case "Weights":
                try reader.object { (key, reader) throws(JSONReader.Malformed) in
                    switch key {
                    case "Passing": service.passingWeight = try reader.int()
                    case "Warning": service.warningWeight = try reader.int()
                    default: try reader.skip()
                    }
                }
            case "ModifyIndex": service.modifyIndex = try reader.index()
            default: try reader.skip()
            }
        }
        return service
    }
}

/// A check as the catalog keeps it; the fields that count.
struct CatalogCheck: Hashable, Sendable {
    /// The check of every agent's node, by which such a node is known.
    static let serfHealth = "serfHealth"

    var id = ""
    var status = ""
    /// Empty for a check of the node.
    var serviceID = ""
    var modifyIndex: UInt64 = 0

    static func read(_ reader: inout JSONReader) throws(JSONReader.Malformed) -> CatalogCheck {
        var check = CatalogCheck()
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
            switch key {
            case "CheckID": check.id = try reader.string()
            case "Status": check.status = try reader.string()
            case "ServiceID": check.serviceID = try reader.string()
            case "ModifyIndex": check.modifyIndex = try reader.index()
            default: try reader.skip()
            }
        }
        return check
    }

    static func readAll(_ body: [UInt8]) throws(JSONReader.Malformed) -> [CatalogCheck] {
        try JSONReader.read(body) { (reader) throws(JSONReader.Malformed) in
            var checks: [CatalogCheck] = []
            try reader.array { (reader) throws(JSONReader.Malformed) in checks.append(try read(&reader)) }
            return checks
        }
    }
}

/// The answer of `/v1/catalog/node-services/<node>`.
struct NodeServices: Hashable, Sendable {
    /// False when there is no such node, or the token may not see it.
    var hasNode = false
    var services: [CatalogService] = []

    static func read(_ body: [UInt8]) throws(JSONReader.Malformed) -> NodeServices {
        try JSONReader.read(body) { (reader) throws(JSONReader.Malformed) in
            var result = NodeServices()
            try reader.object { (key, reader) throws(JSONReader.Malformed) in
                switch key {
                case "Node":
                    if reader.takeNull() { return }
                    result.hasNode = true
                    try reader.skip()
                case "Services":
                    try reader.array { (reader) throws(JSONReader.Malformed) in
                        result.services.append(try CatalogService.read(&reader))
                    }
                default: try reader.skip()
                }
            }
            return result
        }
    }
}

/// The answer of `/v1/txn`.
struct TransactionAnswer: Hashable, Sendable {
    struct Failure: Hashable, Sendable {
        var operation = 0
        var what = ""
    }

    /// What the operations stored, in order; deletions store nothing.
    var services: [CatalogService] = []
    var checks: [CatalogCheck] = []
    var failures: [Failure] = []

    static func read(_ body: [UInt8]) throws(JSONReader.Malformed) -> TransactionAnswer {
        try JSONReader.read(body) { (reader) throws(JSONReader.Malformed) in
            var answer = TransactionAnswer()
            var isAnswer = false
            try reader.object { (key, reader) throws(JSONReader.Malformed) in
                switch key {
                case "Results":
                    isAnswer = true
                    try reader.array { (reader) throws(JSONReader.Malformed) in try answer.readResult(&reader) }
                case "Errors":
                    try reader.array { (reader) throws(JSONReader.Malformed) in try answer.readFailure(&reader) }
                default: try reader.skip()
                }
            }
            guard isAnswer else { throw JSONReader.Malformed(offset: 0, expected: "transaction results") }
            return answer
        }
    }

    private mutating func readResult(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
        var services: [CatalogService] = []
        var checks: [CatalogCheck] = []
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
            switch key {
            case "Service": services.append(try CatalogService.read(&reader))
            case "Check": checks.append(try CatalogCheck.read(&reader))
            default: try reader.skip()
            }
        }
        self.services += services
        self.checks += checks
    }

    private mutating func readFailure(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
        var failure = Failure()
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
            switch key {
            case "OpIndex": failure.operation = try reader.int()
            case "What": failure.what = try reader.string()
            default: try reader.skip()
            }
        }
        failures.append(failure)
    }
}

extension JSONReader {
    /// Reads a Raft index.
    fileprivate mutating func index() throws(Malformed) -> UInt64 { UInt64(clamping: try int()) }
}
