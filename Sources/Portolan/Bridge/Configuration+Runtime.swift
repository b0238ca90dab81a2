internal import DNSCore
internal import DNSServer
internal import Glibc
internal import Logging
internal import PortolanConfiguration
internal import PortolanLogs

extension ServerConfiguration {
    init(_ dns: DNSConfiguration) {
        self.init(listen: dns.listen)
        workers = dns.workers
        answers.udpPayloadSize = UInt16(dns.udpSize)
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
    /// A serial for a zone that begins now: seconds since 1970, so that a restart continues above what was before.
    static var now: UInt32 { UInt32(truncatingIfNeeded: time(nil)) }
}
