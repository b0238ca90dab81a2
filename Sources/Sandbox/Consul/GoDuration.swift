/// A duration as Go reads and writes it ("1h30m0s").
struct GoDuration: Sendable, Equatable, CustomStringConvertible {
    var nanoseconds: Int64

    init(nanoseconds: Int64 = 0) { self.nanoseconds = nanoseconds }

    static func seconds(_ seconds: Int64) -> GoDuration { GoDuration(nanoseconds: seconds * 1_000_000_000) }

    /// A sign, then decimal numbers with a unit each (`h`, `m`, `s`, `ms`, `us`, `µs`, `ns`), or a bare "0".
    init?(_ text: String) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        nanoseconds = 0
        if rest == "0" { return }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest.removeFirst(digits.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest.removeFirst(unit.count)
            guard let amount = Double(digits), let scale = Self.units[String(unit)] else { return nil }
            total += amount * scale
        }
        guard total < 9.2e18 else { return nil }
        nanoseconds = Int64(total.rounded()) * (isNegative ? -1 : 1)
    }

    private static let units: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]

    var duration: Duration { .nanoseconds(nanoseconds) }

    var description: String {
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        switch magnitude {
        case 0: return "0s"
        case ..<1_000: return "\(sign)\(magnitude)ns"
        case ..<1_000_000: return sign + Self.decimal(magnitude, scale: 1_000) + "µs"
        case ..<1_000_000_000: return sign + Self.decimal(magnitude, scale: 1_000_000) + "ms"
        default:
            let minute: UInt64 = 60_000_000_000
            let seconds = Self.decimal(magnitude % minute, scale: 1_000_000_000) + "s"
            let minutes = magnitude / minute
            if minutes == 0 { return sign + seconds }
            return sign + (minutes >= 60 ? "\(minutes / 60)h" : "") + "\(minutes % 60)m" + seconds
        }
    }

    private static func decimal(_ value: UInt64, scale: UInt64) -> String {
        let fraction = value % scale
        guard fraction > 0 else { return "\(value / scale)" }
        var digits = String(fraction + scale).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(value / scale).\(digits)"
    }
}
