/// A label selector: `a=b,c!=d,e in (f,g),h,!i`.
struct LabelSelector: Sendable, Equatable {
    enum Operation: Sendable, Equatable {
        case isIn(Set<String>)
        case isNotIn(Set<String>)
        case exists
        case isAbsent
        case isGreater(than: Int)
        case isLess(than: Int)
    }

    struct Requirement: Sendable, Equatable {
        let key: String
        let operation: Operation

        func matches(_ labels: [String: String]) -> Bool {
            let value = labels[key]
            return switch operation {
            case .isIn(let values): value.map(values.contains) ?? false
            case .isNotIn(let values): value.map { !values.contains($0) } ?? true
            case .exists: value != nil
            case .isAbsent: value == nil
            case .isGreater(let bound): value.flatMap { Int($0) }.map { $0 > bound } ?? false
            case .isLess(let bound): value.flatMap { Int($0) }.map { $0 < bound } ?? false
            }
        }
    }

    let requirements: [Requirement]

    var isEmpty: Bool { requirements.isEmpty }

    func matches(_ labels: [String: String]) -> Bool { requirements.allSatisfy { $0.matches(labels) } }

    init(_ text: String) throws(APIStatus) {
        var requirements: [Requirement] = []
        for part in Self.split(text) { requirements.append(try Self.requirement(part)) }
        self.requirements = requirements
    }

    /// At commas outside parentheses.
    private static func split(_ text: String) -> [String] {
        var parts: [String] = []
        var current = ""
        var depth = 0
        for character in text {
            switch character {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth == 0:
                parts.append(current)
                current = ""
                continue
            default: break
            }
            current.append(character)
        }
        parts.append(current)
        return parts.map(trimmed).filter { !$0.isEmpty }
    }

    private static func requirement(_ text: String) throws(APIStatus) -> Requirement {
        if text.hasPrefix("!") {
            return try checked(trimmed(text.dropFirst()), .isAbsent, text)
        }
        for (symbol, isNegative) in [("!=", true), ("==", false), ("=", false)] {
            guard let range = text.firstRange(of: symbol) else { continue }
            let value = trimmed(text[range.upperBound...])
            if let problem = NameRules.labelValue(value) {
                throw .badRequest("unable to parse requirement: \(problem)")
            }
            return try checked(
                trimmed(text[..<range.lowerBound]),
                isNegative ? .isNotIn([value]) : .isIn([value]),
                text
            )
        }
        for (symbol, isGreater) in [(">", true), ("<", false)] {
            guard let range = text.firstRange(of: symbol) else { continue }
            guard let bound = Int(trimmed(text[range.upperBound...])) else {
                throw .badRequest("unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer")
            }
            return try checked(
                trimmed(text[..<range.lowerBound]),
                isGreater ? .isGreater(than: bound) : .isLess(than: bound),
                text
            )
        }
        let words = text.split(separator: " ", maxSplits: 1).map(trimmed)
        guard words.count == 2 else { return try checked(text, .exists, text) }
        let isNegative = words[1].hasPrefix("notin")
        let list = trimmed(words[1].dropFirst(isNegative ? 5 : 2))
        guard isNegative || words[1].hasPrefix("in"), list.hasPrefix("("), list.hasSuffix(")") else {
            throw .badRequest(
                "unable to parse requirement: found '\(words[1])', expected: in, notin, =, ==, !=, gt, lt"
            )
        }
        let values = Set(
            list.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
        )
        return try checked(words[0], isNegative ? .isNotIn(values) : .isIn(values), text)
    }

    private static func checked(
        _ key: String,
        _ operation: Operation,
        _ text: String
    ) throws(APIStatus) -> Requirement {
        if let problem = NameRules.qualifiedName(key) {
            throw .badRequest("unable to parse requirement: <nil>: Invalid value: \"\(key)\": \(problem)")
        }
        return Requirement(key: key, operation: operation)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
