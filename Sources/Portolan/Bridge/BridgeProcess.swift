internal import Logging
internal import PortolanConfiguration
package import PortolanLogs
internal import UnixSignals

/// `portolan run`: the bridge as a process, with its signals and its configuration file.
package struct BridgeProcess: Sendable {
    /// How often the file is looked at. Not inotify: a ConfigMap's file changes by the exchange of a link some folders
    /// above, and some file systems tell nothing.
    private static let fileInterval = Duration.seconds(2)

    private enum Event: Sendable {
        case stop
        /// - Parameter asked: by a signal, and so also where the file says what it said before: what it points at, such as
        ///   a secret, may have changed.
        case reload(asked: Bool)
    }

    private let file: ConfigurationFile
    private let logs: LogOutput

    package init(configurationFile: String, logs: LogOutput = LogOutput()) {
        file = ConfigurationFile(path: configurationFile)
        self.logs = logs
    }

    /// Runs until SIGTERM or SIGINT. SIGHUP, or a change of the file, reads the configuration again.
    package func run() async throws(CommandFailure) {
        let first = try file.load()
        logs.set(first.log)
        let logger = logs.logger("bridge")
        logger.info(
            "Portolan starts",
            metadata: ["version": "\(BuildInformation.version)", "cluster": "\(first.cluster)"]
        )
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let signals = Task {
            for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup) {
                continuation.yield(signal == .sighup ? .reload(asked: true) : .stop)
            }
        }
        let watch = Task {
            var known = file.fingerprint
            while (try? await Task.sleep(for: Self.fileInterval)) != nil {
                let present = file.fingerprint
                guard present != known, present != nil else { continue }
                known = present
                continuation.yield(.reload(asked: false))
            }
        }
        defer {
            signals.cancel()
            watch.cancel()
        }
        let bridge = Bridge(logs: logs)
        do throws(CommandFailure) {
            try await bridge.apply(first)
        } catch {
            await bridge.stop()
            throw error
        }
        for await event in events {
            switch event {
            case .stop:
                logger.info("Stopping")
                await bridge.stop()
                return
            case .reload(let asked): await reload(bridge, logger, asked: asked)
            }
        }
    }

    private func reload(_ bridge: Bridge, _ logger: Logger, asked: Bool) async {
        do throws(CommandFailure) {
            let next = try file.load()
            let present = await bridge.configuration
            guard asked || present != next else { return }
            try await bridge.apply(next)
            await bridge.countReload("applied")
            logger.info("The new configuration is in force", metadata: ["file": "\(file.path)"])
        } catch {
            await bridge.countReload("refused")
            logger.error(
                "The new configuration is refused; the old one stays in force",
                metadata: ["file": "\(file.path)", "reason": "\(error.message)"]
            )
        }
    }
}
