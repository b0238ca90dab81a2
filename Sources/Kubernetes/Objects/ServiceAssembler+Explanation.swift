package import ServiceCatalog

/// How a service came to be what the catalog says, or why it is not there.
package struct ServiceExplanation: Sendable, Hashable {
    package enum Standing: Sendable, Hashable {
        /// In the catalog.
        case published
        /// The configuration leaves it out, for this reason.
        case excluded(String)
        /// The first complete lists have not come yet.
        case incomplete
        /// There is no Service of that name, though there may be endpoints.
        case missing
    }

    /// An object that says something about the service.
    package struct Contribution: Sendable, Hashable {
        package let kind: String
        package let metadata: ObjectMetadata
        /// How many endpoints it holds that can be used.
        package let endpoints: Int
        /// Why it is not counted, or what is remarkable about it; empty mostly.
        package let note: String
        /// What was left out of it, or why it cannot be read at all.
        package let problems: [Problem]
    }

    package let standing: Standing
    package let contributions: [Contribution]
}

extension ServiceAssembler {
    package func explanation(of key: ServiceKey) -> ServiceExplanation {
        if let reason = namespaces.exclusion(of: key) {
            return ServiceExplanation(standing: .excluded(reason), contributions: [])
        }
        let entry = entries[key] ?? Entry()
        var contributions: [ServiceExplanation.Contribution] = []
        if let service = entry.service {
            contributions.append(contribution(service, service.problems + service.settings.problems))
        } else if let reason = unreadable.reason(.services, key) {
            contributions.append(
                ServiceExplanation.Contribution(
                    kind: KubernetesResource.services.kind,
                    metadata: ObjectMetadata(namespace: key.namespace, name: key.name, resourceVersion: ""),
                    endpoints: 0,
                    note: "",
                    problems: [Problem(.objectInvalid, "it cannot be read: \(reason)")]
                )
            )
        }
        contributions += entry.slices.map { slice in
            contribution(
                slice,
                endpoints: slice.endpoints.count,
                note: slice.isMirrored ? "mirrors the v1 Endpoints" : "",
                slice.problems
            )
        }
        if let endpoints = entry.endpoints {
            let isCounted = source == .endpoints || entry.slices.isEmpty
            contributions.append(
                contribution(
                    endpoints,
                    endpoints: endpoints.endpoints.count,
                    note: isCounted ? "" : "not counted: the service has EndpointSlices",
                    endpoints.problems
                )
            )
        }
        let standing: ServiceExplanation.Standing =
            if !isComplete { .incomplete } else if entry.published == nil { .missing } else { .published }
        return ServiceExplanation(standing: standing, contributions: contributions)
    }

    /// What is wrong with the objects of a service, annotations included.
    package func problems(of key: ServiceKey) -> [Problem] {
        explanation(of: key).contributions.flatMap(\.problems)
    }

    private func contribution(
        _ object: some KubernetesObject,
        endpoints: Int = 0,
        note: String = "",
        _ problems: [Problem]
    ) -> ServiceExplanation.Contribution {
        let resource = type(of: object).resource
        let unread = unreadable.reason(resource, ServiceKey(object.metadata)).map { reason in
            Problem(.objectInvalid, "its last good state is used, for now it cannot be read: \(reason)")
        }
        return ServiceExplanation.Contribution(
            kind: resource.kind,
            metadata: object.metadata,
            endpoints: endpoints,
            note: note,
            problems: problems + (unread.map { [$0] } ?? [])
        )
    }
}
