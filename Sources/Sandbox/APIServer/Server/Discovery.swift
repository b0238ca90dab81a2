/// What the server tells about its groups, versions and resources.
enum Discovery {
    static let aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

    private struct Kind {
        let name: String
        let singular: String
        let kind: String
        let isNamespaced: Bool
        let verbs: [String]
        var shortNames: [String] = []
        var categories: [String] = []
        var hash = ""
        var subresources: [Resource.Subresource] = []
    }

    private static let groups = [
        "", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io",
        "discovery.k8s.io",
    ]

    private static func kinds(_ group: String) -> [Kind] {
        let stored = Resources.all.filter { $0.group == group }.map { resource in
            Kind(
                name: resource.name,
                singular: resource.singular,
                kind: resource.kind,
                isNamespaced: resource.isNamespaced,
                verbs: resource.verbs,
                shortNames: resource.shortNames,
                categories: resource.categories,
                hash: resource.storageVersionHash,
                subresources: resource.subresources
            )
        }
        let reviews = Review.all.filter { $0.group == group }.map { review in
            Kind(
                name: review.resource,
                singular: review.kind.lowercased(),
                kind: review.kind,
                isNamespaced: false,
                verbs: ["create"]
            )
        }
        return stored + reviews
    }

    private static func versionName(_ group: String) -> String { group.isEmpty ? "v1" : "\(group)/v1" }

    // MARK: - One by one

    /// The unaggregated document at a path. Throws 404 for an unknown version, answers `nil` for an unknown group.
    static func document(_ path: String, address: String) throws -> JSON? {
        let parts = path.split(separator: "/").map(String.init)
        switch parts {
        case ["api"]:
            return [
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": .string(address)]],
            ]
        case ["apis"]:
            let list = groups.dropFirst().map(group)
            return ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(Array(list))]
        case ["api", "v1"]: return resourceList("")
        default: break
        }
        guard parts.count >= 2 else { return nil }
        guard parts[0] == "apis" else { throw APIStatus.unknownResource }
        guard groups.contains(parts[1]) else { return nil }
        if parts.count == 2 {
            guard case .object(let members) = group(parts[1]) else { return nil }
            return JSON.object(members).typed("APIGroup", "v1")
        }
        guard parts.count == 3, parts[2] == "v1" else { throw APIStatus.unknownResource }
        return resourceList(parts[1])
    }

    private static func group(_ name: String) -> JSON {
        let version: JSON = ["groupVersion": .string(versionName(name)), "version": "v1"]
        return ["name": .string(name), "versions": [version], "preferredVersion": version]
    }

    private static func resourceList(_ group: String) -> JSON {
        let resources = kinds(group).flatMap { kind -> [JSON] in
            var entry: JSON = [
                "name": .string(kind.name), "singularName": .string(kind.singular),
                "namespaced": .bool(kind.isNamespaced), "kind": .string(kind.kind), "verbs": JSON(kind.verbs),
            ]
            if !kind.shortNames.isEmpty { entry["shortNames"] = JSON(kind.shortNames) }
            if !kind.categories.isEmpty { entry["categories"] = JSON(kind.categories) }
            if !kind.hash.isEmpty { entry["storageVersionHash"] = .string(kind.hash) }
            let subresources = kind.subresources.map { sub -> JSON in
                [
                    "name": .string("\(kind.name)/\(sub.name)"), "singularName": "",
                    "namespaced": .bool(kind.isNamespaced), "kind": .string(kind.kind), "verbs": JSON(sub.verbs),
                ]
            }
            return [entry] + subresources
        }
        return [
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(versionName(group)),
            "resources": .array(resources),
        ]
    }

    // MARK: - All at once

    /// The aggregated form of `/api` or `/apis`, when the client takes it.
    static func aggregated(_ path: String, _ request: ServerRequest) -> (body: [UInt8], tag: String)? {
        guard path == "/api" || path == "/apis" else { return nil }
        let takesIt = Negotiation.Clause.parse(request.headers["Accept"]).contains { clause in
            clause.type == "application/json" && clause.parameters["as"] == "APIGroupDiscoveryList"
                && clause.parameters["g"] == "apidiscovery.k8s.io" && clause.parameters["v"] == "v2"
        }
        guard takesIt else { return nil }
        let items = groups.filter { $0.isEmpty == (path == "/api") }.map { group -> JSON in
            let version: JSON = [
                "version": "v1", "resources": .array(kinds(group).map(aggregated)), "freshness": "Current",
            ]
            return ["metadata": group.isEmpty ? [:] : ["name": .string(group)], "versions": [version]]
        }
        let list: JSON = [
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": [:],
            "items": .array(items),
        ]
        let body = list.encoded() + [0x0A]
        return (body, "\"\(fingerprint(body))\"")
    }

    private static func aggregated(_ kind: Kind) -> JSON {
        func responseKind(_ name: String) -> JSON { ["group": "", "version": "", "kind": .string(name)] }
        var entry: JSON = [
            "resource": .string(kind.name), "responseKind": responseKind(kind.kind),
            "scope": kind.isNamespaced ? "Namespaced" : "Cluster", "singularResource": .string(kind.singular),
            "verbs": JSON(kind.verbs),
        ]
        if !kind.shortNames.isEmpty { entry["shortNames"] = JSON(kind.shortNames) }
        if !kind.categories.isEmpty { entry["categories"] = JSON(kind.categories) }
        if !kind.subresources.isEmpty {
            entry["subresources"] = .array(
                kind.subresources.map { sub in
                    [
                        "subresource": .string(sub.name), "responseKind": responseKind(kind.kind),
                        "verbs": JSON(sub.verbs),
                    ]
                }
            )
        }
        return entry
    }

    /// A hash that is the same for the same bytes (FNV-1a, 64 bits).
    private static func fingerprint(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16, uppercase: true)
    }
}
