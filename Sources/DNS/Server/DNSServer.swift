import CSocket
package import DNSCore
package import DNSSigning
import Glibc
package import Logging
import NIOCore
package import ServiceCatalog
import Synchronization

/// Serves the zones of a store on UDP, TCP and TLS.
///
/// Which zones those are, and what is in them, changes in the store while the server runs.
package final class DNSServer: Sendable {
    private enum State {
        /// Exits: `running`, by ``start()``.
        case idle
        /// Exits: `stopping`, by ``stop()``.
        case running(Running)
        /// Exits: `stopped`, when the last thread has ended.
        case stopping(Running)
        /// No exits. What had been counted is kept.
        case stopped(CounterSnapshot)
    }

    private struct Running {
        var addresses: [ListenAddress]
        var tlsAddresses: [ListenAddress] = []
        var workers: [UDPWorker]
        var threads: ThreadGroup
        var streams: StreamListener
        var listeners: [any Channel]
        var certificateWatch: CertificateWatch?
    }

    private let configuration: ServerConfiguration
    package let certificate: ServerCertificate?
    private let zones: ZoneStore
    private let signers: ZoneSigners?
    private let transfers: TransferService?
    private let logger: Logger
    private let state = Mutex(State.idle)

    /// - Parameters:
    ///   - certificate: what TLS is served with; needed where the configuration has TLS.
    ///   - signers: of the signed ones among the zones; `nil` where none ever is.
    ///   - transfers: `nil` for a server that refuses transfers and knows no keys.
    package init(
        configuration: ServerConfiguration,
        certificate: ServerCertificate? = nil,
        zones: ZoneStore,
        signers: ZoneSigners? = nil,
        transfers: TransferService? = nil,
        logger: Logger
    ) {
        self.configuration = configuration
        self.certificate = certificate
        self.signers = signers
        self.transfers = transfers
        self.zones = zones
        self.logger = logger
    }

    /// Where the server listens, with the ports that the system has chosen where the configuration leaves them open. Empty
    /// unless it runs.
    package var addresses: [ListenAddress] {
        state.withLock { if case .running(let running) = $0 { running.addresses } else { [] } }
    }

    /// As ``addresses``, for TLS.
    package var tlsAddresses: [ListenAddress] {
        state.withLock { if case .running(let running) = $0 { running.tlsAddresses } else { [] } }
    }

    /// What has been counted since the start.
    package var counters: CounterSnapshot {
        switch state.withLock({ $0 }) {
        case .idle: CounterSnapshot()
        case .running(let running), .stopping(let running): counters(of: running)
        case .stopped(let counters): counters
        }
    }

    private func counters(of running: Running) -> CounterSnapshot {
        let threads = running.workers.map(\.counters) + running.streams.counters
        var snapshot = ThreadCounters.snapshot(of: threads, labels: zones.labels)
        snapshot.acceptFailures = running.streams.acceptFailures.load(ordering: .relaxed)
        snapshot.certificateExchanges = running.certificateWatch?.exchanges.load(ordering: .relaxed) ?? 0
        snapshot.certificateRefusals = running.certificateWatch?.refusals.load(ordering: .relaxed) ?? 0
        return snapshot
    }

    /// Opens every address or, when one cannot be, none. To be called once.
    package func start() async throws(ListenError) {
        let fileLimit = Int(max(csocket_raise_file_limit(), 64))
        let streams = StreamListener(
            zones: zones,
            options: configuration.answers,
            signers: signers,
            transfers: transfers,
            limits: configuration.streams,
            fileLimit: fileLimit
        )
        var running = Running(
            addresses: [],
            workers: [],
            threads: ThreadGroup(),
            streams: streams,
            listeners: []
        )
        do throws(ListenError) {
            for address in configuration.listen {
                let workers = try await open(address, in: &running)
                for (index, worker) in workers.enumerated() {
                    guard running.threads.start(name: "dns-udp-\(index)", { worker.run() }) else {
                        throw ListenError(address: address, transport: .udp, reason: .system(EAGAIN))
                    }
                }
            }
            if let certificate {
                for address in configuration.tls?.listen ?? [] {
                    try await open(address, with: certificate, in: &running)
                }
            }
        } catch {
            await Self.stop(running, grace: .zero)
            throw error
        }
        if let certificate, !running.tlsAddresses.isEmpty {
            let watch = CertificateWatch(certificate, logger: logger)
            watch.start()
            running.certificateWatch = watch
        }
        let opened = running
        state.withLock { $0 = .running(opened) }
        logger.info(
            "DNS server listens",
            metadata: [
                "addresses": .array(running.addresses.map { "\($0)" }),
                "tls": .array(running.tlsAddresses.map { "\($0)" }),
                "udp-threads": "\(running.workers.count)",
            ]
        )
        if streams.capacity < configuration.streams.connections {
            logger.notice(
                "The limit on open files allows fewer connections than configured; raise it (ulimit -Hn, LimitNOFILE)",
                metadata: ["connections": "\(streams.capacity)", "configured": "\(configuration.streams.connections)"]
            )
        }
    }

    /// Answers what has been received, closes all sockets and returns when the last thread has ended.
    package func stop() async {
        let running = state.withLock { state -> Running? in
            guard case .running(let running) = state else { return nil }
            state = .stopping(running)
            return running
        }
        guard let running else { return }
        await Self.stop(running, grace: .seconds(2))
        let counters = counters(of: running)
        state.withLock { $0 = .stopped(counters) }
        logger.info("DNS server has stopped")
    }

    private static func stop(_ running: Running, grace: Duration) async {
        running.certificateWatch?.stop()
        for worker in running.workers { worker.stop() }
        for listener in running.listeners { try? await listener.close() }
        await running.streams.stop(grace: grace)
        await running.threads.join()
    }

    // MARK: - Sockets

    /// How often another port is tried where the system chose one that is free on UDP only.
    private static let portAttempts = 16

    /// Opens the sockets of one address and notes them, also when a later step fails.
    private func open(_ address: ListenAddress, in running: inout Running) async throws(ListenError) -> [UDPWorker] {
        var attempt = 1
        while true {
            let (workers, bound) = try openUDP(address, firstIndex: running.workers.count)
            do throws(ListenError) {
                running.listeners.append(try await running.streams.listen(on: bound))
            } catch {
                guard address.port == 0, error.reason == .inUse, attempt < Self.portAttempts else { throw error }
                attempt += 1
                continue
            }
            running.workers += workers
            running.addresses.append(bound)
            return workers
        }
    }

    private func open(
        _ address: ListenAddress,
        with certificate: ServerCertificate,
        in running: inout Running
    ) async throws(ListenError) {
        let listener = try await running.streams.listen(on: address, with: certificate)
        running.listeners.append(listener)
        var bound = address
        if let port = listener.localAddress?.port { bound.port = UInt16(truncatingIfNeeded: port) }
        running.tlsAddresses.append(bound)
    }

    private func openUDP(
        _ address: ListenAddress,
        firstIndex: Int
    ) throws(ListenError) -> (workers: [UDPWorker], bound: ListenAddress) {
        var bound = address
        var workers: [UDPWorker] = []
        let octets = address.address.octets
        for index in 0..<max(1, configuration.workers ?? Int(csocket_cpu_count())) {
            let socket = csocket_udp_open(octets, Int32(octets.count), bound.port, index == 0)
            guard socket >= 0 else {
                throw ListenError(address: address, transport: .udp, reason: .init(errno: -socket))
            }
            let cpus = configuration.cpus
            workers.append(
                UDPWorker(
                    socket: socket,
                    zones: zones,
                    options: configuration.answers,
                    signers: signers,
                    transfers: transfers,
                    rateLimit: configuration.rateLimit,
                    cpu: cpus.isEmpty ? nil : cpus[(firstIndex + index) % cpus.count]
                )
            )
            bound.port = UInt16(truncatingIfNeeded: csocket_port(socket))
        }
        return (workers, bound)
    }
}
