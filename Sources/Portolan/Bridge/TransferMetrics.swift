internal import DNSServer
internal import Telemetry

/// Shows what became of transfers and notifications.
enum TransferMetrics {
    static func register(_ transfers: TransferService, _ notifier: Notifier, in registry: MetricRegistry) {
        registry.counter(
            .init(
                "dns_transfers_total",
                help: "Transfers asked for, by zone, kind (axfr, ixfr, ixfr-full, ixfr-current) and result.",
                labels: ["zone", "kind", "result"]
            )
        ) {
            transfers.counts.map { label, count in
                let zone = label.zone.map { "\($0)" } ?? "none"
                return Sample(labels: [zone, label.kind, label.result.rawValue], value: Double(count))
            }
        }
        registry.counter(
            .init(
                "dns_notifies_total",
                help: "NOTIFY messages to secondaries, and their answers.",
                labels: ["zone", "event"]
            )
        ) {
            notifier.counts.map { Sample(labels: ["\($0.key.zone)", $0.key.event.rawValue], value: Double($0.value)) }
        }
    }
}
