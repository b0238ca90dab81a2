package import HTTPTransport
import SyncEngine

/// What `portolan check` can say of a Consul without writing to it.
package struct ConsulCheckup: Sendable {
    package struct Finding: Hashable, Sendable {
        package enum Level: String, Hashable, Sendable {
            case fine
            /// Works, or may work, with a caveat.
            case warning
            /// Cannot work for lack of permission.
            case denied
            /// Cannot work.
            case failure
        }

        package let level: Level
        package let text: String
    }

    private let client: ConsulClient
    private let node: String
    private let hasToken: Bool

    package init(cluster: String, configuration: ConsulConfiguration, http: any HTTPSending) {
        client = ConsulClient(configuration, http: http)
        node = configuration.node ?? "portolan-\(cluster)"
        hasToken = configuration.token()?.isEmpty == false
    }

    /// - Parameter asTarget: whether something is to be written, too.
    package func run(asTarget: Bool) async -> [Finding] {
        var findings: [Finding] = []
        do throws(TargetError) {
            findings.append(try await leader())
            findings.append(try await agent())
            if hasToken { findings.append(try await token()) }
            findings.append(try await services())
            if asTarget {
                findings.append(try await ownNode())
                findings += try await permissions()
            }
        } catch {
            let level: Finding.Level =
                switch error {
                case .unauthorized, .permission: .denied
                default: .failure
                }
            findings.append(Finding(level: level, text: error.description))
        }
        return findings
    }

    private func leader() async throws(TargetError) -> Finding {
        let response = try await client.response(.get, ["status", "leader"])
        guard response.status == 200,
            let leader = try? JSONReader.read(
                response.body,
                { (reader) throws(JSONReader.Malformed) in
                    try reader.string()
                }
            )
        else {
            throw .nonsense("status \(response.status) to /v1/status/leader: is this the address of Consul's HTTP API?")
        }
        return leader.isEmpty
            ? Finding(level: .failure, text: "Consul has no leader at present")
            : Finding(level: .fine, text: "leader \(leader)")
    }

    private func agent() async throws(TargetError) -> Finding {
        let response = try await client.response(.get, ["agent", "self"])
        guard response.status == 200 else {
            return Finding(level: .warning, text: "version unknown: the token may not read /v1/agent/self (agent:read)")
        }
        var version = ""
        var datacenter = ""
        let isRead: Void? = try? JSONReader.read(response.body) { (reader) throws(JSONReader.Malformed) in
            try reader.object { (key, reader) throws(JSONReader.Malformed) in
                guard key == "Config" else { return try reader.skip() }
                try reader.object { (key, reader) throws(JSONReader.Malformed) in
                    switch key {
                    case "Version": version = try reader.string()
                    case "Datacenter": datacenter = try reader.string()
                    default: try reader.skip()
                    }
                }
            }
        }
        guard isRead != nil, !version.isEmpty else { throw .nonsense("/v1/agent/self cannot be read") }
        return Finding(level: .fine, text: "Consul \(version), agent of datacenter \(datacenter)")
    }

    private func token() async throws(TargetError) -> Finding {
        let response = try await client.response(.get, ["acl", "token", "self"])
        switch response.status {
        case 200: return Finding(level: .fine, text: "the token is known")
        case 403: return Finding(level: .denied, text: "Consul does not know the token")
        default: return Finding(level: .warning, text: "ACLs are off: the token is not needed")
        }
    }

    private func services() async throws(TargetError) -> Finding {
        let answer = try await client.get(["catalog", "services"])
        guard let names = try? ServiceNames.read(answer.body) else {
            throw .nonsense("/v1/catalog/services cannot be read")
        }
        if names.isEmpty, answer.mayBeHidden {
            return Finding(level: .denied, text: "no service is shown: the token lacks service:read and node:read")
        }
        // Names are shown without node:read, instances are not. Every service is on some node: one tells.
        let name = names.sorted().first { $0 != "consul" } ?? names.first
        if let name {
            let instances = try await client.get(["health", "service", name])
            guard let entries = try? HealthEntry.readAll(instances.body) else {
                throw .nonsense("/v1/health/service/\(name) cannot be read")
            }
            if entries.isEmpty, instances.mayBeHidden {
                return Finding(
                    level: .denied,
                    text: "no instance of service \"\(name)\" is shown: the token lacks node:read on its nodes"
                )
            }
            if instances.isFiltered {
                return Finding(
                    level: .warning,
                    text: "some instances of service \"\(name)\" are hidden from this token: it lacks node:read on "
                        + "their nodes"
                )
            }
        }
        let caveat = answer.isFiltered ? ", others are hidden from this token" : ""
        let count = names.count == 1 ? "1 service" : "\(names.count) services"
        return Finding(level: answer.isFiltered ? .warning : .fine, text: count + caveat)
    }

    private func ownNode() async throws(TargetError) -> Finding {
        let answer = try await client.get(["health", "node", node])
        guard let checks = try? CatalogCheck.readAll(answer.body) else {
            throw .nonsense("/v1/health/node/\(node) cannot be read")
        }
        if checks.contains(where: { $0.id == CatalogCheck.serfHealth }) {
            return Finding(level: .failure, text: "node \"\(node)\" belongs to an agent: set another \"node\"")
        }
        return Finding(level: .fine, text: "node \"\(node)\" is no agent's")
    }

    /// Asks what the token may do, where Consul can be asked.
    private func permissions() async throws(TargetError) -> [Finding] {
        let wishes = [("node", node, "write"), ("node", node, "read"), ("service", "", "write")]
        var body = JSONWriter()
        body.array { writer in
            for (resource, segment, access) in wishes {
                writer.object { writer in
                    writer.field("Resource", resource)
                    writer.field("Segment", segment)
                    writer.field("Access", access)
                }
            }
        }
        let response = try await client.response(.post, ["internal", "acl", "authorize"], body: body.bytes)
        guard response.status == 200 else {
            if String(decoding: response.body, as: UTF8.self).contains("ACL support disabled") {
                return [Finding(level: .fine, text: "ACLs are off: everything may be written")]
            }
            return [Finding(level: .warning, text: "whether the token may write is not verified")]
        }
        var allowed: [Bool] = []
        let isRead: Void? = try? JSONReader.read(response.body) { (reader) throws(JSONReader.Malformed) in
            try reader.array { (reader) throws(JSONReader.Malformed) in
                try reader.object { (key, reader) throws(JSONReader.Malformed) in
                    if key == "Allow" { allowed.append(try reader.bool()) } else { try reader.skip() }
                }
            }
        }
        guard isRead != nil, allowed.count == wishes.count else {
            return [Finding(level: .warning, text: "whether the token may write is not verified")]
        }
        return zip(wishes, allowed).map { wish, isAllowed in
            let (resource, segment, access) = wish
            let what =
                segment.isEmpty ? "\(resource):\(access) on every name" : "\(resource):\(access) on \"\(segment)\""
            if isAllowed { return Finding(level: .fine, text: what) }
            // A token may be meant for some names only.
            return Finding(level: segment.isEmpty ? .warning : .denied, text: "the token lacks \(what)")
        }
    }
}
