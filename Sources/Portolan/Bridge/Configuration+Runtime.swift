internal import DNSCore
internal import DNSServer
internal import Glibc
internal import Logging
internal import PortolanConfiguration
internal import PortolanLogs

extension ServerConfiguration {
    /// - Parameter cookies: where the configuration names no secret.
    init(_ dns: DNSConfiguration, cookies: CookieSecrets) throws(CommandFailure) {
        self.init(listen: dns.listen)
        workers = dns.workers
        answers.udpPayloadSize = UInt16(dns.udpSize)
        streams.connections = dns.tcp.connections
        streams.perClient = dns.tcp.perClient
        streams.idle = dns.tcp.idle
        tls = dns.tls.map { tls in
            TLSListening(
                listen: tls.listen,
                files: CertificateFiles(certificate: tls.certificate, key: tls.key)
            )
        }
        answers.identifier = dns.nsid.flatMap { ServerIdentifier($0) }
        if let secret = dns.cookieSecret {
            answers.cookies = try CookieSecrets(secret)
        } else {
            answers.cookies = cookies
        }
        rateLimit = dns.rateLimit.map { RateLimit($0) }
    }
}

extension ServerCertificate {
    /// Reads what a configuration names; `nil` when it has no TLS.
    static func reading(_ tls: TLSListening?) throws(CommandFailure) -> ServerCertificate? {
        guard let tls else { return nil }
        do throws(CertificateError) {
            return try ServerCertificate(tls.files)
        } catch {
            throw CommandFailure(.configuration, message: "\(error)")
        }
    }
}

extension CookieSecrets {
    /// Reads one secret, or two: the first makes cookies, both are accepted.
    fileprivate init(_ secret: PortolanConfiguration.Secret) throws(CommandFailure) {
        guard let text = secret.value else {
            throw CommandFailure(.configuration, message: "dns.cookies.secret: there is nothing in \(secret.place)")
        }
        let words = text.split { $0.isWhitespace }
        let secrets = words.compactMap { CookieSecrets.Secret($0) }
        guard (1...2).contains(words.count), secrets.count == words.count, let current = secrets.first else {
            throw CommandFailure(
                .configuration,
                message: "dns.cookies.secret: \(secret.place) must hold 32 hexadecimal digits, as from "
                    + "\"openssl rand -hex 16\", or two such lines: the secret in use and, while secrets are exchanged, the other"
            )
        }
        self.init(current: current, other: secrets.dropFirst().first)
    }
}

extension RateLimit {
    fileprivate init(_ configuration: RateLimitConfiguration) {
        self.init(perSecond: configuration.perSecond)
        slip = configuration.slip
        ipv4Prefix = configuration.ipv4Prefix
        ipv6Prefix = configuration.ipv6Prefix
        exempt = AccessList(configuration.exempt)
    }
}

extension LogOutput {
    func set(_ log: LogConfiguration) {
        let level: Logger.Level =
            switch log.level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
        set(format: log.format == .json ? .json : .text, level: level)
    }
}

extension UInt32 {
    /// The serial of this moment, so that a restart continues above what was before.
    static var now: UInt32 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return ZoneSerial.at(milliseconds: UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000)
    }
}
