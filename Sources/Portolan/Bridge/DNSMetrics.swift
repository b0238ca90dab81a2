internal import DNSCore
internal import DNSServer
internal import Synchronization
internal import Telemetry

/// Shows what the DNS server counts. Counts of servers that have been replaced are kept.
final class DNSMetrics: Sendable {
    struct State {
        var server: DNSServer?
        var past: [LabelValues: UInt64] = [:]
        var pastDurations: [String: HistogramSample] = [:]
        var pastLimited: [LimitAction: UInt64] = [:]
        var pastStreams = StreamCounts()
    }

    let state = Mutex(State())

    func show(_ server: DNSServer?) {
        state.withLock { state in
            if let old = state.server {
                let counters = old.counters
                for (labels, count) in Self.requests(counters) { state.past[labels, default: 0] += count }
                state.pastLimited.merge(counters.limited) { $0 + $1 }
                state.pastStreams.add(counters)
                for durations in counters.durations {
                    let key = durations.transport.rawValue
                    state.pastDurations[key] = Self.sum(state.pastDurations[key], durations)
                }
            }
            state.server = server
        }
    }

    func register(in registry: MetricRegistry) {
        registry.counter(
            .init(
                "dns_requests_total",
                help: "Questions answered, by zone, transport, type and response code.",
                labels: ["zone", "proto", "type", "rcode"]
            )
        ) { [self] in
            state.withLock { state in
                var counts = state.past
                if let server = state.server {
                    for (labels, count) in Self.requests(server.counters) { counts[labels, default: 0] += count }
                }
                return counts.map { Sample(labels: $0.key, value: Double($0.value)) }
            }
        }
        registry.histogram(
            .init(
                "dns_request_duration_seconds",
                help: "From the receipt of a question to handing over its answer; one batch in sixteen is timed.",
                labels: ["proto"]
            ),
            bounds: CounterSnapshot.durationBounds
        ) { [self] in
            state.withLock { state in
                guard let server = state.server else { return Array(state.pastDurations.values) }
                return server.counters.durations.map { Self.sum(state.pastDurations[$0.transport.rawValue], $0) }
            }
        }
        registry.counter(
            .init(
                "dns_limited_total",
                help:
                    "Answers over UDP beyond the rate limit: dropped, sent empty with TC, or sent empty with BADCOOKIE.",
                labels: ["action"]
            )
        ) { [self] in
            state.withLock { state in
                let present = state.server?.counters.limited ?? [:]
                return state.pastLimited.merging(present) { $0 + $1 }.compactMap { action, count in
                    action.label.map { Sample(labels: [$0], value: Double(count)) }
                }
            }
        }
        registerStreams(in: registry)
    }

    private static func requests(_ counters: CounterSnapshot) -> [(LabelValues, UInt64)] {
        counters.requests.map { request in
            (
                [request.zone?.description ?? "none", request.transport.rawValue, request.type, request.code],
                request.count
            )
        }
    }

    private static func sum(_ past: HistogramSample?, _ present: CounterSnapshot.Durations) -> HistogramSample {
        let counts = past.map { zip($0.counts, present.counts).map { $0 + $1 } } ?? present.counts
        return HistogramSample(
            labels: [present.transport.rawValue],
            counts: counts,
            sum: (past?.sum ?? 0) + present.sum
        )
    }
}

extension LimitAction {
    /// `nil` for what is not limited.
    fileprivate var label: String? {
        switch self {
        case .none: nil
        case .drop: "drop"
        case .truncate: "truncate"
        case .badCookie: "badcookie"
        }
    }
}
