import ServiceCatalog
import SyncEngine

/// Finds out who registers instances under the names of this installation as well.
struct OtherHolderSearch: Sendable {
    /// How often it is looked at most.
    private static let interval = Duration.seconds(10)

    let client: ConsulClient
    let node: String
    /// How long to wait before the next ``holders(of:)``: longer after many requests, so that they stay few a second.
    private(set) var pause = Duration.seconds(5)
    /// The last answer, and what it was for: it stands while no instance comes or goes anywhere.
    private var last: (index: UInt64, names: Set<String>)?

    init(client: ConsulClient, node: String) {
        self.client = client
        self.node = node
    }

    /// - Parameter names: in lower case.
    /// - Returns: the holders of those names that have others; `nil` when nothing changed since the last answer.
    mutating func holders(of names: Set<String>) async throws(TargetError) -> [String: [OtherHolder]]? {
        pause = Self.interval
        if names.isEmpty, last == nil { return nil }
        // Consul heeds this filter from 1.14 on; before, all names are listed and each is looked at.
        let list = try await client.get(["catalog", "services"], filter: "Node != \"\(node)\"")
        if let index = list.index, let last, last == (index, names) { return nil }
        var requests = 1
        defer { pause = max(Self.interval, .milliseconds(50 * requests)) }
        var holders: [String: [OtherHolder]] = [:]
        for name in try Self.read({ () throws(JSONReader.Malformed) in try ServiceNames.read(list.body) }).sorted() {
            guard names.contains(name.lowercased()) else { continue }
            requests += 1
            let answer = try await client.get(["catalog", "service", name], filter: "Node != \"\(node)\"")
            let instances = try Self.read { () throws(JSONReader.Malformed) in try CatalogInstance.readAll(answer.body)
            }
            let found = Self.holders(behind: instances.filter { $0.node.lowercased() != node.lowercased() })
            if !found.isEmpty { holders[name.lowercased()] = found }
        }
        last = list.index.map { ($0, names) }
        return holders
    }

    /// One for each node and service behind the instances, in order.
    private static func holders(behind instances: [CatalogInstance]) -> [OtherHolder] {
        var counts: [OtherHolder: Int] = [:]
        for instance in instances {
            let metadata = EntryMetadata(instance.meta)
            let who =
                if let owner = metadata.owner {
                    "the Portolan installation \"\(owner)\"" + (metadata.mark.map { " for service \($0.key)" } ?? "")
                } else {
                    "node \"\(instance.node)\""
                }
            counts[OtherHolder(description: who, key: metadata.mark?.key), default: 0] += 1
        }
        return counts.map { holder, count in
            let instances = count == 1 ? "1 instance" : "\(count) instances"
            return OtherHolder(description: "\(holder.description) (\(instances))", key: holder.key)
        }.sorted { $0.description < $1.description }
    }

    private static func read<Value>(
        _ body: () throws(JSONReader.Malformed) -> Value
    ) throws(TargetError) -> Value {
        do {
            return try body()
        } catch {
            throw .nonsense("Consul: the holders of names cannot be read: \(error)")
        }
    }
}

/// An instance of `/v1/catalog/service/<name>`; the fields that count here.
struct CatalogInstance: Hashable, Sendable {
    var node = ""
    var meta: [String: String] = [:]

    static func readAll(_ body: [UInt8]) throws(JSONReader.Malformed) -> [CatalogInstance] {
        try JSONReader.read(body) { (reader) throws(JSONReader.Malformed) in
            var instances: [CatalogInstance] = []
            try reader.array { (reader) throws(JSONReader.Malformed) in
                var instance = CatalogInstance()
                try reader.object { (key, reader) throws(JSONReader.Malformed) in
                    switch key {
                    case "Node": instance.node = try reader.string()
                    case "ServiceMeta": instance.meta = try reader.stringMap()
                    default: try reader.skip()
                    }
                }
                instances.append(instance)
            }
            return instances
        }
    }
}
