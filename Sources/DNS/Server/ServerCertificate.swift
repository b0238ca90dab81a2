import Glibc
import NIOCore
import NIOSSL
import Synchronization

/// A certificate with its key for TLS, as the files have it; to be told when to look whether they have changed.
package final class ServerCertificate: Sendable {
    /// What a look has found.
    package enum Finding: Equatable, Sendable {
        /// There is another certificate, which handshakes use from now on.
        case exchanged
        /// The files have changed and cannot be used; what was there before stays in use.
        case refused(CertificateError)
        /// The certificate in use is out of its time.
        case untimely(CertificateError)
    }

    private struct Observation {
        var watch: ChangeWatch<CertificateFiles.Version>
        /// Read, and to be used when its time comes.
        var next: Loaded?
        var isUntimelyTold = false
        /// Why the files could not be used when they were read last.
        var refusal: CertificateError?
    }

    private struct Loaded {
        var context: NIOSSLContext
        /// Seconds since 1970.
        var validity: ClosedRange<Int64>

        func fault(at now: Int64, in files: CertificateFiles) -> CertificateError? {
            if now > validity.upperBound {
                return CertificateError(file: files.certificate, reason: .expired(validity.upperBound))
            }
            if now < validity.lowerBound {
                return CertificateError(file: files.certificate, reason: .notYetValid(validity.lowerBound))
            }
            return nil
        }
    }

    package let files: CertificateFiles
    /// Held for no longer than a copy takes: handshakes wait for it.
    private let loaded: Mutex<Loaded>
    private let observation: Mutex<Observation>

    /// Reads the files. A certificate that is out of its time is good enough to begin with: clients that do not verify go on.
    package init(_ files: CertificateFiles) throws(CertificateError) {
        self.files = files
        let version = files.version
        loaded = Mutex(try Self.load(files))
        observation = Mutex(Observation(watch: ChangeWatch(taken: version)))
    }

    /// For handshakes that begin now.
    var context: NIOSSLContext { loaded.withLock { $0.context } }

    /// Until when the certificate in use is valid, in seconds since 1970.
    package var notAfter: Int64 { loaded.withLock { $0.validity.upperBound } }

    /// Why clients that verify the certificate in use will not ask, where that is for its time.
    ///
    /// - Parameter now: seconds since 1970.
    package func fault(at now: Int64 = Int64(time(nil))) -> CertificateError? {
        loaded.withLock { $0.fault(at: now, in: files) }
    }

    /// Looks whether the files have changed, and reads them once they have and stay so until the next look. Each thing is
    /// found once.
    ///
    /// - Parameter now: seconds since 1970.
    package func look(at now: Int64 = Int64(time(nil))) -> [Finding] {
        observation.withLock { observation in
            var findings: [Finding] = []
            if observation.watch.look(files.version) {
                observation.next = nil
                do throws(CertificateError) {
                    let new = try Self.load(files)
                    observation.refusal = nil
                    let isWorse = now > new.validity.upperBound && now <= notAfter
                    if let fault = new.fault(at: now, in: files), isWorse || self.fault(at: now) == nil {
                        findings.append(.refused(fault))
                        if now < new.validity.lowerBound { observation.next = new }
                    } else {
                        use(new, &observation)
                        findings.append(.exchanged)
                    }
                } catch {
                    // What kept the files from being read may pass without a change of them.
                    if case .unreadable = error.reason { observation.watch.retry() }
                    if error != observation.refusal { findings.append(.refused(error)) }
                    observation.refusal = error
                }
            } else if let next = observation.next, now >= next.validity.lowerBound {
                use(next, &observation)
                findings.append(.exchanged)
            }
            if !observation.isUntimelyTold, let fault = fault(at: now) {
                observation.isUntimelyTold = true
                findings.append(.untimely(fault))
            }
            return findings
        }
    }

    private func use(_ new: Loaded, _ observation: inout Observation) {
        loaded.withLock { $0 = new }
        observation.next = nil
        observation.isUntimelyTold = false
    }

    private static func load(_ files: CertificateFiles) throws(CertificateError) -> Loaded {
        let bytes = try read(files.certificate)
        guard let chain = try? NIOSSLCertificate.fromPEMBytes(bytes), let leaf = chain.first else {
            throw CertificateError(file: files.certificate, reason: .noCertificate)
        }
        let keyBytes = try read(files.key)
        guard let key = try? NIOSSLPrivateKey(bytes: keyBytes, format: .pem) else {
            let isEncrypted = String(decoding: keyBytes, as: UTF8.self).contains("ENCRYPTED")
            throw CertificateError(file: files.key, reason: isEncrypted ? .passphrase : .noKey)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["dot"]
        configuration.shutdownTimeout = .seconds(1)
        guard let context = try? NIOSSLContext(configuration: configuration) else {
            throw CertificateError(file: files.key, reason: .mismatch(certificate: files.certificate))
        }
        let (start, end) = (Int64(leaf.notValidBefore), Int64(leaf.notValidAfter))
        return Loaded(context: context, validity: min(start, end)...end)
    }

    private static func read(_ path: String) throws(CertificateError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw CertificateError(file: path, reason: .unreadable(errno)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw CertificateError(file: path, reason: .unreadable(errno)) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= 1 << 20 else { throw CertificateError(file: path, reason: .tooLarge) }
        }
    }
}
