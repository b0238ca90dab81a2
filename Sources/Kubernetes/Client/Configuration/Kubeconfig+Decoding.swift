import KubernetesObjects
import Yams

extension Kubeconfig {
    /// Reads one file. Keys that are not known are passed over, as kubectl does.
    init(yaml: String, file: String) throws(ClusterConfigurationError) {
        let reader = KubeconfigReader(file: file)
        guard let root = try reader.compose(yaml) else { return }
        let top = try reader.fields(of: root, what: "a kubeconfig")
        if let kind = try top.string("kind"), kind.value != "Config" {
            throw kind.place.error("kind is \"\(kind.value)\"; a kubeconfig has kind Config")
        }
        currentContext = try top.string("current-context").flatMap { $0.value.isEmpty ? nil : $0 }
        clusters = try top.named("clusters", holding: "cluster") { (fields) throws(ClusterConfigurationError) in
            try Cluster(fields)
        }
        users = try top.named("users", holding: "user") { (fields) throws(ClusterConfigurationError) in
            try User(fields)
        }
        contexts = try top.named("contexts", holding: "context") { (fields) throws(ClusterConfigurationError) in
            try Context(fields)
        }
    }
}

extension Kubeconfig.Cluster {
    fileprivate init(_ fields: KubeconfigFields) throws(ClusterConfigurationError) {
        self.init(
            place: fields.place,
            server: try fields.text("server"),
            certificateAuthority: try fields.text("certificate-authority"),
            certificateAuthorityData: try fields.text("certificate-authority-data"),
            skipsVerification: try fields.boolean("insecure-skip-tls-verify"),
            serverName: try fields.text("tls-server-name")?.value,
            proxy: try fields.text("proxy-url")
        )
        for item in try fields.list("extensions")
        where try item.string("name")?.value == "client.authentication.k8s.io/exec" {
            pluginConfiguration = try item.json("extension")
        }
    }
}

extension Kubeconfig.User {
    fileprivate init(_ fields: KubeconfigFields) throws(ClusterConfigurationError) {
        self.init(
            place: fields.place,
            clientCertificate: try fields.text("client-certificate"),
            clientCertificateData: try fields.text("client-certificate-data"),
            clientKey: try fields.text("client-key"),
            clientKeyData: try fields.text("client-key-data"),
            token: try fields.text("token"),
            tokenFile: try fields.text("tokenFile"),
            username: try fields.text("username"),
            password: try fields.text("password")?.value,
            impersonate: try fields.text("as")?.value,
            impersonateUID: try fields.text("as-uid")?.value,
            impersonateGroups: try fields.strings("as-groups")
        )
        if let provider = try fields.mapping("auth-provider") {
            authProvider = Kubeconfig.Located(value: try provider.string("name")?.value ?? "", place: provider.place)
        }
        if let extra = try fields.mapping("as-user-extra") {
            for key in extra.keys { impersonateExtra[key] = try extra.strings(key) }
        }
        if let exec = try fields.mapping("exec") { self.exec = try Kubeconfig.Exec(exec) }
    }
}

extension Kubeconfig.Exec {
    fileprivate init(_ fields: KubeconfigFields) throws(ClusterConfigurationError) {
        self.init(
            place: fields.place,
            apiVersion: try fields.text("apiVersion"),
            command: try fields.text("command"),
            arguments: try fields.strings("args"),
            installHint: try fields.text("installHint")?.value,
            interactiveMode: try fields.text("interactiveMode"),
            provideClusterInfo: try fields.boolean("provideClusterInfo")?.value ?? false
        )
        for variable in try fields.list("env") {
            guard let name = try variable.text("name") else {
                throw variable.place.error("an environment variable of exec has no name")
            }
            environment.append(
                ExecPlugin.Variable(name: name.value, value: Secret(try variable.string("value")?.value ?? ""))
            )
        }
    }
}

extension Kubeconfig.Context {
    fileprivate init(_ fields: KubeconfigFields) throws(ClusterConfigurationError) {
        self.init(
            place: fields.place,
            cluster: try fields.text("cluster"),
            user: try fields.text("user"),
            namespace: try fields.text("namespace")?.value
        )
    }
}

// MARK: - Reading nodes

private struct KubeconfigReader {
    let file: String

    func compose(_ yaml: String) throws(ClusterConfigurationError) -> Node? {
        do {
            // Without a resolver every scalar stays the text it is: a numeric password is not a number.
            return try Yams.compose(yaml: yaml, .basic)
        } catch {
            throw ClusterConfigurationError(yamlError: error, file: file)
        }
    }

    func place(_ node: Node) -> Kubeconfig.Place {
        Kubeconfig.Place(file: file, line: node.mark?.line, column: node.mark?.column)
    }

    func fields(of node: Node, what: String) throws(ClusterConfigurationError) -> KubeconfigFields {
        guard let mapping = node.mapping else { throw place(node).error("\(what) is a mapping of keys to values") }
        return KubeconfigFields(reader: self, mapping: mapping, place: place(node))
    }

    func string(_ node: Node, key: String) throws(ClusterConfigurationError) -> Kubeconfig.Located<String>? {
        guard let scalar = node.scalar else { throw place(node).error("\(key) is text, not a list or a mapping") }
        return isNull(scalar) ? nil : Kubeconfig.Located(value: scalar.string, place: place(node))
    }

    func isNull(_ scalar: Node.Scalar) -> Bool {
        scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// Of one tree. A few aliases of aliases can stand for more than any machine holds.
    static let maximumValues = 10_000
    private static let maximumDepth = 64

    /// Plain scalars become what YAML's core schema says they are.
    func json(_ node: Node, depth: Int, _ room: inout Int) throws(ClusterConfigurationError) -> JSONValue {
        room -= 1
        guard room >= 0, depth < Self.maximumDepth else {
            throw place(node).error(
                "with its aliases written out, this is more than \(Self.maximumValues) values or \(Self.maximumDepth) "
                    + "levels of them"
            )
        }
        switch node {
        case .mapping(let mapping):
            var members: [String: JSONValue] = [:]
            for (key, value) in mapping {
                members[key.scalar?.string ?? ""] = try json(value, depth: depth + 1, &room)
            }
            return .object(members)
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for element in sequence { elements.append(try json(element, depth: depth + 1, &room)) }
            return .array(elements)
        case .scalar(let scalar):
            guard scalar.style == .plain else { return .string(scalar.string) }
            if isNull(scalar) { return .null }
            switch scalar.string {
            case "true", "True", "TRUE": return .boolean(true)
            case "false", "False", "FALSE": return .boolean(false)
            default: break
            }
            if let number = Int(scalar.string) { return .integer(number) }
            if let number = Double(scalar.string), number.isFinite { return .number("\(number)") }
            return .string(scalar.string)
        case .alias:
            return .null
        }
    }
}

/// The keys of one mapping.
private struct KubeconfigFields {
    let reader: KubeconfigReader
    let mapping: Node.Mapping
    let place: Kubeconfig.Place

    var keys: [String] { mapping.compactMap { $0.key.scalar?.string } }

    private func node(_ key: String) -> Node? {
        guard let node = mapping.first(where: { $0.key.scalar?.string == key })?.value else { return nil }
        if let scalar = node.scalar, reader.isNull(scalar) { return nil }
        return node
    }

    /// The text at `key`, which may be empty.
    func string(_ key: String) throws(ClusterConfigurationError) -> Kubeconfig.Located<String>? {
        guard let node = node(key) else { return nil }
        return try reader.string(node, key: key)
    }

    /// The text at `key`; empty counts as absent, as it does for kubectl.
    func text(_ key: String) throws(ClusterConfigurationError) -> Kubeconfig.Located<String>? {
        try string(key).flatMap { $0.value.isEmpty ? nil : $0 }
    }

    func boolean(_ key: String) throws(ClusterConfigurationError) -> Kubeconfig.Located<Bool>? {
        guard let text = try string(key) else { return nil }
        switch text.value {
        case "true": return Kubeconfig.Located(value: true, place: text.place)
        case "false": return Kubeconfig.Located(value: false, place: text.place)
        default: throw text.place.error("\(key) is true or false, not \"\(text.value)\"")
        }
    }

    func mapping(_ key: String) throws(ClusterConfigurationError) -> KubeconfigFields? {
        guard let node = node(key) else { return nil }
        return try reader.fields(of: node, what: key)
    }

    func list(_ key: String) throws(ClusterConfigurationError) -> [KubeconfigFields] {
        var items: [KubeconfigFields] = []
        for node in try nodes(key) { items.append(try reader.fields(of: node, what: "an item of \(key)")) }
        return items
    }

    func strings(_ key: String) throws(ClusterConfigurationError) -> [String] {
        var items: [String] = []
        for node in try nodes(key) { items.append(try reader.string(node, key: "an item of \(key)")?.value ?? "") }
        return items
    }

    func json(_ key: String) throws(ClusterConfigurationError) -> JSONValue? {
        guard let node = node(key) else { return nil }
        var room = KubeconfigReader.maximumValues
        return try reader.json(node, depth: 0, &room)
    }

    /// A list of `{name: …, holding: {…}}`, by name.
    func named<Value>(
        _ key: String,
        holding: String,
        _ read: (KubeconfigFields) throws(ClusterConfigurationError) -> Value
    ) throws(ClusterConfigurationError) -> [String: Value] {
        var values: [String: Value] = [:]
        for item in try list(key) {
            guard let name = try item.text("name") else { throw item.place.error("an item of \(key) has no name") }
            guard values[name.value] == nil else {
                throw name.place.error("\(holding) \"\(name.value)\" is defined twice in this file")
            }
            let empty = KubeconfigFields(reader: reader, mapping: Node.Mapping([]), place: item.place)
            values[name.value] = try read(try item.mapping(holding) ?? empty)
        }
        return values
    }

    private func nodes(_ key: String) throws(ClusterConfigurationError) -> [Node] {
        guard let node = node(key) else { return [] }
        guard let sequence = node.sequence else { throw reader.place(node).error("\(key) is a list") }
        return Array(sequence)
    }
}

extension ClusterConfigurationError {
    fileprivate init(yamlError error: any Error, file: String) {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            self.init("not valid YAML: \(problem)", file: file, line: mark.line, column: mark.column)
        case YamlError.duplicatedKeysInMapping(let duplicates, let context):
            self.init(
                "a mapping holds the key \(duplicates.sorted().joined(separator: ", ")) twice",
                file: file,
                line: context.mark.line,
                column: context.mark.column
            )
        case YamlError.reader(let problem, _, _, _):
            self.init("not valid YAML: \(problem)", file: file)
        default:
            // Not the error itself: it quotes the file, secrets included.
            self.init("not valid YAML", file: file)
        }
    }
}
