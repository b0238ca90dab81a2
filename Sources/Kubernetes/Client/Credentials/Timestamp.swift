import Glibc

/// A moment of the wall clock, as API objects carry it.
package struct Timestamp: Hashable, Comparable, Sendable {
    package let microsecondsSince1970: Int64

    package init(microsecondsSince1970: Int64) { self.microsecondsSince1970 = microsecondsSince1970 }

    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microsecondsSince1970: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSince1970 < right.microsecondsSince1970
    }
}

// MARK: - RFC 3339

extension Timestamp {
    /// The API's `Time`: whole seconds, UTC.
    package var time: String { "\(dateAndTime)Z" }

    /// The API's `MicroTime`: always six digits of a second; other numbers of digits are refused.
    package var microTime: String {
        "\(dateAndTime).\(Self.padded(Int(microsecondsSince1970 - seconds * 1_000_000), 6))Z"
    }

    /// Rounded down, before 1970 too.
    private var seconds: Int64 {
        microsecondsSince1970 / 1_000_000 - (microsecondsSince1970 % 1_000_000 < 0 ? 1 : 0)
    }

    private var dateAndTime: String {
        let days = seconds / 86_400 - (seconds % 86_400 < 0 ? 1 : 0)
        let second = Int(seconds - days * 86_400)
        let date = Self.date(days: Int(days))
        return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))T"
            + "\(Self.padded(second / 3600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))"
    }

    /// Reads RFC 3339 with any fraction and offset; digits beyond a microsecond are dropped.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        var index = 0
        func number(_ digits: Int) -> Int? {
            guard index + digits <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[index..<(index + digits)] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            index += digits
            return value
        }
        func skip(_ characters: StaticString) -> Bool {
            guard index < bytes.count else { return false }
            for offset in 0..<characters.utf8CodeUnitCount where bytes[index] == characters.utf8Start[offset] {
                index += 1
                return true
            }
            return false
        }
        guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2), skip("Tt "),
            let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var microseconds = 0
        if skip(".") {
            var weight = 100_000
            let start = index
            while let digit = number(1) {
                microseconds += digit * weight
                weight /= 10
            }
            guard index > start else { return nil }
        }
        var offset = 0
        if !skip("Zz") {
            let isWest = index < bytes.count && bytes[index] == UInt8(ascii: "-")
            guard skip("+-"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else {
                return nil
            }
            offset = (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
        }
        guard index == bytes.count else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        let seconds = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
        self.init(microsecondsSince1970: seconds * 1_000_000 + Int64(microseconds))
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    // The proleptic Gregorian calendar, in 400-year eras that begin on 1 March: leap days then end their years.

    private static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
