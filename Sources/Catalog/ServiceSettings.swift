/// What the `portolan.dev/` annotations of a service ask for. Values that cannot be used are listed as problems and
/// otherwise treated as absent.
///
/// A reference, because nearly all services have none and share ``none``.
package final class ServiceSettings: Hashable, Sendable {
    package static let annotationPrefix = "portolan.dev/"
    package static let none = ServiceSettings()

    package enum PortChoice: Hashable, Sendable {
        case named(String)
        case number(UInt16)
    }

    /// `sync`: forces the service into, or keeps it out of, every sync.
    package let sync: Bool?
    /// `to`: the only systems the service is written to.
    package let targets: Set<SystemName>?
    /// `name`: the service's name in registries.
    package let name: String?
    /// `port`: the only port that is written.
    package let port: PortChoice?
    /// `tags`
    package let tags: [String]
    /// `meta-<key>`
    package let metadata: [String: String]
    /// `weight`: 0…65535.
    package let weight: Int?
    /// `grpc-config`: a gRPC service config, the text of the `_grpc_config` TXT record.
    package let grpcConfig: String?
    package let problems: [Problem]

    package init(
        sync: Bool? = nil,
        targets: Set<SystemName>? = nil,
        name: String? = nil,
        port: PortChoice? = nil,
        tags: [String] = [],
        metadata: [String: String] = [:],
        weight: Int? = nil,
        grpcConfig: String? = nil,
        problems: [Problem] = []
    ) {
        self.sync = sync
        self.targets = targets
        self.name = name
        self.port = port
        self.tags = tags
        self.metadata = metadata
        self.weight = weight
        self.grpcConfig = grpcConfig
        self.problems = problems
    }

    package static func == (left: ServiceSettings, right: ServiceSettings) -> Bool {
        left === right
            || (left.sync == right.sync && left.targets == right.targets && left.name == right.name
                && left.port == right.port && left.tags == right.tags && left.metadata == right.metadata
                && left.weight == right.weight && left.grpcConfig == right.grpcConfig
                && left.problems == right.problems)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(sync)
        hasher.combine(name)
        hasher.combine(tags)
        hasher.combine(metadata)
        hasher.combine(weight)
    }
}

// MARK: - Reading annotations

extension ServiceSettings {
    /// Reads the annotations of one service. Annotations without the prefix are not looked at.
    package static func reading(_ annotations: [String: String]) -> ServiceSettings {
        var reader = AnnotationReader()
        for (key, value) in annotations.sorted(by: { $0.key < $1.key }) where key.hasPrefix(annotationPrefix) {
            reader.read(key: key, name: key.dropFirst(annotationPrefix.count), value: value)
        }
        return reader.isEmpty ? none : reader.settings
    }
}

private struct AnnotationReader {
    private var sync: Bool?
    private var targets: Set<SystemName>?
    private var name: String?
    private var port: ServiceSettings.PortChoice?
    private var tags: [String] = []
    private var metadata: [String: String] = [:]
    private var weight: Int?
    private var grpcConfig: String?
    private var problems: [Problem] = []
    private(set) var isEmpty = true

    var settings: ServiceSettings {
        ServiceSettings(
            sync: sync,
            targets: targets,
            name: name,
            port: port,
            tags: tags,
            metadata: metadata,
            weight: weight,
            grpcConfig: grpcConfig,
            problems: problems
        )
    }

    mutating func read(key: String, name annotation: Substring, value: String) {
        isEmpty = false
        let value = value.trimmingSpaces()
        switch annotation {
        case "sync":
            switch value.lowercased() {
            case "true": sync = true
            case "false": sync = false
            default: refuse(key, value, "use \"true\" or \"false\"")
            }
        case "to":
            let names = splitList(value)
            if names.isEmpty {
                refuse(key, value, "name at least one system, separated by commas")
            } else {
                targets = Set(names.map { SystemName($0) })
            }
        case "name":
            if value.isEmpty || value.utf8.count > 255 {
                refuse(key, value, "a name has 1 to 255 characters")
            } else {
                name = value
            }
        case "port":
            if value.isEmpty {
                refuse(key, value, "give the name or the number of a service port")
            } else if value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
                if let number = UInt16(value), number > 0 {
                    port = .number(number)
                } else {
                    refuse(key, value, "a port number is between 1 and 65535")
                }
            } else {
                port = .named(value)
            }
        case "tags":
            tags = splitList(value)
        case "weight":
            if let number = Int(value), (0...65535).contains(number) {
                weight = number
            } else {
                refuse(key, value, "a weight is a whole number from 0 to 65535")
            }
        case "grpc-config":
            grpcConfig = value.isEmpty ? nil : value
        default:
            if annotation.hasPrefix("meta-"), annotation.utf8.count > "meta-".utf8.count {
                metadata[String(annotation.dropFirst("meta-".count))] = value
            } else {
                problems.append(
                    Problem(
                        .annotationInvalid,
                        "annotation \(key) is not one Portolan knows; "
                            + "known are sync, to, name, port, tags, meta-<key>, weight, grpc-config"
                    )
                )
            }
        }
    }

    private mutating func refuse(_ key: String, _ value: String, _ hint: String) {
        let shown = value.count > 64 ? value.prefix(64) + "…" : value[...]
        problems.append(Problem(.annotationInvalid, "annotation \(key): \"\(shown)\" cannot be used: \(hint)"))
    }
}

/// Splits at commas, where `\,` stands for a comma inside an item. Empty items are dropped.
private func splitList(_ text: String) -> [String] {
    var items: [String] = []
    var item = ""
    var escaped = false
    for character in text {
        switch (escaped, character) {
        case (false, "\\"):
            escaped = true
            continue
        case (false, ","):
            items.append(item.trimmingSpaces())
            item = ""
        case (true, let character) where character != ",":
            item.append("\\")
            item.append(character)
        default:
            item.append(character)
        }
        escaped = false
    }
    if escaped { item.append("\\") }
    items.append(item.trimmingSpaces())
    return items.filter { !$0.isEmpty }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
