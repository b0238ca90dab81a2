import Synchronization

/// Label values of one series, in the order of the family's label names.
package typealias LabelValues = [String]

/// What every kind of metric shares: its name, its help, its label names.
package struct MetricDescription: Sendable, Hashable {
    /// Without the `portolan_` prefix.
    package let name: String
    package let help: String
    package let labels: [String]

    package init(_ name: String, help: String, labels: [String] = []) {
        self.name = name
        self.help = help
        self.labels = labels
    }
}

/// A value that only rises.
package final class Counter: Sendable {
    package let description: MetricDescription
    private let series = Mutex<[LabelValues: Double]>([:])

    package init(_ description: MetricDescription) {
        self.description = description
        if description.labels.isEmpty { series.withLock { $0[[]] = 0 } }
    }

    package func increment(_ labels: LabelValues = [], by amount: Double = 1) {
        series.withLock { $0[labels, default: 0] += amount }
    }

    /// Makes the series appear at zero, so that dashboards show no gap before the first event.
    package func declare(_ labels: LabelValues) {
        series.withLock { $0[labels, default: 0] += 0 }
    }

    var samples: [Sample] {
        series.withLock { $0 }.map { Sample(labels: $0.key, value: $0.value) }
    }
}

/// Counts observations into buckets by upper bound.
package final class Histogram: Sendable {
    /// Seconds from 50 µs to 10 s: a watch event to a DNS answer at one end, a slow registry at the other.
    package static let latencyBounds: [Double] = [
        0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
        10,
    ]

    struct Series: Sendable {
        var counts: [UInt64]
        var sum: Double = 0
    }

    package let description: MetricDescription
    /// Ascending; the bucket above the last one is implied.
    package let bounds: [Double]
    private let series = Mutex<[LabelValues: Series]>([:])

    package init(_ description: MetricDescription, bounds: [Double] = Histogram.latencyBounds) {
        self.description = description
        self.bounds = bounds
    }

    package func observe(_ value: Double, _ labels: LabelValues = []) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        series.withLock { series in
            series[labels, default: Series(counts: Array(repeating: 0, count: bounds.count + 1))].counts[bucket] += 1
            series[labels]?.sum += value
        }
    }

    package func observe(_ duration: Duration, _ labels: LabelValues = []) {
        observe(duration.inSeconds, labels)
    }

    package func declare(_ labels: LabelValues) {
        series.withLock { series in
            if series[labels] == nil { series[labels] = Series(counts: Array(repeating: 0, count: bounds.count + 1)) }
        }
    }

    var snapshot: [LabelValues: Series] { series.withLock { $0 } }
}

/// One value at the moment of a scrape.
package struct Sample: Sendable {
    package let labels: LabelValues
    package let value: Double

    package init(labels: LabelValues = [], value: Double) {
        self.labels = labels
        self.value = value
    }
}

/// A histogram counted elsewhere, at the moment of a scrape.
package struct HistogramSample: Sendable {
    package let labels: LabelValues
    /// Per bucket, not cumulative; one more than there are bounds.
    package let counts: [UInt64]
    package let sum: Double

    package init(labels: LabelValues = [], counts: [UInt64], sum: Double) {
        self.labels = labels
        self.counts = counts
        self.sum = sum
    }
}

extension Duration {
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
