/// What the catalog stores. Names keep the case they came in; identity ignores it.

struct NodeRecord: Sendable, Equatable {
    var id = ""
    var name = ""
    var address = ""
    var datacenter = ""
    var taggedAddresses: [String: String]?
    var meta: [String: String]?
    var createIndex: UInt64 = 0
    var modifyIndex: UInt64 = 0

    /// Equal but for the indexes: writing it again changes nothing.
    func isSame(as other: NodeRecord) -> Bool {
        var copy = other
        (copy.createIndex, copy.modifyIndex) = (createIndex, modifyIndex)
        return self == copy
    }
}

struct ServiceAddress: Sendable, Equatable {
    var address = ""
    var port = 0
}

struct ServiceWeights: Sendable, Equatable {
    var passing = 1
    var warning = 1

    /// The catalog replaces weights it cannot use by 1 and 1, without a word.
    var orDefault: ServiceWeights {
        (1...65535).contains(passing) && (0...65535).contains(warning) ? self : ServiceWeights()
    }
}

struct ServiceRecord: Sendable, Equatable {
    var node = ""
    var kind = ""
    var id = ""
    var name = ""
    /// `nil` and empty are told apart, here as there: exchanging them counts as a change.
    var tags: [String]?
    var address = ""
    var taggedAddresses: [String: ServiceAddress]?
    var meta: [String: String]?
    var port = 0
    var socketPath = ""
    var weights = ServiceWeights()
    var enableTagOverride = false
    var createIndex: UInt64 = 0
    var modifyIndex: UInt64 = 0

    func isSame(as other: ServiceRecord) -> Bool {
        var copy = other
        (copy.createIndex, copy.modifyIndex, copy.node) = (createIndex, modifyIndex, node)
        return self == copy
    }
}

struct CheckDefinition: Sendable, Equatable {
    var interval = GoDuration()
    var timeout = GoDuration()
    var deregisterCriticalServiceAfter = GoDuration()
    var ttl = GoDuration()
    var http = ""
    var tlsServerName = ""
    var tlsSkipVerify = false
    var header: [String: [String]]?
    var method = ""
    var body = ""
    var tcp = ""
    var grpc = ""
    var grpcUseTLS = false
    var aliasNode = ""
    var aliasService = ""

    /// What a check's `Type` becomes when it is left out.
    var impliedType: String {
        if !http.isEmpty { return "http" }
        if !tcp.isEmpty { return "tcp" }
        if !grpc.isEmpty { return "grpc" }
        if ttl.nanoseconds > 0 { return "ttl" }
        return aliasNode.isEmpty && aliasService.isEmpty ? "" : "alias"
    }
}

struct CheckRecord: Sendable, Equatable {
    static let passing = "passing"
    static let warning = "warning"
    static let critical = "critical"

    var node = ""
    var id = ""
    var name = ""
    /// Any text is stored; only the three above mean something.
    var status = ""
    var notes = ""
    var output = ""
    var serviceID = ""
    var serviceName = ""
    var serviceTags: [String]?
    var type = ""
    var definition = CheckDefinition()
    var createIndex: UInt64 = 0
    var modifyIndex: UInt64 = 0

    func isSame(as other: CheckRecord) -> Bool {
        var copy = other
        (copy.createIndex, copy.modifyIndex, copy.type) = (createIndex, modifyIndex, type)
        return self == copy
    }
}

struct KeyRecord: Sendable, Equatable {
    var key = ""
    var value: [UInt8] = []
    var flags: UInt64 = 0
    var session = ""
    var lockIndex: UInt64 = 0
    var createIndex: UInt64 = 0
    var modifyIndex: UInt64 = 0
}

struct SessionRecord: Sendable, Equatable {
    enum Behavior: String { case release, delete }

    var id = ""
    var name = ""
    var node = ""
    var lockDelay = GoDuration()
    var behavior = Behavior.release
    /// As it was given; empty for none.
    var ttl = ""
    var nodeChecks: [String]?
    var serviceChecks: [String]?
    var createIndex: UInt64 = 0
    var modifyIndex: UInt64 = 0

    /// Consul lets a session live up to twice its TTL, and so does the stand-in, exactly.
    var lifetime: Duration? {
        guard !ttl.isEmpty, let parsed = GoDuration(ttl), parsed.nanoseconds > 0 else { return nil }
        return parsed.duration * 2
    }
}
