package import KubernetesClient
package import KubernetesObjects

/// How a cluster is being read, at one moment.
package struct ClusterStatus: Sendable {
    package struct Collection: Sendable {
        package let resource: KubernetesResource
        /// `nil` for all namespaces.
        package let namespace: String?
        /// A complete list has come.
        package let isListed: Bool
        /// What stands in the way of the present state.
        package let trouble: Trouble?
        package let restarts: [RestartReason: Int]
        /// When the server last said anything, be it that nothing has changed.
        package let heard: ContinuousClock.Instant?
        package let changed: ContinuousClock.Instant?
    }

    /// Ordered by namespace, then by resource.
    package let collections: [Collection]
    package let isComplete: Bool
    /// Since when any collection is out of reach.
    package let troubledSince: ContinuousClock.Instant?

    /// Permissions that the server refused for want of.
    package var missingPermissions: [Permission] {
        collections.compactMap { if case .forbidden(let permission, _)? = $0.trouble { permission } else { nil } }
    }

    /// What stands in the way, for a person, each thing once.
    package var problems: [String] {
        var seen: Set<String> = []
        return collections.compactMap(\.trouble?.description).filter { seen.insert($0).inserted }
    }
}

extension ClusterMirror {
    var status: ClusterStatus {
        let collections = parts.sorted { ($0.key ?? "") < ($1.key ?? "") }.flatMap { namespace, part in
            part.collections.sorted { $0.key.plural < $1.key.plural }.map { resource, collection in
                ClusterStatus.Collection(
                    resource: resource,
                    namespace: namespace,
                    isListed: collection.isListed,
                    trouble: collection.trouble,
                    restarts: collection.restarts,
                    heard: collection.heard,
                    changed: collection.changed
                )
            }
        }
        return ClusterStatus(collections: collections, isComplete: isComplete, troubledSince: troubledSince)
    }
}
