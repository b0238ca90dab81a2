internal import HTTPTransport
internal import KubernetesClient
internal import KubernetesObjects
internal import KubernetesSystem
internal import Logging
internal import PortolanConfiguration
internal import PortolanLogs
internal import ServiceCatalog
internal import Telemetry

extension SystemConnector {
    func connect(
        _ name: SystemName,
        _ kubernetes: KubernetesConfiguration
    ) throws(CommandFailure) -> ConnectedSystem {
        let logger = logs.logger("kubernetes.\(name)")
        let cluster = try clusterConfiguration(name, kubernetes)
        for warning in cluster.warnings {
            logger.warning("The cluster's configuration is unsafe", metadata: ["warning": "\(warning)"])
        }
        let connection = ClusterConnection(
            cluster,
            credentials: CredentialProvider(cluster.credentials, environment: ProcessEnvironment.all)
        )
        let instance = ProcessEnvironment.all["HOSTNAME"] ?? "portolan-\(self.cluster)"
        let recorder = EventRecorder(KubernetesAPI(connection), instance: instance)
        @Sendable func record(_ problem: Problem, _ object: ObjectReference) {
            recorder.record(
                ObjectEvent(.warning, about: object, reason: problem.code.eventReason, message: problem.message)
            )
        }
        let source = KubernetesSource(
            settings(name, kubernetes),
            connection: connection,
            observer: KubernetesObserver(
                restarted: { [watchRestarts] in watchRestarts.increment([name.rawValue, $0.rawValue]) },
                problem: record
            ),
            logger: logger
        )
        return ConnectedSystem(
            source: RecordingSource(source: source, recorder: recorder),
            problems: { await source.status.problems },
            failure: { await source.status.problems.first },
            explain: { await source.explanation(of: $0).lines },
            list: { () throws(CommandFailure) in
                do throws(Trouble) {
                    return try await source.list()
                } catch {
                    throw CommandFailure(error.status, message: "\(error)")
                }
            },
            reread: { await source.reread() },
            report: { record($0, ObjectReference(.services, namespace: $1.namespace, name: $1.name)) },
            check: { _ in await source.check().map { ConnectedSystem.Finding($0) } }
        )
    }

    /// The kubeconfig that the configuration names, or else the one of the environment, or the Pod's service account.
    private func clusterConfiguration(
        _ name: SystemName,
        _ kubernetes: KubernetesConfiguration
    ) throws(CommandFailure) -> ClusterConfiguration {
        let environment = ProcessEnvironment.all
        do throws(ClusterConfigurationError) {
            if let path = kubernetes.kubeconfig {
                let files = path.split(separator: ":").map(String.init)
                return try .kubeconfig(files: files, context: kubernetes.context)
            }
            if kubernetes.context != nil || environment["KUBECONFIG"].map({ !$0.isEmpty }) == true {
                let files = ClusterConfiguration.kubeconfigFiles(environment: environment)
                return try .kubeconfig(files: files, context: kubernetes.context)
            }
            return try .inCluster(environment: environment)
        } catch {
            throw CommandFailure(.configuration, message: "\(error)")
        }
    }

    private func settings(_ name: SystemName, _ kubernetes: KubernetesConfiguration) -> KubernetesSettings {
        let endpoints: KubernetesSettings.Endpoints =
            switch kubernetes.endpoints {
            case .auto: .auto
            case .slices: .slices
            case .endpoints: .endpoints
            }
        return KubernetesSettings(
            origin: Origin(cluster: cluster, system: name),
            include: kubernetes.includedNamespaces,
            exclude: kubernetes.excludedNamespaces,
            services: kubernetes.services,
            endpoints: endpoints
        )
    }
}

/// A cluster whose problems are also written as Events on the objects they are about.
private struct RecordingSource: CatalogSource {
    let source: KubernetesSource
    let recorder: EventRecorder

    func run(into writer: CatalogWriter) async {
        await withTaskGroup { group in
            group.addTask { await recorder.run() }
            await source.run(into: writer)
            group.cancelAll()
        }
    }
}

extension Problem.Code {
    /// The `reason` of an Event: a word in upper camel case.
    fileprivate var eventReason: String {
        rawValue.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}

extension ConnectedSystem.Finding {
    fileprivate init(_ finding: CheckFinding) {
        let level: Level =
            switch finding.verdict {
            case .fine: .fine
            case .warning: .warning
            case .forbidden: .denied
            case .unavailable, .misconfigured: .failure
            }
        self.init(level, finding.remedy.map { "\(finding.message)\n\($0)" } ?? finding.message)
    }
}

extension Trouble {
    fileprivate var status: CommandFailure.Status {
        switch self {
        case .unauthorized, .forbidden, .credential: .permission
        case .unreachable, .unanswered, .busy, .unstable, .unreadable, .missing, .refused: .unavailable
        }
    }
}
