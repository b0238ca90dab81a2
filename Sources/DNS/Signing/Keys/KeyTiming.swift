/// When a key is used, as BIND's key files say it. Times are seconds since 1970.
package struct KeyTiming: Hashable, Sendable {
    package var publish: Int64?
    package var activate: Int64?
    package var inactive: Int64?
    package var delete: Int64?
    /// From when to when CDS and CDNSKEY ask the parent for this key (RFC 7344).
    package var syncPublish: Int64?
    package var syncDelete: Int64?

    package init() {}

    /// Where neither is given, as in files without times, a key is published and active from the first.
    private var isUntimed: Bool { publish == nil && activate == nil }

    /// Whether the key is in the DNSKEY set.
    package func isPublished(at now: Int64) -> Bool {
        if let delete, delete <= now { return false }
        guard let start = publish ?? activate else { return true }
        return start <= now
    }

    /// Whether the key signs, for which it has to be published.
    package func isActive(at now: Int64) -> Bool {
        guard isPublished(at: now) else { return false }
        if let inactive, inactive <= now { return false }
        return isUntimed || (activate ?? .max) <= now
    }

    package func isSynchronised(at now: Int64) -> Bool {
        guard isPublished(at: now), let syncPublish, syncPublish <= now else { return false }
        return (syncDelete ?? .max) > now
    }
}

extension KeyTiming {
    /// The names of the times in key files.
    static let fields: [(name: String, time: any WritableKeyPath<KeyTiming, Int64?> & Sendable)] = [
        ("Publish", \.publish), ("Activate", \.activate), ("Inactive", \.inactive), ("Delete", \.delete),
        ("SyncPublish", \.syncPublish), ("SyncDelete", \.syncDelete),
    ]

    /// Reads `YYYYMMDDHHMMSS`, in UTC.
    static func seconds(_ text: some StringProtocol) -> Int64? {
        let digits = text.utf8.compactMap { (0x30...0x39).contains($0) ? Int64($0 - 0x30) : nil }
        guard digits.count == 14, text.utf8.count == 14 else { return nil }
        func number(_ range: Range<Int>) -> Int64 { digits[range].reduce(0) { 10 * $0 + $1 } }
        let (year, month, day) = (number(0..<4), number(4..<6), number(6..<8))
        let (hour, minute, second) = (number(8..<10), number(10..<12), number(12..<14))
        guard year >= 1970, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        // Days of the Gregorian calendar, in years that begin in March.
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        return days * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// The reverse of ``seconds(_:)``.
    static func text(_ seconds: Int64) -> String {
        let days = seconds / 86_400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + 400 * era + (month <= 2 ? 1 : 0)
        let rest = seconds % 86_400
        let numbers = [month, dayOfYear - (153 * shifted + 2) / 5 + 1, rest / 3600, rest / 60 % 60, rest % 60]
        return "\(year)" + numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
    }
}
