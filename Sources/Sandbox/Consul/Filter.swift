/// A field that filters may select in a record.
enum FilterField<Record>: Sendable {
    case text(@Sendable (Record) -> String)
    case number(@Sendable (Record) -> Int)
    case bool(@Sendable (Record) -> Bool)
    case list(@Sendable (Record) -> [String])
    case map(@Sendable (Record) -> [String: String])
    /// Named addresses, selected further by name and `Address` or `Port`.
    case addresses(@Sendable (Record) -> [String: ServiceAddress])
}

/// A `?filter=` expression made ready for one kind of record.
struct Filter<Record> {
    private let accepts: (Record) -> Bool

    /// Lets everything through.
    init() { accepts = { _ in true } }

    /// Throws when the text does not parse, a selector is unknown, or an operator does not suit the field.
    init(_ text: String, fields: [String: FilterField<Record>]) throws(FilterExpression.Failure) {
        accepts = try Self.evaluator(try FilterExpression(text), fields)
    }

    func callAsFunction(_ record: Record) -> Bool { accepts(record) }

    private typealias Evaluator = (Record) -> Bool

    private static func evaluator(
        _ expression: FilterExpression,
        _ fields: [String: FilterField<Record>]
    ) throws(FilterExpression.Failure) -> Evaluator {
        switch expression {
        case .and(let left, let right):
            let (first, second) = (try evaluator(left, fields), try evaluator(right, fields))
            return { first($0) && second($0) }
        case .or(let left, let right):
            let (first, second) = (try evaluator(left, fields), try evaluator(right, fields))
            return { first($0) || second($0) }
        case .not(let inner):
            let positive = try evaluator(inner, fields)
            return { !positive($0) }
        case .match(let selector, let comparison, let value):
            let positive = try match(selector, comparison, value, fields)
            return comparison.isNegated ? { !positive($0) } : positive
        }
    }

    /// The comparison without its "not". A missing key of a map equals, contains and matches nothing, and is empty.
    private static func match(
        _ selector: [String],
        _ comparison: FilterExpression.Operator,
        _ value: String,
        _ fields: [String: FilterField<Record>]
    ) throws(FilterExpression.Failure) -> Evaluator {
        let unsuited = FilterExpression.Failure(
            "Invalid match operator \(quoted(comparison.rawValue)) for selector \(quoted(shown(selector)))"
        )
        switch try resolve(selector, fields) {
        case .text(let text): return try textMatch(comparison, value, { text($0) })
        case .number(let number):
            guard comparison.positive == .equal else { throw unsuited }
            guard let wanted = Int(value) else {
                throw FilterExpression.Failure("strconv.ParseInt: parsing \(quoted(value)): invalid syntax")
            }
            return { number($0) == wanted }
        case .bool(let bool):
            guard comparison.positive == .equal else { throw unsuited }
            guard let wanted = goBool(value) else {
                throw FilterExpression.Failure("strconv.ParseBool: parsing \(quoted(value)): invalid syntax")
            }
            return { bool($0) == wanted }
        case .list(let list):
            switch comparison.positive {
            case .contains: return { list($0).contains(value) }
            case .isEmpty: return { list($0).isEmpty }
            default: throw unsuited
            }
        case .map(let map):
            switch comparison.positive {
            case .contains: return { map($0)[value] != nil }
            case .isEmpty: return { map($0).isEmpty }
            default: throw unsuited
            }
        case .addresses(let addresses):
            switch comparison.positive {
            case .contains: return { addresses($0)[value] != nil }
            case .isEmpty: return { addresses($0).isEmpty }
            default: throw unsuited
            }
        case .optionalText(let text): return try textMatch(comparison, value, text)
        }
    }

    private static func textMatch(
        _ comparison: FilterExpression.Operator,
        _ value: String,
        _ text: @escaping (Record) -> String?
    ) throws(FilterExpression.Failure) -> Evaluator {
        switch comparison.positive {
        case .equal: return { text($0) == value }
        case .contains: return { text($0)?.contains(value) ?? false }
        case .isEmpty: return { text($0)?.isEmpty ?? true }
        default:
            guard let pattern = try? Regex(value) else {
                throw FilterExpression.Failure("error parsing regexp: \(value)")
            }
            return { record in
                guard let found = text(record) else { return false }
                return (try? pattern.firstMatch(in: found)) != nil
            }
        }
    }

    private enum Resolved {
        case text((Record) -> String)
        case number((Record) -> Int)
        case bool((Record) -> Bool)
        case list((Record) -> [String])
        case map((Record) -> [String: String])
        case addresses((Record) -> [String: ServiceAddress])
        case optionalText((Record) -> String?)
    }

    /// A dotted name of the table, or one of its maps and what follows it.
    private static func resolve(
        _ selector: [String],
        _ fields: [String: FilterField<Record>]
    ) throws(FilterExpression.Failure) -> Resolved {
        for length in stride(from: selector.count, to: 0, by: -1) {
            guard let field = fields[selector.prefix(length).joined(separator: ".")] else { continue }
            let rest = Array(selector.dropFirst(length))
            switch (field, rest.count) {
            case (.text(let text), 0): return .text(text)
            case (.number(let number), 0): return .number(number)
            case (.bool(let bool), 0): return .bool(bool)
            case (.list(let list), 0): return .list(list)
            case (.map(let map), 0): return .map(map)
            case (.addresses(let addresses), 0): return .addresses(addresses)
            case (.map(let map), 1): return .optionalText { map($0)[rest[0]] }
            case (.addresses(let addresses), 2) where rest[1] == "Address":
                return .optionalText { addresses($0)[rest[0]]?.address }
            case (.addresses(let addresses), 2) where rest[1] == "Port":
                return .optionalText { addresses($0)[rest[0]].map { String($0.port) } }
            default: break
            }
        }
        throw FilterExpression.Failure("Selector \(quoted(shown(selector))) is not valid")
    }

    private static func shown(_ selector: [String]) -> String { selector.joined(separator: ".") }
}

/// The texts that Go takes for a boolean.
func goBool(_ text: String) -> Bool? {
    switch text {
    case "1", "t", "T", "TRUE", "true", "True": true
    case "0", "f", "F", "FALSE", "false", "False": false
    default: nil
    }
}
