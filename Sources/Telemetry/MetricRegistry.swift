import Synchronization

/// All metrics of the process, rendered in Prometheus' text format 0.0.4.
///
/// Values that something else already keeps (catalog sizes, DNS counters) are read at scrape time by closures, so that
/// the paths that change them pay nothing.
package final class MetricRegistry: Sendable {
    package static let prefix = "portolan_"
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private enum Source: Sendable {
        case counter(Counter)
        case histogram(Histogram)
        case collected(MetricDescription, kind: String, @Sendable () -> [Sample])
        case collectedHistogram(MetricDescription, bounds: [Double], @Sendable () -> [HistogramSample])

        var name: String {
            switch self {
            case .counter(let counter): counter.description.name
            case .histogram(let histogram): histogram.description.name
            case .collected(let description, _, _), .collectedHistogram(let description, _, _): description.name
            }
        }
    }

    private let sources = Mutex<[Source]>([])

    package init() {}

    package func counter(_ description: MetricDescription) -> Counter {
        let counter = Counter(description)
        add(.counter(counter))
        return counter
    }

    package func histogram(
        _ description: MetricDescription,
        bounds: [Double] = Histogram.latencyBounds
    ) -> Histogram {
        let histogram = Histogram(description, bounds: bounds)
        add(.histogram(histogram))
        return histogram
    }

    /// A gauge whose value is read when it is asked for.
    package func gauge(_ description: MetricDescription, read: @escaping @Sendable () -> [Sample]) {
        add(.collected(description, kind: "gauge", read))
    }

    /// A counter kept elsewhere.
    package func counter(_ description: MetricDescription, read: @escaping @Sendable () -> [Sample]) {
        add(.collected(description, kind: "counter", read))
    }

    /// A histogram kept elsewhere.
    package func histogram(
        _ description: MetricDescription,
        bounds: [Double],
        read: @escaping @Sendable () -> [HistogramSample]
    ) {
        add(.collectedHistogram(description, bounds: bounds, read))
    }

    private func add(_ source: Source) {
        sources.withLock { sources in
            precondition(!sources.contains { $0.name == source.name }, "metric \(source.name) is registered twice")
            sources.append(source)
        }
    }

    /// Reads every metric, in order of name.
    package func render() -> String {
        var text = MetricText()
        for source in sources.withLock({ $0 }).sorted(by: { $0.name < $1.name }) {
            switch source {
            case .counter(let counter):
                text.family(counter.description, kind: "counter", samples: counter.samples)
            case .histogram(let histogram):
                let samples = histogram.snapshot.map {
                    HistogramSample(labels: $0.key, counts: $0.value.counts, sum: $0.value.sum)
                }
                text.histogram(histogram.description, bounds: histogram.bounds, samples: samples)
            case .collected(let description, let kind, let read):
                text.family(description, kind: kind, samples: read())
            case .collectedHistogram(let description, let bounds, let read):
                text.histogram(description, bounds: bounds, samples: read())
            }
        }
        return text.text
    }
}
