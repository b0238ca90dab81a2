internal import ServiceCatalog

/// Objects that are there but cannot be read, for `explain`. Bounded: a broken server may send any number.
struct UnreadableObjects: Sendable {
    static let limit = 100

    private var reasons: [KubernetesResource: [MalformedObject]] = [:]

    mutating func insert(_ object: MalformedObject, _ resource: KubernetesResource) {
        if let metadata = object.metadata { remove(resource, metadata) }
        guard reasons[resource, default: []].count < Self.limit else { return }
        reasons[resource, default: []].append(object)
    }

    mutating func remove(_ resource: KubernetesResource, _ metadata: ObjectMetadata) {
        guard reasons[resource]?.isEmpty == false else { return }
        let key = ServiceKey(metadata)
        reasons[resource]?.removeAll { $0.metadata.map { ServiceKey($0) } == key }
    }

    mutating func replaceAll(_ resource: KubernetesResource, with objects: [MalformedObject]) {
        reasons[resource] = Array(objects.prefix(Self.limit))
    }

    func reason(_ resource: KubernetesResource, _ key: ServiceKey) -> String? {
        reasons[resource]?.first { $0.metadata.map { ServiceKey($0) } == key }?.reason
    }
}
