internal import Glibc
internal import Logging

/// One log entry, ready to be written.
struct LogLine {
    let time: timespec
    let level: Logger.Level
    let label: String
    let message: String
    let metadata: Logger.Metadata

    var text: String {
        var line = "\(timestamp) \(level.rawValue) \(label): \(message.escapingControls)"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let value = value.description
            line += " \(key)=\(value.needsQuotes ? value.jsonQuoted : value)"
        }
        return line + "\n"
    }

    var json: String {
        var line = "{\"time\":\"\(timestamp)\",\"level\":\"\(level.rawValue)\""
        line += ",\"logger\":\(label.jsonQuoted),\"message\":\(message.jsonQuoted)"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += ",\(key.jsonQuoted):\(Self.json(value))"
        }
        return line + "}\n"
    }

    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): text.jsonQuoted
        case .stringConvertible(let value): value.description.jsonQuoted
        case .array(let values): "[" + values.map(json).joined(separator: ",") + "]"
        case .dictionary(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { "\($0.key.jsonQuoted):\(json($0.value))" }
                .joined(separator: ",") + "}"
        }
    }

    /// RFC 3339 in UTC, with milliseconds.
    private var timestamp: String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func pad(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let date = "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))"
        let clock = "\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(pad(time.tv_nsec / 1_000_000, 3))Z"
    }
}

extension String {
    fileprivate var needsQuotes: Bool {
        isEmpty || unicodeScalars.contains { $0.value <= 0x20 || $0 == "\"" || $0 == "=" || $0.value == 0x7f }
    }

    /// A line stays a line, whatever a peer put into a name.
    fileprivate var escapingControls: String {
        unicodeScalars.contains { $0.value < 0x20 } ? String(jsonQuoted.dropFirst().dropLast()) : self
    }

    fileprivate var jsonQuoted: String {
        var result = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
