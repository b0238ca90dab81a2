import Logging
import Synchronization

/// Looks whether a certificate's files have changed, as long as it is running.
final class CertificateWatch: Sendable {
    /// Not inotify: a mounted Secret's file changes by the exchange of a link some folders above it.
    private static let interval = Duration.seconds(1)

    let exchanges = Atomic<UInt64>(0)
    let refusals = Atomic<UInt64>(0)
    private let certificate: ServerCertificate
    private let logger: Logger
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ certificate: ServerCertificate, logger: Logger) {
        self.certificate = certificate
        self.logger = logger
    }

    func start() {
        task.withLock {
            $0 = Task { [self] in
                repeat {
                    for finding in certificate.look() { note(finding) }
                } while (try? await Task.sleep(for: Self.interval)) != nil
            }
        }
    }

    func stop() { task.withLock { $0?.cancel() } }

    private func note(_ finding: ServerCertificate.Finding) {
        let file = Logger.MetadataValue.string(certificate.files.certificate)
        switch finding {
        case .exchanged:
            exchanges.wrappingAdd(1, ordering: .relaxed)
            logger.info("The TLS certificate has been exchanged", metadata: ["file": file])
        case .refused(let error):
            refusals.wrappingAdd(1, ordering: .relaxed)
            logger.error(
                "The new TLS certificate cannot be used; the old one stays in use",
                metadata: ["file": file, "reason": "\(error)"]
            )
        case .untimely(let error):
            logger.error(
                "Clients that verify the TLS certificate will not ask",
                metadata: ["file": file, "reason": "\(error)"]
            )
        }
    }
}
