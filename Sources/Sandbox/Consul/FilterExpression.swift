/// A `?filter=` expression: what it says, not yet what the selectors mean.
indirect enum FilterExpression: Equatable {
    case and(FilterExpression, FilterExpression)
    case or(FilterExpression, FilterExpression)
    case not(FilterExpression)
    case match(selector: [String], Operator, value: String)

    enum Operator: String {
        case equal = "Equal"
        case notEqual = "Not Equal"
        /// `value in selector`, `selector contains value`.
        case contains = "Contains"
        case notContains = "Not Contains"
        case matches = "Matches"
        case notMatches = "Not Matches"
        case isEmpty = "Is Empty"
        case isNotEmpty = "Is Not Empty"

        /// What stands before "not", when there is one.
        var isNegated: Bool {
            switch self {
            case .notEqual, .notContains, .notMatches, .isNotEmpty: true
            case .equal, .contains, .matches, .isEmpty: false
            }
        }

        var positive: Operator {
            switch self {
            case .equal, .notEqual: .equal
            case .contains, .notContains: .contains
            case .matches, .notMatches: .matches
            case .isEmpty, .isNotEmpty: .isEmpty
            }
        }
    }

    /// Why an expression cannot be used, in Consul's words.
    struct Failure: Error, Equatable {
        let message: String

        init(_ reason: String) { message = "Failed to create boolean expression evaluator: \(reason)" }
    }

    init(_ text: String) throws(Failure) {
        var parser = Parser(text)
        self = try parser.whole()
    }
}

extension FilterExpression {
    private struct Parser {
        private let characters: [Character]
        private var index = 0

        private static let operators = #""!=", "==", "contains", "in", "is", "matches", "not""#
        private static let white = #"[ \t\r\n]"#

        init(_ text: String) { characters = Array(text) }

        mutating func whole() throws(Failure) -> FilterExpression {
            let expression = try or()
            skipWhite()
            guard index == characters.count else { throw noMatch(#""and", "or", \#(Self.white) or EOF"#) }
            return expression
        }

        private mutating func or() throws(Failure) -> FilterExpression {
            let left = try and()
            return take(word: "or") ? .or(left, try or()) : left
        }

        private mutating func and() throws(Failure) -> FilterExpression {
            let left = try not()
            return take(word: "and") ? .and(left, try and()) : left
        }

        private mutating func not() throws(Failure) -> FilterExpression {
            if take(word: "not") { return .not(try not()) }
            skipWhite()
            guard index < characters.count, characters[index] == "(" else { return try match() }
            index += 1
            let inner = try or()
            skipWhite()
            guard index < characters.count, characters[index] == ")" else {
                throw noMatch(#"")", "and", "or" or \#(Self.white)"#)
            }
            index += 1
            return inner
        }

        private mutating func match() throws(Failure) -> FilterExpression {
            let start = index
            let left = try term()
            if take(word: "in") { return .match(selector: try selector(), .contains, value: left.text) }
            if take(symbol: "==") { return try comparison(left, .equal, at: start) }
            if take(symbol: "!=") { return try comparison(left, .notEqual, at: start) }
            if take(word: "contains") { return try comparison(left, .contains, at: start) }
            if take(word: "matches") { return try comparison(left, .matches, at: start) }
            if take(word: "is") {
                let isNegated = take(word: "not")
                guard take(word: "empty") else { throw noMatch(#""empty", "not" or \#(Self.white)"#) }
                return .match(selector: try path(of: left, at: start), isNegated ? .isNotEmpty : .isEmpty, value: "")
            }
            if take(word: "not") {
                if take(word: "in") { return .match(selector: try selector(), .notContains, value: left.text) }
                if take(word: "contains") { return try comparison(left, .notContains, at: start) }
                if take(word: "matches") { return try comparison(left, .notMatches, at: start) }
                throw noMatch(#""contains", "in", "matches" or \#(Self.white)"#)
            }
            skipWhite()
            throw noMatch("\(Self.operators) or \(Self.white)")
        }

        private mutating func comparison(
            _ left: Term,
            _ comparison: Operator,
            at start: Int
        ) throws(Failure) -> FilterExpression {
            .match(selector: try path(of: left, at: start), comparison, value: try term().text)
        }

        private func path(of term: Term, at start: Int) throws(Failure) -> [String] {
            guard let path = term.path else { throw noMatch(#""(", "not", [_a-zA-Z] or \#(Self.white)"#, at: start) }
            return path
        }

        private mutating func selector() throws(Failure) -> [String] {
            skipWhite()
            let start = index
            return try path(of: try term(), at: start)
        }

        private struct Term {
            let text: String
            /// The parts of a selector; `nil` for a quoted text or a number.
            let path: [String]?
        }

        private mutating func term() throws(Failure) -> Term {
            skipWhite()
            guard index < characters.count else {
                throw noMatch(#""\"", "-", "`", [0-9], [_a-zA-Z] or \#(Self.white)"#)
            }
            switch characters[index] {
            case "\"", "`": return Term(text: try quotedText(), path: nil)
            case let first where first.isASCII && (first.isNumber || first == "-"):
                let start = index
                while index < characters.count, isWordCharacter(characters[index]) || "-.".contains(characters[index]) {
                    index += 1
                }
                return Term(text: String(characters[start..<index]), path: nil)
            case let first where isWordCharacter(first): return try selectorTerm()
            default: throw noMatch(#""\"", "(", "-", "`", "not", [0-9], [_a-zA-Z] or \#(Self.white)"#)
            }
        }

        private mutating func selectorTerm() throws(Failure) -> Term {
            let start = index
            var path = [name()]
            while index < characters.count {
                if characters[index] == "." {
                    index += 1
                    path.append(name())
                } else if characters[index] == "[" {
                    index += 1
                    path.append(try quotedText())
                    guard index < characters.count, characters[index] == "]" else { throw noMatch(#""]""#) }
                    index += 1
                } else {
                    break
                }
            }
            return Term(text: String(characters[start..<index]), path: path)
        }

        private mutating func name() -> String {
            let start = index
            while index < characters.count, isWordCharacter(characters[index]) || "-/".contains(characters[index]) {
                index += 1
            }
            return String(characters[start..<index])
        }

        private mutating func quotedText() throws(Failure) -> String {
            guard index < characters.count, "\"`".contains(characters[index]) else { throw noMatch(#""\"" or "`""#) }
            let quote = characters[index]
            index += 1
            var text = ""
            while index < characters.count {
                let character = characters[index]
                index += 1
                if character == quote { return text }
                if quote == "\"", character == "\\", index < characters.count {
                    text.append(characters[index])
                    index += 1
                } else {
                    text.append(character)
                }
            }
            throw Failure("1:\(index + 1) (\(index)): Unterminated string literal")
        }

        private mutating func take(word: String) -> Bool {
            let end = afterWhite + word.count
            guard end <= characters.count, Array(word) == Array(characters[afterWhite..<end]),
                end == characters.count || !isWordCharacter(characters[end])
            else { return false }
            index = end
            return true
        }

        private mutating func take(symbol: String) -> Bool {
            let end = afterWhite + symbol.count
            guard end <= characters.count, Array(symbol) == Array(characters[afterWhite..<end]) else { return false }
            index = end
            return true
        }

        private var afterWhite: Int {
            var place = index
            while place < characters.count, characters[place].isWhitespace { place += 1 }
            return place
        }

        private mutating func skipWhite() { index = afterWhite }

        private func isWordCharacter(_ character: Character) -> Bool {
            character.isASCII && (character.isLetter || character.isNumber || character == "_")
        }

        private func noMatch(_ expected: String, at place: Int? = nil) -> Failure {
            let place = place ?? index
            return Failure("1:\(place + 1) (\(place)): no match found, expected: \(expected)")
        }
    }
}
