internal import Glibc

/// A point in time as the API writes it (RFC 3339 in UTC).
struct Timestamp: Sendable, Equatable {
    var seconds: Int64
    var nanoseconds: Int64 = 0

    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }

    /// `2026-01-02T03:04:05Z`.
    var text: String { format(fraction: "") }

    /// `2026-01-02T03:04:05.000000Z`, a MicroTime.
    var microText: String {
        let micro = String(nanoseconds / 1000)
        return format(fraction: "." + String(repeating: "0", count: 6 - micro.count) + micro)
    }

    private func format(fraction: String) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let year = String(parts.tm_year + 1900)
        let date = String(repeating: "0", count: max(0, 4 - year.count)) + year
        return "\(date)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))\(fraction)Z"
    }

    /// Reads RFC 3339 with any fraction and offset.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int32? {
            guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return bytes[range].reduce(0) { $0 * 10 + Int32($1 - 0x30) }
        }
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if bytes[index] == UInt8(ascii: ".") {
            let digits = bytes[(index + 1)...].prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { return nil }
            index += 1 + digits.count
            for place in 0..<9 {
                fraction = fraction * 10 + (place < digits.count ? Int64(digits[20 + place] - 0x30) : 0)
            }
        }
        var offset: Int64 = 0
        switch index < bytes.count ? bytes[index] : 0 {
        case UInt8(ascii: "Z"):
            guard bytes.count == index + 1 else { return nil }
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard bytes.count == index + 6, let hours = number(index + 1..<index + 3),
                let minutes = number(index + 4..<index + 6)
            else { return nil }
            offset = Int64(hours * 60 + minutes) * (bytes[index] == UInt8(ascii: "-") ? -60 : 60)
        default: return nil
        }
        var parts = tm()
        parts.tm_year = year - 1900
        parts.tm_mon = month - 1
        parts.tm_mday = day
        parts.tm_hour = hour
        parts.tm_min = minute
        parts.tm_sec = second
        seconds = Int64(timegm(&parts)) - offset
        nanoseconds = fraction
    }

    init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// A MicroTime has exactly six digits of fraction, a Time may have any number.
    static func check(_ text: String, isMicro: Bool) throws(TypeMismatch) {
        let layout = isMicro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00"
        func failure(_ rest: some StringProtocol, _ part: String) -> TypeMismatch {
            TypeMismatch(
                message: "parsing time \"\(text)\" as \"\(layout)\": cannot parse \"\(rest)\" as \"\(part)\""
            )
        }
        guard Timestamp(text) != nil else { throw failure(text, "2006") }
        guard isMicro else { return }
        let rest = text.dropFirst(19)
        guard rest.first == "." else { throw failure(rest, ".000000") }
        let digits = rest.dropFirst().prefix { $0.isNumber }
        guard digits.count >= 6 else { throw failure(rest, ".000000") }
        guard digits.count == 6 else { throw failure(rest.dropFirst(7), "Z07:00") }
    }
}
