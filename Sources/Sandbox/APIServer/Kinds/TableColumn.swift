/// One column of a server-side table (`kubectl get`).
struct TableColumn: Sendable {
    let name: String
    var format = ""
    var description = ""
    /// 0 is shown always, 1 with `-o wide`.
    var priority: Int64 = 0

    static let name = TableColumn(name: "Name", format: "name", description: "The object's name.")
    static let age = TableColumn(name: "Age", description: "Time since the object was made.")

    var json: JSON {
        [
            "name": .string(name), "type": "string", "format": .string(format),
            "description": .string(description), "priority": .int(priority),
        ]
    }
}

extension JSON {
    /// The age cell of an object: how long ago it was made.
    func age(now: Timestamp) -> JSON {
        guard let text = self[["metadata", "creationTimestamp"]]?.string, let made = Timestamp(text) else {
            return "<unknown>"
        }
        return .string(humanDuration(now.seconds - made.seconds))
    }

    var name: String { self[["metadata", "name"]]?.string ?? "" }

    /// A list of strings joined by commas, or `none` when there is none.
    static func joined(_ parts: [String], none: String = "<none>") -> JSON {
        parts.isEmpty ? .string(none) : .string(parts.joined(separator: ","))
    }
}

/// Seconds in the two largest units that matter, as kubectl shows ages.
func humanDuration(_ seconds: Int64) -> String {
    let minutes = seconds / 60
    let hours = minutes / 60
    let days = hours / 24
    func two(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large)\(largeUnit)" : "\(large)\(largeUnit)\(small)\(smallUnit)"
    }
    return switch seconds {
    case ..<0: "0s"
    case ..<120: "\(seconds)s"
    case ..<600: two(minutes, "m", seconds % 60, "s")
    case ..<10_800: "\(minutes)m"
    case ..<28_800: two(hours, "h", minutes % 60, "m")
    case ..<172_800: "\(hours)h"
    case ..<691_200: two(days, "d", hours % 24, "h")
    case ..<63_072_000: "\(days)d"
    default: two(days / 365, "y", days % 365, "d")
    }
}
