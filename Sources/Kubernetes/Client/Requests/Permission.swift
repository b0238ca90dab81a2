/// A permission as RBAC grants it.
package struct Permission: Hashable, Sendable {
    package let verb: String
    /// Empty for the core group.
    package let group: String
    package let resource: String
    /// `nil` for all namespaces.
    package let namespace: String?

    package init(verb: String, group: String, resource: String, namespace: String?) {
        self.verb = verb
        self.group = group
        self.resource = resource
        self.namespace = namespace
    }
}

extension Permission: CustomStringConvertible {
    /// `watch endpointslices.discovery.k8s.io in all namespaces`
    package var description: String {
        let name = group.isEmpty ? resource : "\(resource).\(group)"
        return "\(verb) \(name) in \(namespace.map { "namespace \($0)" } ?? "all namespaces")"
    }

    /// The kind of RBAC object that can grant it.
    package var roleKind: String { namespace == nil ? "ClusterRole" : "Role in namespace \(namespace!)" }
}

extension Permission {
    /// The rules to add so that all of `missing` are granted: YAML, one entry per role and resource.
    package static func rules(granting missing: some Sequence<Permission>) -> String {
        var verbs: [Permission: [String]] = [:]
        var order: [Permission] = []
        for permission in missing {
            let target = Permission(
                verb: "",
                group: permission.group,
                resource: permission.resource,
                namespace: permission.namespace
            )
            if verbs[target] == nil { order.append(target) }
            if verbs[target]?.contains(permission.verb) != true { verbs[target, default: []].append(permission.verb) }
        }
        return order.map { target in
            let list = verbs[target, default: []].map { "\"\($0)\"" }.joined(separator: ", ")
            return """
                # \(target.roleKind)
                - apiGroups: ["\(target.group)"]
                  resources: ["\(target.resource)"]
                  verbs: [\(list)]
                """
        }.joined(separator: "\n")
    }
}
