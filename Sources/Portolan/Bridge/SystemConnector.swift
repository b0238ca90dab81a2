internal import ConsulSystem
internal import HTTPTransport
internal import KubernetesClient
internal import KubernetesObjects
internal import KubernetesSystem
internal import Logging
internal import ManifestsSystem
internal import PortolanConfiguration
internal import PortolanLogs
internal import ServiceCatalog
internal import Telemetry

/// Makes systems from their configuration. A new kind of system is one case here, and one in the configuration.
struct SystemConnector: Sendable {
    let cluster: String
    let logs: LogOutput
    let watchRestarts: Counter

    /// Reads the files the configuration names, and connects to nothing yet.
    func connect(_ system: SystemConfiguration) throws(CommandFailure) -> ConnectedSystem {
        switch system.kind {
        case .kubernetes(let kubernetes): try connect(system.name, kubernetes)
        case .manifests(let manifests): connect(system.name, manifests)
        case .consul(let consul): try connect(system.name, consul)
        }
    }

    private func connect(_ name: SystemName, _ manifests: ManifestsConfiguration) -> ConnectedSystem {
        let origin = Origin(cluster: cluster, system: name)
        let source = ManifestsSource(
            path: manifests.path,
            origin: origin,
            logger: logs.logger("manifests.\(name)")
        )
        return ConnectedSystem(
            source: source,
            problems: { source.problems.map(\.description) },
            failure: { source.problems.first?.description },
            explain: { source.explanation(of: $0).lines },
            list: { () throws(CommandFailure) in try list(manifests.path, origin) },
            reread: { await source.reread() },
            check: { _ in check(manifests.path, origin) }
        )
    }

    /// Reads the directory once.
    private func check(_ path: String, _ origin: Origin) -> [ConnectedSystem.Finding] {
        var directory = ManifestDirectory(origin: origin)
        let outcome = directory.apply(DirectoryReading(of: path))
        let findings = directory.problems.map { problem in
            ConnectedSystem.Finding(problem.severity == .error ? .failure : .warning, "\(path): \(problem)")
        }
        guard case .snapshot(let services)? = outcome.event else { return findings }
        return findings + [.init(.fine, "\(path): \(services.count) service\(services.count == 1 ? "" : "s")")]
    }

    private func list(_ path: String, _ origin: Origin) throws(CommandFailure) -> [Service] {
        var directory = ManifestDirectory(origin: origin)
        let outcome = directory.apply(DirectoryReading(of: path))
        if case .snapshot(let services)? = outcome.event { return services }
        let problems = directory.problems.map { "\(path): \($0)" }.joined(separator: "\n")
        throw CommandFailure(.configuration, message: problems)
    }

    private func connect(
        _ name: SystemName,
        _ consul: PortolanConfiguration.ConsulConfiguration
    ) throws(CommandFailure) -> ConnectedSystem {
        if let token = consul.token, token.value == nil {
            throw CommandFailure(
                .configuration,
                message: "\(token.place) holds no token; put the ACL token there or leave out token"
            )
        }
        let http = HTTPClient(HTTPClientConfiguration(tls: .init(consul.tls)))
        let configuration = ConsulSystem.ConsulConfiguration(
            address: consul.address,
            datacenter: consul.datacenter,
            node: consul.node,
            token: { consul.token?.value }
        )
        let logger = logs.logger("consul.\(name)")
        if !consul.tls.verifies {
            logger.warning("The server's certificate is not verified", metadata: ["system": "\(name)"])
        }
        let source = ConsulSource(
            system: name,
            cluster: cluster,
            configuration: configuration,
            http: http,
            logger: logger
        )
        return ConnectedSystem(
            source: source,
            makeTarget: { [cluster] in
                ConsulTarget(system: name, cluster: cluster, configuration: configuration, http: http)
            },
            list: { () throws(CommandFailure) in try await SingleReading(of: source, system: name).services() },
            reread: { await source.reread() },
            check: { isTarget in
                let checkup = ConsulCheckup(cluster: cluster, configuration: configuration, http: http)
                return await checkup.run(asTarget: isTarget).map { finding in
                    let level: ConnectedSystem.Finding.Level =
                        switch finding.level {
                        case .fine: .fine
                        case .warning: .warning
                        case .denied: .denied
                        case .failure: .failure
                        }
                    return ConnectedSystem.Finding(level, finding.text)
                }
            }
        )
    }
}

extension HTTPClientConfiguration.TLS {
    fileprivate init(_ tls: TLSConfiguration) {
        self.init(
            certificateAuthority: tls.certificateAuthority.map { .file($0) },
            serverName: tls.serverName,
            verifies: tls.verifies
        )
        if let certificate = tls.certificate, let key = tls.key {
            clientCertificate = .init(certificate: .file(certificate), key: .file(key))
        }
    }
}

extension ServiceExplanation {
    /// For `portolan explain`: a line for the standing, and one for each object.
    var lines: [String] {
        var lines: [String] = []
        switch standing {
        case .published: break
        case .excluded(let reason): lines.append("left out: \(reason)")
        case .incomplete: lines.append("the first complete lists have not come yet")
        case .missing: lines.append("there is no Service of that name")
        }
        for part in contributions {
            var line = "\(part.kind) \(part.metadata.namespace)/\(part.metadata.name)"
            if !part.metadata.resourceVersion.isEmpty { line += " at version \(part.metadata.resourceVersion)" }
            if part.endpoints > 0 { line += ", \(part.endpoints) endpoints" }
            if !part.note.isEmpty { line += ", \(part.note)" }
            lines.append(line)
            lines += part.problems.map { "  \($0.message)" }
        }
        return lines
    }
}
