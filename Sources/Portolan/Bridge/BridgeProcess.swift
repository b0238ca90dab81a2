internal import Logging
internal import PortolanConfiguration
package import PortolanLogs
internal import UnixSignals

/// `portolan run`: the bridge as a process, with its signals and its configuration file.
package struct BridgeProcess: Sendable {
    /// How often the file is looked at. Not inotify: a ConfigMap's file changes by the exchange of a link some folders
    /// above, and some file systems tell nothing.
    private static let fileInterval = Duration.seconds(2)

    /// How long a stop may take, from its signal on: less than the half minute that Kubernetes gives a Pod.
    private static let stopLimit = Duration.seconds(20)

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

    /// Runs until SIGTERM or SIGINT; a second one, or ``stopLimit``, ends it whatever is under way. SIGHUP, or a change of
    /// the file, reads the configuration again.
    package func run() async throws(CommandFailure) {
        let known = file.fingerprint
        let first = try file.load()
        logs.set(first.log)
        let logger = logs.logger("bridge")
        logger.info(
            "Portolan starts",
            metadata: ["version": "\(BuildInformation.version)", "cluster": "\(first.cluster)"]
        )
        let (events, put) = AsyncStream.makeStream(of: Event.self)
        let (endings, end) = AsyncStream.makeStream(of: Result<Void, CommandFailure>.self)
        let signals = Task {
            var isStopping = false
            for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup) {
                guard signal != .sighup else {
                    put.yield(.reload(asked: true))
                    continue
                }
                guard !isStopping else {
                    end.yield(abandon("a second signal came", logger))
                    return
                }
                isStopping = true
                put.yield(.stop)
                Task {
                    try await Task.sleep(for: Self.stopLimit)
                    end.yield(abandon("it took longer than \(Self.stopLimit)", logger))
                }
            }
        }
        let watch = Task { await watchFile(known) { put.yield(.reload(asked: false)) } }
        defer {
            signals.cancel()
            watch.cancel()
        }
        // Not a child: whoever is stopped twice waits for no one.
        Task {
            do throws(CommandFailure) {
                try await run(first, events, logger)
                end.yield(.success(()))
            } catch {
                end.yield(.failure(error))
            }
        }
        for await ending in endings { return try ending.get() }
    }

    private func run(
        _ first: Configuration,
        _ events: AsyncStream<Event>,
        _ logger: Logger
    ) async throws(CommandFailure) {
        let bridge = Bridge(logs: logs)
        do throws(CommandFailure) {
            try await bridge.apply(first)
        } catch {
            // Told as everything else is from here on, so that logs in JSON stay JSON.
            logger.critical("The bridge cannot start", metadata: ["reason": "\(error.message)"])
            await bridge.stop()
            throw CommandFailure(error.status, message: "")
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

    private func abandon(_ reason: String, _ logger: Logger) -> Result<Void, CommandFailure> {
        logger.error(
            "Ended before everything had stopped; entries stay in the registries as they are",
            metadata: ["reason": "\(reason)"]
        )
        return .failure(CommandFailure(.failure, message: ""))
    }

    private func watchFile(_ first: ConfigurationFile.Fingerprint?, _ changed: () -> Void) async {
        var known = first
        while (try? await Task.sleep(for: Self.fileInterval)) != nil {
            let present = file.fingerprint
            guard present != known, present != nil else { continue }
            known = present
            changed()
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
