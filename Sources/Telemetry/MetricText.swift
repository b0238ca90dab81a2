/// Writes families in the Prometheus text format.
struct MetricText {
    private(set) var text = ""

    mutating func family(_ description: MetricDescription, kind: String, samples: [Sample]) {
        head(description, kind: kind)
        for sample in samples.sorted(by: { $0.labels.lexicographicallyPrecedes($1.labels) }) {
            line(description.name, labels: pairs(description, sample.labels), value: sample.value)
        }
    }

    mutating func histogram(_ description: MetricDescription, bounds: [Double], samples: [HistogramSample]) {
        head(description, kind: "histogram")
        for sample in samples.sorted(by: { $0.labels.lexicographicallyPrecedes($1.labels) }) {
            let labels = pairs(description, sample.labels)
            var total: UInt64 = 0
            for (index, count) in sample.counts.enumerated() {
                total += count
                let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
                line("\(description.name)_bucket", labels: labels + [("le", bound)], value: Double(total))
            }
            line("\(description.name)_sum", labels: labels, value: sample.sum)
            line("\(description.name)_count", labels: labels, value: Double(total))
        }
    }

    private mutating func head(_ description: MetricDescription, kind: String) {
        let help = description.help.escaping(["\\": "\\\\", "\n": "\\n"])
        text += "# HELP \(MetricRegistry.prefix)\(description.name) \(help)\n"
        text += "# TYPE \(MetricRegistry.prefix)\(description.name) \(kind)\n"
    }

    private func pairs(_ description: MetricDescription, _ values: LabelValues) -> [(String, String)] {
        Array(zip(description.labels, values))
    }

    private mutating func line(_ name: String, labels: [(String, String)], value: Double) {
        text += MetricRegistry.prefix + name
        if !labels.isEmpty {
            let rendered = labels.map { label, value in
                "\(label)=\"\(value.escaping(["\\": "\\\\", "\"": "\\\"", "\n": "\\n"]))\""
            }
            text += "{" + rendered.joined(separator: ",") + "}"
        }
        text += " \(Self.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.isNaN ? "NaN" : "\(value)"
    }
}

extension String {
    fileprivate func escaping(_ replacements: [Character: String]) -> String {
        var result = ""
        for character in self { result += replacements[character] ?? String(character) }
        return result
    }
}
