internal import DNSCore
internal import DNSZones
internal import ServiceCatalog
internal import SyncEngine
internal import Yams

extension Configuration {
    /// Reads the text of a configuration file.
    ///
    /// - Parameters:
    ///   - file: the name shown in mistakes.
    ///   - environment: what `${NAME}` stands for.
    package static func reading(
        _ text: String,
        file: String,
        environment: [String: String]
    ) throws(ConfigurationError) -> Configuration {
        let context = ConfigurationContext(file: file, environment: environment)
        let configuration = composed(text, in: context).flatMap { read($0) }
        guard let configuration, context.mistakes.isEmpty else {
            throw ConfigurationError(mistakes: context.mistakes)
        }
        return configuration
    }

    private static func composed(_ text: String, in context: ConfigurationContext) -> ConfigurationNode? {
        do {
            guard let node = try Yams.compose(yaml: text) else {
                context.report("the file is empty; it needs at least cluster and systems", line: 0, column: 0)
                return nil
            }
            return ConfigurationNode(node: node, path: "", context: context)
        } catch let error as YamlError {
            let (message, mark) = error.explained
            context.report(message, line: mark?.line ?? 0, column: mark?.column ?? 0)
        } catch {
            context.report("\(error)", line: 0, column: 0)
        }
        return nil
    }

    private static func read(_ root: ConfigurationNode) -> Configuration? {
        guard let members = root.members(["cluster", "systems", "sync", "guard", "dns", "admin", "log"]) else {
            return nil
        }
        let cluster = members.required("cluster").flatMap { readCluster($0) }
        let systems = members.required("systems").flatMap { readSystems($0) }
        guard let systems else { return nil }
        var configuration = Configuration(cluster: cluster ?? "", systems: systems)
        configuration.syncs = members["sync"].flatMap { readSyncs($0, configuration) } ?? []
        if let node = members["guard"] { configuration.removalGuard = readGuard(node) }
        configuration.dns = members["dns"].flatMap { readDNS($0, configuration) }
        if let node = members["admin"] { configuration.admin = readAdmin(node) }
        if let node = members["log"] { configuration.log = readLog(node) }
        return configuration
    }

    /// The id goes into registry keys and DNS labels, so it must be one.
    private static func readCluster(_ node: ConfigurationNode) -> String? {
        guard let id = node.string() else { return nil }
        guard id.isDNSLabel else {
            node.report("cluster must be a DNS label: up to 63 of a-z, 0-9 and -, not \"\(id)\"")
            return nil
        }
        return id
    }

    // MARK: Sync

    private static func readSyncs(_ node: ConfigurationNode, _ configuration: Configuration) -> [SyncConfiguration]? {
        var seen: Set<String> = []
        var targets: [ConsulConfiguration.Place: SystemName] = [:]
        return node.elements()?.compactMap { element in
            guard let members = element.members(["from", "to", "name", "namespace"]) else { return nil }
            let from = members.required("from").flatMap { readSystemName($0, configuration) }
            let to = members.required("to").flatMap { readSystemName($0, configuration) }
            guard let from, let to else { return nil }
            if from == to {
                element.report("a sync needs two systems; both are \"\(from)\"")
                return nil
            }
            guard let kind = configuration.system(to)?.kind else { return nil }
            switch kind {
            case .consul(let consul):
                let place = consul.place(in: configuration.cluster)
                let other = targets[place] ?? to
                guard other == to else {
                    members["to"]?.report(
                        "\"\(to)\" and \"\(other)\" are one Consul and one node: each would remove what the other writes. "
                            + "Let both syncs write to \"\(other)\", or give one of the systems another node"
                    )
                    return nil
                }
                targets[place] = to
            case .kubernetes, .manifests:
                members["to"]?.report("\"\(to)\" is \(kind.label), which is only read; a sync can write to consul")
                return nil
            }
            members["namespace"]?.report("namespace is for syncs into Kubernetes, and \"\(to)\" is \(kind.label)")
            var sync = SyncConfiguration(from: from, to: to)
            if let template = members["name"].flatMap({ readTemplate($0) }) { sync.name = template }
            guard seen.insert("\(from) \(to)").inserted else {
                element.report("there is already a sync from \"\(from)\" to \"\(to)\"")
                return nil
            }
            return sync
        }
    }

    private static func readSystemName(_ node: ConfigurationNode, _ configuration: Configuration) -> SystemName? {
        guard let name = node.string() else { return nil }
        guard configuration.system(SystemName(name)) != nil else {
            let names = configuration.systems.map(\.name.rawValue)
            node.report("there is no system \"\(name)\"; \(node.hint(for: name, among: names))")
            return nil
        }
        return SystemName(name)
    }

    private static func readTemplate(_ node: ConfigurationNode) -> NameTemplate? {
        guard let text = node.string() else { return nil }
        do {
            return try NameTemplate(text)
        } catch {
            node.report(error.description)
            return nil
        }
    }

    private static func readGuard(_ node: ConfigurationNode) -> GuardConfiguration {
        var result = GuardConfiguration()
        guard let members = node.members(["maxRemoved", "above", "hold"]) else { return result }
        if let value = members["maxRemoved"]?.percentage() { result.maxRemoved = value }
        if let value = members["above"]?.integer(0...1_000_000) { result.above = value }
        if let value = members["hold"]?.duration() { result.hold = value }
        return result
    }

    // MARK: DNS

    private static func readDNS(_ node: ConfigurationNode, _ configuration: Configuration) -> DNSConfiguration? {
        guard
            let members = node.members(
                ["listen", "ttl", "workers", "udpSize", "tcp", "tls", "keys", "state", "maxStale", "zones"]
                    + DNSConfiguration.answerKeys
            ),
            let listen = members.required("listen")?.elements()
        else { return nil }
        var dns = DNSConfiguration(listen: listen.compactMap { readListen($0) })
        if listen.isEmpty { members["listen"]?.report("dns.listen needs at least one address such as 0.0.0.0:53") }
        if let ttl = members["ttl"]?.integer(0...86_400) { dns.ttl = UInt32(ttl) }
        dns.workers = members["workers"]?.integer(1...256)
        if let size = members["udpSize"]?.integer(512...4096) { dns.udpSize = size }
        dns.readAnswers(members)
        dns.readState(members)
        if let node = members["keys"] { dns.keys = DNSConfiguration.readKeys(node) }
        if let node = members["tcp"] { dns.tcp = DNSConfiguration.readTCP(node) }
        dns.tls = members["tls"].flatMap { DNSConfiguration.readTLS($0, besides: dns.listen) }
        var seen: Set<DomainName> = []
        var elements: [ConfigurationNode] = []
        for element in members.required("zones")?.elements() ?? [] {
            guard let zone = readZone(element, configuration, dns.keys) else { continue }
            for name in [zone.zone] + (zone.reverse ?? []).map(\.name) where !seen.insert(name).inserted {
                element.report("zone \"\(name)\" is configured twice")
            }
            dns.zones.append(zone)
            elements.append(element)
        }
        for (zone, element) in zip(dns.zones, elements) { zone.checkCopies(besides: dns.zones, element) }
        return dns
    }

    private static func readZone(
        _ node: ConfigurationNode,
        _ configuration: Configuration,
        _ keys: [TSIGKeyConfiguration]
    ) -> ZoneConfiguration? {
        guard
            let members = node.members(
                ["zone", "from", "prefer", "near", "reverse", "allowQuery", "transfer"] + ZoneConfiguration.signingKeys
            )
        else { return nil }
        let name = members.required("zone").flatMap { readZoneName($0) }
        let from = members.required("from")?.elements()?.compactMap { readSystemName($0, configuration) }
        guard let name, let from else { return nil }
        if from.isEmpty { members["from"]?.report("zone \"\(name)\" needs at least one system in from") }
        if let (one, other) = pairOfOneLabel(from) {
            members["from"]?.report(
                "from of zone \"\(name)\" names \"\(one)\" and \"\(other)\", which are the same label in DNS; rename one system"
            )
        }
        var zone = ZoneConfiguration(zone: name, from: from)
        if let node = members["reverse"] { zone.reverse = readReverse(node, zone, configuration) }
        zone.readSigning(members)
        zone.allowQuery = members["allowQuery"]?.addressRanges()
        zone.near = members["near"]?.string()
        zone.transfer = members["transfer"].flatMap { DNSConfiguration.readTransfer($0, keys) }
        if let node = members["prefer"], let preferred = readSystemName(node, configuration) {
            if from.contains(preferred) {
                zone.prefer = preferred
            } else {
                node.report("prefer names \"\(preferred)\", which is not in from of zone \"\(name)\"")
            }
        }
        return zone
    }

    /// Names of hosts tell the systems of a merged zone apart, in lower case (RFC 4343).
    private static func pairOfOneLabel(_ systems: [SystemName]) -> (SystemName, SystemName)? {
        var known: [String: SystemName] = [:]
        for system in systems {
            if let other = known.updateValue(system, forKey: system.rawValue.lowercased()) { return (other, system) }
        }
        return nil
    }

    private static func readReverse(
        _ node: ConfigurationNode,
        _ zone: ZoneConfiguration,
        _ configuration: Configuration
    ) -> [ReverseZone]? {
        if configuration.schema(of: zone) != .kubernetes {
            node.report("\(node.path): only zones of one Kubernetes cluster have reverse names")
        }
        return node.elements()?.flatMap { element -> [ReverseZone] in
            guard let text = element.string() else { return [] }
            do {
                return try ReverseZone.covering(text)
            } catch {
                element.report("\(element.path): \(error)")
                return []
            }
        }
    }

    private static func readZoneName(_ node: ConfigurationNode) -> DomainName? {
        guard let text = node.string() else { return nil }
        let name = (text.hasSuffix(".") ? String(text.dropLast()) : text).lowercased()
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ $0.isDNSLabel || $0.isServiceLabel }), let domain = DomainName(name) else {
            node.report("\"\(text)\" is not a zone name: labels of a-z, 0-9 and -, up to 63 each, joined by dots")
            return nil
        }
        return domain
    }

    static func readListen(_ node: ConfigurationNode) -> ListenAddress? {
        guard let text = node.string() else { return nil }
        guard let address = ListenAddress(text) else {
            node.report("\(node.path): \"\(text)\" is not an address and port such as 127.0.0.1:5353 or [::1]:5353")
            return nil
        }
        return address
    }

    // MARK: Admin and log

    private static func readAdmin(_ node: ConfigurationNode) -> AdminConfiguration {
        guard let members = node.members(["listen"]) else { return AdminConfiguration() }
        return AdminConfiguration(listen: members["listen"].flatMap { readListen($0) } ?? AdminConfiguration().listen)
    }

    private static func readLog(_ node: ConfigurationNode) -> LogConfiguration {
        var log = LogConfiguration()
        guard let members = node.members(["level", "format"]) else { return log }
        if let level = members["level"]?.choice(LogConfiguration.Level.self) { log.level = level }
        if let format = members["format"]?.choice(LogConfiguration.Format.self) { log.format = format }
        return log
    }
}

extension StringProtocol {
    /// RFC 1123, lower case.
    var isDNSLabel: Bool {
        let bytes = Array(utf8)
        guard (1...63).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else {
            return false
        }
        return bytes.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
        }
    }

    /// A label with a leading underscore (RFC 8552).
    fileprivate var isServiceLabel: Bool { hasPrefix("_") && dropFirst().isDNSLabel }
}

extension YamlError {
    /// What to tell the reader, and where.
    fileprivate var explained: (message: String, mark: Yams.Mark?) {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ("not valid YAML: \(problem)", mark)
        case .duplicatedKeysInMapping(let duplicates, let context):
            ("the key \"\(duplicates.first ?? "?")\" is written twice", context.mark)
        case .reader(let problem, _, _, _):
            ("not valid YAML: \(problem)", nil)
        default:
            ("not valid YAML: \(self)", nil)
        }
    }
}
