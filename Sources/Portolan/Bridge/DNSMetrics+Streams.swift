internal import DNSServer
internal import Synchronization
internal import Telemetry

extension DNSMetrics {
    /// What is counted of connections and certificates.
    struct StreamCounts {
        private(set) var ends: [LabelValues: UInt64] = [:]
        private(set) var acceptFailures: UInt64 = 0
        private(set) var certificates: [LabelValues: UInt64] = [["exchanged"]: 0, ["refused"]: 0]

        mutating func add(_ counters: CounterSnapshot) {
            for end in counters.connectionEnds {
                ends[[end.transport.rawValue, end.reason.label], default: 0] += end.count
            }
            acceptFailures += counters.acceptFailures
            certificates[["exchanged"], default: 0] += counters.certificateExchanges
            certificates[["refused"], default: 0] += counters.certificateRefusals
        }
    }

    /// Of servers that have been replaced, and of the present one.
    private var streams: StreamCounts {
        state.withLock { state in
            var counts = state.pastStreams
            if let server = state.server { counts.add(server.counters) }
            return counts
        }
    }

    func registerStreams(in registry: MetricRegistry) {
        registry.gauge(.init("dns_connections", help: "Connections open now, by transport.", labels: ["proto"])) {
            [self] in
            let connections = state.withLock { $0.server?.counters.connections ?? [:] }
            return connections.map { Sample(labels: [$0.key.rawValue], value: Double($0.value)) }
        }
        registry.counter(
            .init(
                "dns_connections_closed_total",
                help: "Connections that have ended, by transport and reason.",
                labels: ["proto", "reason"]
            )
        ) { [self] in
            streams.ends.map { Sample(labels: $0.key, value: Double($0.value)) }
        }
        registry.counter(
            .init("dns_accept_failures_total", help: "How often there was no file or memory for another connection.")
        ) { [self] in
            [Sample(value: Double(streams.acceptFailures))]
        }
        registry.counter(
            .init("dns_certificate_reloads_total", help: "New TLS certificates, by result.", labels: ["result"])
        ) { [self] in
            streams.certificates.map { Sample(labels: $0.key, value: Double($0.value)) }
        }
        registry.gauge(
            .init(
                "dns_certificate_expiry_timestamp_seconds",
                help: "Until when the TLS certificate in use is valid, in seconds since 1970."
            )
        ) { [self] in
            let certificate = state.withLock { $0.server?.certificate }
            return certificate.map { [Sample(value: Double($0.notAfter))] } ?? []
        }
    }
}
