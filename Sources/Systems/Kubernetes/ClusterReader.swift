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

    func take<Object: AssembledObject>(
        _ update: CollectionUpdate<Object>,
        in namespace: String?,
        at now: ContinuousClock.Instant
    ) {
        perform(mirror.take(update, in: namespace, at: now))
    }

    /// Where the endpoints of `namespace` are to be read from, until the stream says that this has changed.
    func begin(_ namespace: String?) -> (source: ServiceAssembler.EndpointSource, ended: AsyncStream<Void>) {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        restarts[namespace] = continuation
        return (mirror.endpointSource(in: namespace), stream)
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
            logger.warning(
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
