internal import KubernetesClient
internal import ServiceCatalog

extension Configuration {
    private static let kinds = ["kubernetes", "manifests", "consul"]

    static func readSystems(_ node: ConfigurationNode) -> [SystemConfiguration]? {
        guard let entries = node.entries() else { return nil }
        if entries.isEmpty { node.report("systems needs at least one system") }
        return entries.compactMap { name, key, value in
            guard name.isSystemName else {
                key.report("\"\(name)\" is not a system name: up to 63 of a-z, A-Z, 0-9, - and _")
                return nil
            }
            return readSystem(name, value)
        }
    }

    private static func readSystem(_ name: String, _ node: ConfigurationNode) -> SystemConfiguration? {
        guard let members = node.members(kinds + ["required", "withdrawOnExit"]) else { return nil }
        let given = kinds.filter { members[$0] != nil }
        guard let kind = given.first, let body = members[kind], given.count == 1 else {
            let found = given.isEmpty ? "has none" : "has \(given.joined(separator: " and "))"
            node.report("system \"\(name)\" needs exactly one kind of \(kinds.joined(separator: ", ")) and \(found)")
            return nil
        }
        let read: SystemConfiguration.Kind? =
            switch kind {
            case "kubernetes": readKubernetes(body).map { .kubernetes($0) }
            case "manifests": readManifests(body).map { .manifests($0) }
            default: readConsul(body).map { .consul($0) }
            }
        guard let read else { return nil }
        var system = SystemConfiguration(name: SystemName(name), kind: read)
        system.required = members["required"]?.boolean()
        if let withdraw = members["withdrawOnExit"]?.boolean() { system.withdrawOnExit = withdraw }
        return system
    }

    private static func readKubernetes(_ node: ConfigurationNode) -> KubernetesConfiguration? {
        guard let members = node.members(["kubeconfig", "context", "namespaces", "services", "endpoints"]) else {
            return nil
        }
        var kubernetes = KubernetesConfiguration()
        kubernetes.kubeconfig = members["kubeconfig"]?.string()
        kubernetes.context = members["context"]?.string()
        kubernetes.services = members["services"].flatMap { readSelector($0) }
        if let endpoints = members["endpoints"]?.choice(KubernetesConfiguration.EndpointSource.self) {
            kubernetes.endpoints = endpoints
        }
        if let namespaces = members["namespaces"]?.members(["include", "exclude"]) {
            if let include = namespaces["include"]?.strings() { kubernetes.includedNamespaces = include }
            if let exclude = namespaces["exclude"]?.strings() { kubernetes.excludedNamespaces = exclude }
        }
        return kubernetes
    }

    private static func readSelector(_ node: ConfigurationNode) -> LabelSelector? {
        guard let text = node.string() else { return nil }
        do {
            return try LabelSelector(text)
        } catch {
            node.report("\(node.path): \(error)")
            return nil
        }
    }

    private static func readManifests(_ node: ConfigurationNode) -> ManifestsConfiguration? {
        guard let path = node.members(["path"])?.required("path")?.string() else { return nil }
        return ManifestsConfiguration(path: path)
    }

    private static func readConsul(_ node: ConfigurationNode) -> ConsulConfiguration? {
        guard let members = node.members(["address", "datacenter", "token", "tls", "node"]),
            let address = members.required("address").flatMap({ readURL($0) })
        else { return nil }
        var consul = ConsulConfiguration(address: address)
        consul.datacenter = members["datacenter"]?.string()
        consul.token = members["token"]?.secret()
        consul.node = members["node"]?.string()
        if let tls = members["tls"] { consul.tls = readTLS(tls) }
        return consul
    }

    private static func readURL(_ node: ConfigurationNode) -> String? {
        guard let text = node.string() else { return nil }
        guard let match = text.wholeMatch(of: #/https?:\/\/([^\/?#]+)\/?/#) else {
            node.report("\(node.path) must be http://HOST:PORT or https://HOST:PORT, not \"\(text)\"")
            return nil
        }
        guard !match.1.contains("@") else {
            node.report("\(node.path) must not hold a user name or password; use token")
            return nil
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private static func readTLS(_ node: ConfigurationNode) -> TLSConfiguration {
        var tls = TLSConfiguration()
        guard let members = node.members(["ca", "cert", "key", "serverName", "insecureSkipVerify"]) else { return tls }
        tls.certificateAuthority = members["ca"]?.string()
        tls.certificate = members["cert"]?.string()
        tls.key = members["key"]?.string()
        tls.serverName = members["serverName"]?.string()
        if let insecure = members["insecureSkipVerify"]?.boolean() { tls.verifies = !insecure }
        if (tls.certificate == nil) != (tls.key == nil) {
            node.report("\(node.path) needs cert and key together")
        }
        return tls
    }
}

extension ConsulConfiguration {
    /// Where entries are written to, for telling whether two systems are the same.
    struct Place: Hashable {
        /// HOST:PORT.
        var address: String
        var datacenter: String?
        var node: String
    }

    func place(in cluster: String) -> Place {
        Place(
            address: normalAddress,
            datacenter: datacenter?.lowercased(),
            node: (node ?? "portolan-\(cluster)").lowercased()
        )
    }

    /// The address without what may be written in several ways. One port speaks HTTP or HTTPS, not both.
    private var normalAddress: String {
        let isEncrypted = address.hasPrefix("https://")
        var text = address.lowercased().drop { $0 != "/" }.drop { $0 == "/" }
        var port = isEncrypted ? "443" : "80"
        if let match = text.wholeMatch(of: #/(.*):0*([0-9]+)/#), !match.1.hasPrefix("[") || match.1.hasSuffix("]") {
            port = String(match.2)
            text = match.1
        }
        if text.hasSuffix(".") { text = text.dropLast() }
        let host = text == "localhost" ? "127.0.0.1" : text
        return ListenAddress("\(host):\(port)")?.description ?? "\(host):\(port)"
    }
}

extension String {
    fileprivate var isSystemName: Bool {
        utf8.count <= 63 && wholeMatch(of: #/[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?/#) != nil
    }
}
