import KubernetesClient
import KubernetesObjects
import Logging
import ServiceCatalog

/// Brings the readers of one cluster's collections together: one at a time they change the mirror and tell the catalog,
/// on their own threads.
actor ClusterReader {
    private let observer: KubernetesObserver
    private let logger: Logger
    private let clock: ClientClock
    private var mirror: ClusterMirror
    private var writer: CatalogWriter?
    private let deadlines = AsyncStream<ContinuousClock.Instant>.makeStream(bufferingPolicy: .bufferingNewest(1))
    /// Of each namespace: ends its readers, which then begin anew.
    private var restarts: [String?: AsyncStream<Void>.Continuation] = [:]
    private var rereads: [Reread] = []

    /// Somebody waits for every collection to be listed anew.
    private struct Reread {
        /// Namespaces whose readers, begun before, have not ended yet: what these still say does not count.
        var ending: Set<String?>
        var unlisted: Set<ClusterMirror.CollectionKey>
        let continuation: CheckedContinuation<Bool, Never>
    }

    init(_ settings: KubernetesSettings, observer: KubernetesObserver, logger: Logger, clock: ClientClock) {
        mirror = ClusterMirror(settings)
        self.observer = observer
        self.logger = logger
        self.clock = clock
    }

    var status: ClusterStatus { mirror.status }

    func explanation(of key: ServiceKey) -> ServiceExplanation { mirror.explanation(of: key) }

    /// From now on the catalog is told.
    func open(_ writer: CatalogWriter) { self.writer = writer }

    func close() {
        writer = nil
        endRereads()
    }

    func take<Object: AssembledObject>(
        _ update: CollectionUpdate<Object>,
        in namespace: String?,
        at now: ContinuousClock.Instant
    ) {
        perform(mirror.take(update, in: namespace, at: now))
        if !rereads.isEmpty { count(update, in: namespace) }
    }

    /// Where the endpoints of `namespace` are to be read from, until the stream says that this has changed.
    func begin(_ namespace: String?) -> (source: ServiceAssembler.EndpointSource, ended: AsyncStream<Void>) {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        restarts[namespace] = continuation
        for index in rereads.indices { rereads[index].ending.remove(namespace) }
        return (mirror.endpointSource(in: namespace), stream)
    }

    // MARK: Reading again

    /// Has everything listed anew and tells the catalog what differs, while what is known stays in place.
    ///
    /// - Returns: whether every list came; false with the first that is in trouble.
    func reread() async -> Bool {
        guard writer != nil, mirror.isComplete else { return false }
        return await withCheckedContinuation { continuation in
            rereads.append(
                Reread(
                    ending: Set(restarts.keys),
                    unlisted: mirror.collectionKeys,
                    continuation: continuation
                )
            )
            for restart in restarts.values { restart.finish() }
        }
    }

    private func count<Object: AssembledObject>(_ update: CollectionUpdate<Object>, in namespace: String?) {
        let key = ClusterMirror.CollectionKey(resource: Object.resource, namespace: namespace)
        for index in rereads.indices where !rereads[index].ending.contains(namespace) {
            switch update {
            case .snapshot: rereads[index].unlisted.remove(key)
            case .troubled: return endRereads()
            case .changes, .confirmed, .recovered, .restarted: break
            }
        }
        for reread in rereads where reread.unlisted.isEmpty { reread.continuation.resume(returning: true) }
        rereads.removeAll { $0.unlisted.isEmpty }
    }

    /// Tells those who wait for everything to be read again that it was not.
    func endRereads() {
        for reread in rereads { reread.continuation.resume(returning: false) }
        rereads = []
    }

    /// Notices that contact is lost, until cancelled.
    nonisolated func watchContact() async {
        for await deadline in deadlines.stream {
            guard (try? await clock.sleep(until: deadline)) != nil else { return }
            await judgeContact()
        }
    }

    private func judgeContact() { perform(mirror.judgeContact(at: clock.now)) }

    private func perform(_ effects: [ClusterMirror.Effect]) {
        for effect in effects {
            switch effect {
            case .tell(let event, let since): writer?.apply(event, observedAt: since)
            case .judgeContact(let deadline): deadlines.continuation.yield(deadline)
            case .restart(let namespace): restarts[namespace]?.finish()
            case .note(let finding): tell(finding)
            }
        }
    }
}

// MARK: - Telling people

extension ClusterReader {
    private func tell(_ finding: ClusterMirror.Finding) {
        switch finding {
        case .read(let services, let endpoints):
            logger.info("cluster read", metadata: ["services": "\(services)", "endpoints": "\(endpoints)"])
        case .trouble(let trouble, let key):
            var metadata = key.metadata
            metadata["reason"] = "\(trouble)"
            if case .forbidden(let permission, _) = trouble {
                metadata["rule"] = "\(Permission.rules(granting: [permission]))"
            }
            logger.error("cluster cannot be read; what is known stays", metadata: metadata)
        case .lost(let reason):
            logger.warning("cluster is out of reach; what is known stays", metadata: ["reason": "\(reason)"])
        case .found:
            logger.info("cluster is within reach again")
        case .usesEndpoints(let namespace, let source):
            let key = ClusterMirror.CollectionKey(resource: source.resource, namespace: namespace)
            logger.info(
                "endpoints are read from another resource: the API server lacks the first",
                metadata: key.metadata
            )
        case .problem(let problem, let key):
            // Of what does not tell its name, only the log can speak.
            if !key.name.isEmpty {
                observer.problem(problem, ObjectReference(key.resource, namespace: key.namespace, name: key.name))
            }
            // What is wrong in annotations becomes a problem of the service, and is told with the catalog's.
            logger.log(
                level: problem.code == .annotationInvalid ? .debug : .warning,
                "object holds what cannot be used",
                metadata: [
                    "object": "\(key.resource.kind) \(key.namespace)/\(key.name)", "problem": "\(problem)",
                    "code": "\(problem.code.rawValue)",
                ]
            )
        case .restarted(let reason, let key):
            observer.restarted(reason)
            var metadata = key.metadata
            metadata["reason"] = "\(reason)"
            logger.debug("list or watch begun anew", metadata: metadata)
        }
    }
}

extension ClusterMirror.CollectionKey {
    fileprivate var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["resource": "\(resource.plural)"]
        if let namespace { metadata["namespace"] = "\(namespace)" }
        return metadata
    }
}
