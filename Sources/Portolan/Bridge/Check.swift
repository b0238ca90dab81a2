internal import DNSCore
internal import DNSServer
internal import DNSState
internal import DNSTransfer
internal import DNSZones
internal import KubernetesObjects
internal import Logging
internal import PortolanConfiguration
internal import PortolanLogs
internal import ServiceCatalog
internal import Telemetry

/// `portolan check`: everything the configuration needs is tried, nothing is written.
package struct Check: Sendable {
    /// What was found.
    package struct Report: Sendable, Equatable {
        /// For standard output, in order.
        package fileprivate(set) var lines: [String] = []
        /// `nil` when the bridge can run.
        package fileprivate(set) var failure: CommandFailure.Status?
        fileprivate var count = 0

        /// One sentence on the whole.
        package var summary: String {
            switch count {
            case 0: "The bridge can run."
            case 1: "1 thing is in the way"
            default: "\(count) things are in the way"
            }
        }

        /// - Parameter status: what the process ends with should this be the worst finding.
        fileprivate mutating func add(
            _ place: String,
            _ finding: ConnectedSystem.Finding,
            _ status: CommandFailure.Status = .unavailable
        ) {
            let sign: String
            switch finding.level {
            case .fine: sign = "ok      "
            case .warning: sign = "warning "
            case .denied:
                sign = "missing "
                fail(.permission)
            case .failure:
                sign = "failed  "
                fail(status)
            }
            let text = finding.text.split(separator: "\n", omittingEmptySubsequences: false)
            lines.append("\(sign)\(place): \(text[0])")
            lines += text.dropFirst().map { "          \($0)" }
        }

        /// What is unavailable goes before a missing permission: without an answer, permissions say nothing. A mistake in
        /// the configuration goes before both, as no waiting mends it.
        private mutating func fail(_ status: CommandFailure.Status) {
            count += 1
            let order: [CommandFailure.Status] = [.permission, .unavailable, .configuration]
            failure = order.last { $0 == status || $0 == failure }
        }
    }

    private let file: ConfigurationFile

    package init(configurationFile: String) {
        file = ConfigurationFile(path: configurationFile)
    }

    /// Throws when the configuration itself is wrong; everything else is in the report.
    package func run() async throws(CommandFailure) -> Report {
        let configuration = try file.load()
        let connector = SystemConnector(
            cluster: configuration.cluster,
            logs: LogOutput(level: .critical),
            watchRestarts: Counter(.init("", help: "", labels: ["", ""]))
        )
        var report = Report()
        report.add(file.path, .init(.fine, "valid"))
        for system in configuration.systems {
            let place = "system \(system.name)"
            do throws(CommandFailure) {
                let connected = try connector.connect(system)
                let isTarget = configuration.syncs.contains { $0.to == system.name }
                for finding in await connected.check(isTarget) { report.add(place, finding) }
            } catch {
                report.add(place, .init(.failure, error.message), error.status)
            }
        }
        if let dns = configuration.dns { await check(dns, &report) }
        for plan in ZonePlan.zones(of: configuration) { checkKeys(of: plan, &report) }
        await check(configuration.admin, &report)
        return report
    }

    private func checkKeys(of plan: ZonePlan, _ report: inout Report) {
        guard let path = plan.keyDirectory else { return }
        let place = "zone \(plan.definition.name)"
        do throws(CommandFailure) {
            let reverse = plan.definition.reverse.map(\.name)
            let contents = try KeyDirectory(path: path).load(plan.definition.name, others: reverse, at: .now)
            for warning in contents.warnings { report.add(place, .init(.warning, warning)) }
            let zones = contents.keys.keys.map(\.description).sorted().joined(separator: ", ")
            report.add(place, .init(.fine, "has keys to sign \(zones)"))
        } catch {
            report.add(place, .init(.failure, error.message))
            report.failure = .configuration
        }
    }

    /// Binds the addresses for a moment. A bridge that runs already holds them, and then this says so.
    private func check(_ dns: DNSConfiguration, _ report: inout Report) async {
        for key in dns.keys {
            do throws(CommandFailure) {
                _ = try TSIGKeyring([key])
                report.add("dns.keys", .init(.fine, "key \(key.name) can be read"))
            } catch {
                report.add("dns.keys", .init(.failure, error.message))
                report.failure = .configuration
            }
        }
        if let path = dns.state {
            let finding: ConnectedSystem.Finding =
                if let obstacle = StateDirectory(path: path).obstacle {
                    .init(.failure, "cannot be written: \(obstacle)")
                } else {
                    .init(.fine, "can be written")
                }
            report.add("dns.state", finding)
        }
        let wanted: ServerConfiguration
        do throws(CommandFailure) {
            wanted = try ServerConfiguration(dns, cookies: CookieSecrets(current: .random()))
        } catch {
            report.add("dns", .init(.failure, error.message))
            report.failure = .configuration
            return
        }
        let certificate: ServerCertificate?
        do throws(CommandFailure) {
            certificate = try ServerCertificate.reading(wanted.tls)
        } catch {
            report.add("dns.tls", .init(.failure, error.message))
            report.failure = .configuration
            return
        }
        if let certificate { check(certificate, &report) }
        let server = DNSServer(
            configuration: wanted,
            certificate: certificate,
            zones: .init(),
            logger: LogOutput(level: .critical).logger("check")
        )
        do throws(ListenError) {
            try await server.start()
            await server.stop()
            let addresses = wanted.addresses.map(\.description).joined(separator: ", ")
            report.add("dns", .init(.fine, "can listen on \(addresses)"))
        } catch {
            report.add("dns", .init(error.reason == .notPermitted ? .denied : .failure, "\(error)"))
        }
    }
    private func check(_ certificate: ServerCertificate, _ report: inout Report) {
        if let fault = certificate.fault() {
            report.add("dns.tls", .init(.failure, "\(fault)"))
            report.failure = .configuration
        } else {
            let (file, end) = (certificate.files.certificate, CertificateError.day(certificate.notAfter))
            report.add("dns.tls", .init(.fine, "the certificate in \(file) is valid until \(end)"))
        }
    }

    private func check(_ admin: AdminConfiguration, _ report: inout Report) async {
        do throws(CommandFailure) {
            let listener = try await AdminListener.start(
                on: admin.listen,
                views: Bridge(logs: LogOutput(level: .critical)),
                logger: LogOutput(level: .critical).logger("check")
            )
            await listener.stop()
            report.add("admin", .init(.fine, "can listen on \(admin.listen)"))
        } catch {
            report.add("admin", .init(error.status == .permission ? .denied : .failure, error.message))
        }
    }
}
