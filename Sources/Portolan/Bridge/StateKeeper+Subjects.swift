internal import KubernetesClient
internal import PortolanConfiguration
internal import ServiceCatalog

extension StateKeeper {
    /// The systems that zones of `configuration` show, with what decides on their contents.
    static func subjects(of configuration: Configuration) -> [Subject] {
        let shown = Set((configuration.dns?.zones ?? []).flatMap(\.from))
        return configuration.systems.filter { shown.contains($0.name) }.map {
            Subject(system: $0.name, identity: "\(configuration.cluster) \($0.kind.identity)")
        }
    }
}

extension SystemConfiguration.Kind {
    /// In words: where the system is and which part of it is read. Credentials and the way there may change.
    fileprivate var identity: String {
        func shown(_ value: String?) -> String { value ?? "-" }
        switch self {
        case .kubernetes(let cluster):
            return "kubernetes \(shown(cluster.kubeconfig)) \(shown(cluster.context)) "
                + "\(cluster.includedNamespaces.sorted()) \(cluster.excludedNamespaces.sorted()) "
                + shown(cluster.services?.text)
        case .manifests(let manifests): return "manifests \(manifests.path)"
        case .consul(let consul): return "consul \(consul.address) \(shown(consul.datacenter))"
        }
    }
}
