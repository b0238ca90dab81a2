package import ServiceCatalog

/// Makes the catalog's services of API objects: Services joined with their EndpointSlices or Endpoints.
///
/// Objects go in one by one or as complete lists; out comes what to tell the catalog, or nothing where nothing that
/// matters changed. It knows two states: *incomplete*, until the first complete list of every kind it needs has come,
/// in which it tells nothing; then *complete* for good, entered with a snapshot. Lists that come later are compared
/// with what is known, so that the world never looks empty in between.
package struct ServiceAssembler: Sendable {
    /// Where endpoints come from. Never two sources for one service.
    package enum EndpointSource: Sendable, Hashable {
        /// EndpointSlices alone: those that mirror v1 Endpoints are among them.
        case slices
        /// v1 Endpoints alone.
        case endpoints
        /// The slices of a service that has any, else its Endpoints.
        case slicesElseEndpoints
    }

    /// What is known under one service's name.
    struct Entry: Sendable {
        /// `nil` while slices or Endpoints wait for their Service.
        var service: ServiceObject?
        /// By name.
        var slices: [EndpointSliceObject] = []
        var endpoints: EndpointsObject?
        /// What the catalog was told last.
        var published: Service?

        var isEmpty: Bool { service == nil && slices.isEmpty && endpoints == nil && published == nil }
    }

    package let origin: Origin
    package let source: EndpointSource
    package let namespaces: NamespaceFilter

    private(set) var entries: [ServiceKey: Entry] = [:]
    /// The service of each slice, by the slice's namespace and name: a slice can change its service, and one that
    /// cannot be read is known by its name alone.
    private var sliceOwners: [ServiceKey: ServiceKey] = [:]
    private var listed: Set<KubernetesResource> = []
    private(set) var unreadable = UnreadableObjects()
    package private(set) var isComplete = false

    package init(origin: Origin, source: EndpointSource = .slices, namespaces: NamespaceFilter = .default) {
        self.origin = origin
        self.source = source
        self.namespaces = namespaces
    }

    /// All services, ordered by key; `nil` while incomplete.
    package var snapshot: [Service]? {
        guard isComplete else { return nil }
        return entries.keys.sorted().compactMap { entries[$0]?.published }
    }

    private var readsSlices: Bool { source != .endpoints }
    private var readsEndpoints: Bool { source != .slices }
}

// MARK: - Single objects

extension ServiceAssembler {
    package mutating func set(_ service: ServiceObject) -> SourceEvent? {
        let key = ServiceKey(service.metadata)
        guard namespaces.includes(key) else { return nil }
        unreadable.remove(.services, service.metadata)
        entries[key, default: Entry()].service = service
        return changes(in: [key])
    }

    package mutating func set(_ slice: EndpointSliceObject) -> SourceEvent? {
        guard readsSlices else { return nil }
        unreadable.remove(.endpointSlices, slice.metadata)
        let previous = removeSlice(slice.metadata)
        guard let owner = slice.serviceKey, namespaces.includes(owner) else { return changes(in: [previous]) }
        sliceOwners[ServiceKey(slice.metadata)] = owner
        entries[owner, default: Entry()].insert(slice)
        return changes(in: [previous, owner])
    }

    package mutating func set(_ endpoints: EndpointsObject) -> SourceEvent? {
        let key = ServiceKey(endpoints.metadata)
        guard readsEndpoints, namespaces.includes(key) else { return nil }
        unreadable.remove(.endpoints, endpoints.metadata)
        entries[key, default: Entry()].endpoints = endpoints
        return changes(in: [key])
    }

    package mutating func removeService(_ metadata: ObjectMetadata) -> SourceEvent? {
        let key = ServiceKey(metadata)
        unreadable.remove(.services, metadata)
        entries[key]?.service = nil
        return changes(in: [key])
    }

    package mutating func removeEndpointSlice(_ metadata: ObjectMetadata) -> SourceEvent? {
        unreadable.remove(.endpointSlices, metadata)
        return changes(in: [removeSlice(metadata)])
    }

    package mutating func removeEndpoints(_ metadata: ObjectMetadata) -> SourceEvent? {
        let key = ServiceKey(metadata)
        unreadable.remove(.endpoints, metadata)
        entries[key]?.endpoints = nil
        return changes(in: [key])
    }

    /// Notes an object that cannot be read. What was known of it before stays.
    package mutating func note(_ object: MalformedObject, of resource: KubernetesResource) {
        unreadable.insert(object, resource)
    }

    /// Returns the service that lost the slice.
    private mutating func removeSlice(_ metadata: ObjectMetadata) -> ServiceKey? {
        guard let owner = sliceOwners.removeValue(forKey: ServiceKey(metadata)) else { return nil }
        entries[owner]?.removeSlice(named: metadata.name)
        return owner
    }
}

// MARK: - Complete lists

extension ServiceAssembler {
    /// Takes in everything there is of a kind, in place of what was known.
    ///
    /// An object that is listed but cannot be read keeps its last good state. Where not even its name can be read, no
    /// object of the kind is taken to be gone, for it might be that one.
    ///
    /// - Parameter malformed: the objects of the list that could not be read.
    package mutating func replaceAll(
        services: [ServiceObject],
        malformed: [MalformedObject] = []
    ) -> SourceEvent? {
        let listed = Set(services.map { ServiceKey($0.metadata) })
        var touched = listed.filter { namespaces.includes($0) }
        let isGone = noteListed(.services, malformed)
        for key in entries.keys.filter({ entries[$0]?.service != nil && !listed.contains($0) && isGone($0) }) {
            entries[key]?.service = nil
            touched.insert(key)
        }
        for service in services {
            let key = ServiceKey(service.metadata)
            if touched.contains(key) { entries[key, default: Entry()].service = service }
        }
        return complete(.services, touched)
    }

    /// As ``replaceAll(services:malformed:)``.
    package mutating func replaceAll(
        slices: [EndpointSliceObject],
        malformed: [MalformedObject] = []
    ) -> SourceEvent? {
        guard readsSlices else { return nil }
        let isGone = noteListed(.endpointSlices, malformed)
        var touched = Set<ServiceKey>()
        let listed = Set(slices.map { ServiceKey($0.metadata) })
        for (key, owner) in sliceOwners.filter({ !listed.contains($0.key) && isGone($0.key) }) {
            sliceOwners[key] = nil
            entries[owner]?.removeSlice(named: key.name)
            touched.insert(owner)
        }
        for slice in slices {
            if let previous = removeSlice(slice.metadata) { touched.insert(previous) }
            guard let owner = slice.serviceKey, namespaces.includes(owner) else { continue }
            sliceOwners[ServiceKey(slice.metadata)] = owner
            entries[owner, default: Entry()].insert(slice)
            touched.insert(owner)
        }
        return complete(.endpointSlices, touched)
    }

    /// As ``replaceAll(services:malformed:)``.
    package mutating func replaceAll(
        endpoints: [EndpointsObject],
        malformed: [MalformedObject] = []
    ) -> SourceEvent? {
        guard readsEndpoints else { return nil }
        let listed = Set(endpoints.map { ServiceKey($0.metadata) })
        var touched = listed.filter { namespaces.includes($0) }
        let isGone = noteListed(.endpoints, malformed)
        for key in entries.keys.filter({ entries[$0]?.endpoints != nil && !listed.contains($0) && isGone($0) }) {
            entries[key]?.endpoints = nil
            touched.insert(key)
        }
        for object in endpoints {
            let key = ServiceKey(object.metadata)
            if touched.contains(key) { entries[key, default: Entry()].endpoints = object }
        }
        return complete(.endpoints, touched)
    }

    /// Returns whether an object that is not in the list is gone.
    private mutating func noteListed(
        _ resource: KubernetesResource,
        _ malformed: [MalformedObject]
    ) -> (ServiceKey) -> Bool {
        unreadable.replaceAll(resource, with: malformed)
        let named = Set(malformed.compactMap { $0.metadata.map { ServiceKey($0) } })
        let areAllNamed = malformed.allSatisfy { $0.metadata != nil }
        return { areAllNamed && !named.contains($0) }
    }

    private mutating func complete(_ resource: KubernetesResource, _ touched: Set<ServiceKey>) -> SourceEvent? {
        listed.insert(resource)
        if isComplete { return changes(in: touched.sorted()) }
        var needed: Set<KubernetesResource> = [.services]
        if readsSlices { needed.insert(.endpointSlices) }
        if readsEndpoints { needed.insert(.endpoints) }
        guard listed.isSuperset(of: needed) else { return nil }
        isComplete = true
        for key in Array(entries.keys) { _ = refresh(key) }
        return snapshot.map { .snapshot($0) }
    }
}

// MARK: - Assembly

extension ServiceAssembler {
    private mutating func changes(in keys: [ServiceKey?]) -> SourceEvent? {
        var changes: [ServiceChange] = []
        for case let key? in keys {
            if let change = refresh(key) { changes.append(change) }
        }
        return changes.isEmpty ? nil : .changes(changes)
    }

    /// Brings what is published under `key` up to date, and returns how it changed.
    private mutating func refresh(_ key: ServiceKey) -> ServiceChange? {
        guard let entry = entries[key] else { return nil }
        var change: ServiceChange?
        if isComplete {
            let service = assemble(entry)
            if service != entry.published {
                change = service.map { .set($0) } ?? .remove(key)
                entries[key]?.published = service
            }
        }
        if entries[key]?.isEmpty == true { entries[key] = nil }
        return change
    }

    private func assemble(_ entry: Entry) -> Service? {
        guard let object = entry.service else { return nil }
        var service = Service(
            key: ServiceKey(object.metadata),
            origin: origin,
            kind: .clusterAddress,
            externalHosts: object.externalHosts,
            ports: object.ports,
            settings: object.settings
        )
        switch object.type {
        case .externalName:
            service.kind = .alias(object.externalName)
            return service
        case .clusterIP, .nodePort, .loadBalancer:
            if object.isHeadless { service.kind = .headless }
            service.clusterAddresses = object.clusterAddresses
        }
        service.endpoints = endpoints(of: entry)
        if object.publishesNotReadyAddresses {
            for index in service.endpoints.indices where service.endpoints[index].readiness != .ready {
                service.endpoints[index].readiness = .ready
            }
        }
        return service
    }

    private func endpoints(of entry: Entry) -> [Endpoint] {
        switch source {
        case .slices: entry.endpointsOfSlices
        case .endpoints: entry.endpoints?.endpoints ?? []
        case .slicesElseEndpoints:
            entry.slices.isEmpty ? entry.endpoints?.endpoints ?? [] : entry.endpointsOfSlices
        }
    }
}

extension ServiceAssembler.Entry {
    fileprivate var endpointsOfSlices: [Endpoint] { Endpoint.merging(parts: slices.map(\.endpoints)) }

    /// The slice must not be there yet.
    fileprivate mutating func insert(_ slice: EndpointSliceObject) {
        let index = slices.firstIndex { $0.metadata.name > slice.metadata.name } ?? slices.endIndex
        slices.insert(slice, at: index)
    }

    fileprivate mutating func removeSlice(named name: String) {
        slices.removeAll { $0.metadata.name == name }
    }
}

extension ServiceKey {
    /// Of an object by its own name: a Service, or an Endpoints, which is named like its Service.
    init(_ metadata: ObjectMetadata) {
        self.init(namespace: metadata.namespace, name: metadata.name)
    }
}
