/// An instance of `/v1/health/service/<name>`; the fields that count.
struct HealthEntry: Hashable, Sendable {
    enum Status: Hashable, Sendable {
        case passing
        /// At least one check is neither passing nor critical, and none critical.
        case warning
        /// At least one check is critical; maintenance is such a check.
        case critical
    }

    var node = ""
    var nodeAddress = ""
    var service = CatalogService()
    /// Of all checks of the instance and its node.
    var status = Status.passing

    static func readAll(_ body: [UInt8]) throws(JSONReader.Malformed) -> [HealthEntry] {
        try JSONReader.read(body) { (reader) throws(JSONReader.Malformed) in
            var entries: [HealthEntry] = []
            try reader.array { (reader) throws(JSONReader.Malformed) in entries.append(try read(&reader)) }
            return entries
        }
    }

    private static func read(_ reader: inout JSONReader) throws(JSONReader.Malformed) -> HealthEntry {
        var entry = HealthEntry()
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
            switch key {
            case "Node":
                try reader.object { (key, reader) throws(JSONReader.Malformed) in
                    switch key {
                    case "Node": entry.node = try reader.string()
                    case "Address": entry.nodeAddress = try reader.string()
                    default: try reader.skip()
                    }
                }
            case "Service": entry.service = try CatalogService.read(&reader)
            case "Checks":
                try reader.array { (reader) throws(JSONReader.Malformed) in
                    entry.count(try CatalogCheck.read(&reader))
                }
            default: try reader.skip()
            }
        }
        return entry
    }

    private mutating func count(_ check: CatalogCheck) {
        switch check.status {
        case "passing": break
        case "critical": status = .critical
        default: if status == .passing { status = .warning }
        }
    }
}

/// The answer of `/v1/catalog/services`: the names alone.
enum ServiceNames {
    static func read(_ body: [UInt8]) throws(JSONReader.Malformed) -> Set<String> {
        try JSONReader.read(body) { (reader) throws(JSONReader.Malformed) in
            var names: Set<String> = []
            try reader.object { (key, reader) throws(JSONReader.Malformed) in
                // A registration without a name leaves one; nobody can ask for it.
                if !key.isEmpty { names.insert(key) }
                try reader.skip()
            }
            return names
        }
    }
}
