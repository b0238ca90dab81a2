/// A label selector that an API server will accept, in the form of its `labelSelector` parameter.
///
/// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
package struct LabelSelector: Hashable, Sendable {
    package struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
        /// Names the part that is wrong, and what would be right.
        package let description: String
    }

    /// Not empty.
    package let text: String

    /// Reads requirements separated by commas: `key`, `!key`, `key=value`, `key==value`, `key!=value`,
    /// `key in (a,b)`, `key notin (a,b)`, `key>1`, `key<1`.
    package init(_ text: String) throws(Mistake) {
        self.text = trimmed(text)
        let requirements = Self.split(self.text)
        guard !self.text.isEmpty else { throw Mistake(description: "a label selector is not empty") }
        for requirement in requirements { try Self.check(trimmed(String(requirement))) }
    }

    /// Commas inside parentheses belong to a set of values.
    private static func split(_ text: String) -> [Substring] {
        var depth = 0
        return text.split(omittingEmptySubsequences: false) { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return character == "," && depth <= 0
        }
    }

    private static func check(_ requirement: String) throws(Mistake) {
        func mistake(_ problem: String) -> Mistake { Mistake(description: "\"\(requirement)\" \(problem)") }

        var rest = requirement[...]
        func skipSpaces() { rest = rest.drop { $0.isWhitespace } }
        func token() -> String {
            skipSpaces()
            let token = rest.prefix { !"=!<>(), \t".contains($0) }
            rest = rest.dropFirst(token.count)
            skipSpaces()
            return String(token)
        }
        func skip(_ text: String) -> Bool {
            guard rest.hasPrefix(text) else { return false }
            rest = rest.dropFirst(text.count)
            return true
        }

        let isNegated = skip("!")
        let key = token()
        guard isLabelKey(key) else {
            throw mistake("does not begin with a label key (letters, digits, -, _, . and one optional prefix/)")
        }
        if rest.isEmpty { return }
        guard !isNegated else { throw mistake("has more than a key after !") }
        if skip("==") || skip("!=") || skip("=") {
            let value = token()
            guard rest.isEmpty, isLabelValue(value) else {
                throw mistake("has no label value (at most 63 letters, digits, -, _ and .)")
            }
        } else if skip(">") || skip("<") {
            guard Int64(token()) != nil, rest.isEmpty else {
                throw mistake("compares with something other than a number")
            }
        } else {
            guard ["in", "notin"].contains(token()), skip("(") else {
                throw mistake("has none of =, ==, !=, <, >, in (…), notin (…) after its key")
            }
            repeat {
                guard isLabelValue(token()) else { throw mistake("holds something that is no label value") }
            } while skip(",")
            guard skip(")"), trimmed(String(rest)).isEmpty else {
                throw mistake("has no closing parenthesis at its end")
            }
        }
    }

    private static func isLabelKey(_ key: String) -> Bool {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = parts.last, parts.count <= 2, !name.isEmpty, isLabelValue(String(name)) else { return false }
        guard parts.count == 2 else { return true }
        return parts[0].utf8.count <= 253
            && parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                !label.isEmpty && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { isAlphanumeric($0, lowerOnly: true) || $0 == UInt8(ascii: "-") }
            }
    }

    private static func isLabelValue(_ value: String) -> Bool {
        guard let first = value.utf8.first, let last = value.utf8.last else { return true }
        return value.utf8.count <= 63 && isAlphanumeric(first) && isAlphanumeric(last)
            && value.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8, lowerOnly: Bool = false) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): !lowerOnly
        default: false
        }
    }
}
