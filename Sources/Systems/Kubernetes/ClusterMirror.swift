import KubernetesClient
import KubernetesObjects
import ServiceCatalog

/// What is known of one cluster, and how well. Pure: updates of its collections in, effects out.
///
/// Each namespace that is read on its own has its own assembler; the catalog hears of nothing until all are complete.
struct ClusterMirror: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Effect: Sendable {
        /// - since: the moment of the event, from which its propagation is measured.
        case tell(SourceEvent, since: Instant)
        /// Call ``judgeContact(at:)`` then.
        case judgeContact(at: Instant)
        /// The namespace's endpoints are to be read from the other resource, from the start.
        case restart(namespace: String?)
        case note(Finding)
    }

    /// Something to be told to a person.
    enum Finding: Sendable, Hashable {
        /// Everything has been read for the first time.
        case read(services: Int, endpoints: Int)
        /// A trouble that waiting will not mend, on its first occasion.
        case trouble(Trouble, CollectionKey)
        case lost(String)
        case found
        case usesEndpoints(namespace: String?, ServiceAssembler.EndpointSource)
        case problem(Problem, ObjectKey)
        case restarted(RestartReason, CollectionKey)
    }

    struct CollectionKey: Hashable, Sendable {
        let resource: KubernetesResource
        let namespace: String?
    }

    struct ObjectKey: Hashable, Sendable {
        let resource: KubernetesResource
        let namespace: String
        let name: String

        /// Without metadata for an object that does not even tell its name.
        init(_ resource: KubernetesResource, _ metadata: ObjectMetadata?) {
            self.resource = resource
            namespace = metadata?.namespace ?? ""
            name = metadata?.name ?? ""
        }
    }

    struct Collection: Sendable {
        var isListed = false
        var trouble: Trouble?
        var restarts: [RestartReason: Int] = [:]
        /// The last time the server said anything about it.
        var heard: Instant?
        var changed: Instant?
        /// Answers in a row that the server does not have the resource.
        var absences = 0
    }

    struct Part: Sendable {
        var assembler: ServiceAssembler
        var collections: [KubernetesResource: Collection]
    }

    let settings: KubernetesSettings
    let namespaces: NamespaceFilter
    private(set) var parts: [String?: Part] = [:]
    private(set) var isComplete = false
    /// Since when any collection is troubled.
    private(set) var troubledSince: Instant?
    private(set) var isLost = false
    /// Problems of objects, so that each is told once.
    var problems: [ObjectKey: [Problem]] = [:]

    init(_ settings: KubernetesSettings) {
        self.settings = settings
        namespaces = settings.namespaces
        for namespace in settings.watchedNamespaces { begin(namespace, settings.firstEndpointSource) }
    }

    func endpointSource(in namespace: String?) -> ServiceAssembler.EndpointSource {
        parts[namespace]?.assembler.source ?? settings.firstEndpointSource
    }

    /// All that is read.
    var collectionKeys: Set<CollectionKey> {
        parts.reduce(into: []) { keys, part in
            for resource in part.value.collections.keys {
                keys.insert(CollectionKey(resource: resource, namespace: part.key))
            }
        }
    }

    func explanation(of key: ServiceKey) -> ServiceExplanation {
        if let part = parts[key.namespace] ?? parts[nil] { return part.assembler.explanation(of: key) }
        return ServiceAssembler(origin: settings.origin, namespaces: namespaces).explanation(of: key)
    }
}

// MARK: - Updates

extension ClusterMirror {
    mutating func take<Object: AssembledObject>(
        _ update: CollectionUpdate<Object>,
        in namespace: String?,
        at now: Instant
    ) -> [Effect] {
        let resource = Object.resource
        let key = CollectionKey(resource: resource, namespace: namespace)
        // A reader that is being ended may still say something.
        guard var collection = parts[namespace]?.collections[resource],
            var part = parts.removeValue(forKey: namespace)
        else { return [] }
        var event: SourceEvent?
        var effects: [Effect] = []
        switch update {
        case .snapshot(let objects, let unreadable):
            collection.isListed = true
            collection.heard = now
            collection.changed = now
            collection.absences = 0
            collection.trouble = nil
            event = Object.replaceAll(objects, malformed: unreadable, in: &part.assembler)
            effects += note(objects, unreadable, in: namespace)
        case .changes(let changes):
            collection.heard = now
            collection.changed = now
            event = apply(changes, to: &part.assembler)
            effects += note(changes)
        case .confirmed:
            collection.heard = now
        case .troubled(let trouble):
            if case .missing = trouble { collection.absences += 1 }
            if let source = fallback(for: part, trouble, absences: collection.absences) {
                return begin(namespace, source, at: now)
            }
            effects += troubled(trouble, &collection, key, at: now)
        case .recovered:
            collection.trouble = nil
        case .restarted(let reason):
            collection.restarts[reason, default: 0] += 1
            effects.append(.note(.restarted(reason, key)))
        }
        part.collections[resource] = collection
        parts[namespace] = part

        if collection.trouble == nil { effects += recovered(at: now) }
        // What the catalog hears comes first: it is what people wait for.
        return (event.map { tell($0, at: now) } ?? []) + effects
    }

    private func apply<Object: AssembledObject>(
        _ changes: [ObjectChange<Object>],
        to assembler: inout ServiceAssembler
    ) -> SourceEvent? {
        var told: [ServiceChange] = []
        for change in changes {
            let event: SourceEvent?
            switch change {
            case .set(let object): event = object.set(in: &assembler)
            case .removed(let object): event = object.remove(from: &assembler)
            case .unreadable(let object):
                assembler.note(object, of: Object.resource)
                event = nil
            }
            if case .changes(let changes)? = event { told += changes }
        }
        return told.isEmpty ? nil : .changes(told)
    }

    private mutating func tell(_ event: SourceEvent, at now: Instant) -> [Effect] {
        guard isComplete else {
            let snapshots = parts.values.map(\.assembler.snapshot)
            guard snapshots.allSatisfy({ $0 != nil }) else { return [] }
            isComplete = true
            let services = snapshots.flatMap { $0 ?? [] }
            let endpoints = services.reduce(0) { $0 + $1.endpoints.count }
            return [
                .tell(.snapshot(services), since: now), .note(.read(services: services.count, endpoints: endpoints)),
            ]
        }
        var effects = [Effect.tell(event, since: now)]
        // Changes say nothing of the collections that are still out of reach.
        if isLost, let since = troubledSince { effects.append(.tell(.lost(reason: reasonOfLoss), since: since)) }
        return effects
    }
}

// MARK: - Contact

extension ClusterMirror {
    private mutating func troubled(
        _ trouble: Trouble,
        _ collection: inout Collection,
        _ key: CollectionKey,
        at now: Instant
    ) -> [Effect] {
        var effects: [Effect] = []
        if trouble.needsPerson, trouble != collection.trouble { effects.append(.note(.trouble(trouble, key))) }
        collection.trouble = trouble
        if troubledSince == nil {
            troubledSince = now
            effects.append(.judgeContact(at: now + settings.grace))
        }
        return effects
    }

    private mutating func recovered(at now: Instant) -> [Effect] {
        guard troubledSince != nil,
            !parts.values.contains(where: { $0.collections.values.contains { $0.trouble != nil } })
        else { return [] }
        troubledSince = nil
        guard isLost else { return [] }
        isLost = false
        return [.tell(.current, since: now), .note(.found)]
    }

    /// Contact counts as lost once it has been troubled for the whole grace.
    mutating func judgeContact(at now: Instant) -> [Effect] {
        guard let since = troubledSince, !isLost else { return [] }
        guard now - since >= settings.grace else { return [.judgeContact(at: since + settings.grace)] }
        isLost = true
        return [.tell(.lost(reason: reasonOfLoss), since: since), .note(.lost(reasonOfLoss))]
    }

    private var reasonOfLoss: String {
        let troubles = parts.values.flatMap { $0.collections.values.compactMap(\.trouble) }
        // What a person has to mend explains more than what merely failed as well.
        let trouble = troubles.first(where: \.needsPerson) ?? troubles.first
        return trouble?.description ?? "the API server is out of reach"
    }
}

// MARK: - Endpoint sources

extension ClusterMirror {
    private mutating func begin(_ namespace: String?, _ source: ServiceAssembler.EndpointSource) {
        parts[namespace] = Part(
            assembler: ServiceAssembler(origin: settings.origin, source: source, namespaces: namespaces),
            collections: [.services: Collection(), source.resource: Collection()]
        )
    }

    private mutating func begin(
        _ namespace: String?,
        _ source: ServiceAssembler.EndpointSource,
        at now: Instant
    ) -> [Effect] {
        begin(namespace, source)
        return recovered(at: now) + [
            .note(.usesEndpoints(namespace: namespace, source)), .restart(namespace: namespace),
        ]
    }

    /// Where the server has no EndpointSlices, v1 Endpoints are read, as long as nothing was read yet. A server that
    /// has neither may be a proxy that is not ready: both are tried in turn, at the reader's slow pace.
    private func fallback(
        for part: Part,
        _ trouble: Trouble,
        absences: Int
    ) -> ServiceAssembler.EndpointSource? {
        let source = part.assembler.source
        guard settings.endpoints == .auto, !part.assembler.isComplete, trouble == .missing(source.resource),
            source == .slices || absences > 1
        else { return nil }
        return source.other
    }
}

extension Trouble {
    /// Whether waiting alone will not mend it.
    var needsPerson: Bool {
        switch self {
        case .unauthorized, .forbidden, .missing, .refused, .credential: true
        case .unreachable, .unanswered, .busy, .unreadable, .unstable: false
        }
    }
}
