package import Glibc
package import Logging
internal import Synchronization

/// Where log lines go, and in which form. Shared by all loggers of the process, so that a new configuration changes the
/// level of loggers that exist already.
package final class LogOutput: Sendable {
    package enum Format: Sendable {
        /// `2026-01-02T03:04:05.678Z info sync: Target brought up to date added=3 target=dc1`
        case text
        /// An object a line, with `time`, `level`, `logger` and `message` beside the metadata.
        case json
    }

    private struct Settings {
        var format: Format
        var level: Logger.Level
    }

    private let settings: Mutex<Settings>
    private let write: @Sendable (_ line: String) -> Void
    private let now: @Sendable () -> timespec

    /// - Parameters:
    ///   - write: is given whole lines, their line end included, from any thread.
    ///   - now: wall clock time.
    package init(
        format: Format = .text,
        level: Logger.Level = .info,
        write: @escaping @Sendable (String) -> Void = LogOutput.standardError,
        now: @escaping @Sendable () -> timespec = LogOutput.wallClock
    ) {
        settings = Mutex(Settings(format: format, level: level))
        self.write = write
        self.now = now
    }

    package func set(format: Format, level: Logger.Level) {
        settings.withLock { $0 = Settings(format: format, level: level) }
    }

    package func logger(_ label: String) -> Logger {
        Logger(label: label, factory: { SharedLogHandler(label: $0, output: self) })
    }

    var level: Logger.Level { settings.withLock { $0.level } }

    func log(_ level: Logger.Level, _ label: String, _ message: String, _ metadata: Logger.Metadata) {
        let format = settings.withLock { $0.format }
        let line = LogLine(time: now(), level: level, label: label, message: message, metadata: metadata)
        write(format == .json ? line.json : line.text)
    }

    /// One write(2) a line, so that lines of several threads do not mix.
    package static let standardError: @Sendable (String) -> Void = { line in
        var line = line
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let written = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }

    package static let wallClock: @Sendable () -> timespec = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }
}

/// A handler that takes its level from the shared output.
private struct SharedLogHandler: LogHandler {
    let label: String
    let output: LogOutput
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    /// Setting it is without effect: the configuration decides for all loggers.
    var logLevel: Logger.Level {
        get { output.level }
        set { _ = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let given = event.metadata { all.merge(given) { $1 } }
        output.log(event.level, label, event.message.description, all)
    }
}
