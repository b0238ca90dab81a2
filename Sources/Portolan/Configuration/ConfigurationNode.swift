internal import Yams

/// Collects mistakes while a file is read, so that a person sees all of them at once.
final class ConfigurationContext {
    let file: String
    let environment: [String: String]
    private(set) var mistakes: [ConfigurationError.Mistake] = []

    init(file: String, environment: [String: String]) {
        self.file = file
        self.environment = environment
    }

    func report(_ message: String, line: Int, column: Int) {
        mistakes.append(.init(file: file, line: line, column: column, message: message))
    }
}

/// A place in the file, read strictly: every accessor reports what does not fit and returns `nil`.
struct ConfigurationNode {
    let node: Node
    /// The path from the top, as `dns.zones[0].from`.
    let path: String
    let context: ConfigurationContext

    func report(_ message: String) {
        let mark = node.mark
        context.report(message, line: mark?.line ?? 1, column: mark?.column ?? 1)
    }

    // MARK: Mappings

    /// The members of a mapping that may hold `keys` and nothing else.
    func members(_ keys: [String]) -> Members? {
        guard let mapping = node.mapping else {
            report("\(subject) must be a mapping of \(keys.joined(separator: ", ")), not \(found)")
            return nil
        }
        var members: [String: ConfigurationNode] = [:]
        for (key, value) in mapping {
            guard let name = key.string, keys.contains(name) else {
                let place = ConfigurationNode(node: key, path: path, context: context)
                place.report(
                    "unknown key \"\(key.string ?? "?")\"\(inside); \(hint(for: key.string ?? "", among: keys))"
                )
                continue
            }
            members[name] = child(value, name)
        }
        return Members(node: self, members: members)
    }

    /// The members of a mapping whose keys are names the user chooses, in the file's order.
    func entries() -> [(name: String, key: ConfigurationNode, value: ConfigurationNode)]? {
        guard let mapping = node.mapping else {
            report("\(subject) must be a mapping of names, not \(found)")
            return nil
        }
        return mapping.compactMap { key, value in
            let place = ConfigurationNode(node: key, path: path, context: context)
            guard let name = key.string, !name.isEmpty else {
                place.report("a key of \(subject) must be a name")
                return nil
            }
            return (name, place, child(value, name))
        }
    }

    private func child(_ node: Node, _ name: String) -> ConfigurationNode {
        ConfigurationNode(node: node, path: path.isEmpty ? name : "\(path).\(name)", context: context)
    }

    // MARK: Sequences

    func elements() -> [ConfigurationNode]? {
        guard let sequence = node.sequence else {
            report("\(subject) must be a list, not \(found)")
            return nil
        }
        return sequence.enumerated().map {
            ConfigurationNode(node: $0.element, path: "\(path)[\($0.offset)]", context: context)
        }
    }

    func strings() -> [String]? {
        elements()?.compactMap { $0.string() }
    }

    // MARK: Scalars

    /// A non-empty text with its `${NAME}` parts replaced from the environment.
    func string() -> String? {
        guard let scalar = node.scalar, !isNull else {
            report("\(subject) must be text, not \(found)")
            return nil
        }
        guard let expanded = expand(scalar.string) else { return nil }
        guard !expanded.isEmpty else {
            report("\(subject) must not be empty")
            return nil
        }
        return expanded
    }

    func boolean() -> Bool? {
        switch string() {
        case "true": return true
        case "false": return false
        case nil: return nil
        case let text?:
            report("\(subject) must be true or false, not \"\(text)\"")
            return nil
        }
    }

    func integer(_ range: ClosedRange<Int>) -> Int? {
        guard let text = string() else { return nil }
        guard let number = Int(text), range.contains(number) else {
            report("\(subject) must be a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\"")
            return nil
        }
        return number
    }

    /// `250ms`, `30s`, `5m`, `1h`.
    func duration() -> Duration? {
        guard let text = string() else { return nil }
        let units: [(suffix: String, milliseconds: Int)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
        for unit in units where text.hasSuffix(unit.suffix) {
            if let number = Int(text.dropLast(unit.suffix.count)), (0...1_000_000).contains(number) {
                return .milliseconds(number * unit.milliseconds)
            }
        }
        report("\(subject) must be a duration such as 500ms, 30s, 5m or 1h, not \"\(text)\"")
        return nil
    }

    /// `30%`, as 0.3.
    func percentage() -> Double? {
        guard let text = string() else { return nil }
        guard text.hasSuffix("%"), let number = Double(text.dropLast()), (0...100).contains(number) else {
            report("\(subject) must be a percentage from 0% to 100%, not \"\(text)\"")
            return nil
        }
        return number / 100
    }

    func choice<Value: RawRepresentable & CaseIterable>(_: Value.Type) -> Value? where Value.RawValue == String {
        guard let text = string() else { return nil }
        if let value = Value(rawValue: text) { return value }
        let choices = Value.allCases.map(\.rawValue)
        report("\(subject) cannot be \"\(text)\"; \(hint(for: text, among: choices))")
        return nil
    }

    /// `{ file: PATH }`, `{ env: NAME }`, or text that consists of one `${NAME}`.
    func secret() -> Secret? {
        if let text = node.scalar?.string {
            if let match = text.wholeMatch(of: #/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/#) {
                return .environment(String(match.1))
            }
            report("\(subject) is a secret and must not stand in the file: write { file: PATH } or { env: NAME }")
            return nil
        }
        guard let members = members(["file", "env"]) else { return nil }
        switch (members["file"]?.string(), members["env"]?.string()) {
        case (let file?, nil): return .file(file)
        case (nil, let name?): return .environment(name)
        default:
            report("\(subject) needs either file or env")
            return nil
        }
    }

    private func expand(_ text: String) -> String? {
        var result = ""
        var rest = text[...]
        while let start = rest.range(of: "${") {
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                report("\(subject): \"${\" is not closed by \"}\"")
                return nil
            }
            let name = rest[start.upperBound..<end]
            guard let value = context.environment[String(name)] else {
                report("\(subject): the environment variable \(name) is not set")
                return nil
            }
            result += rest[..<start.lowerBound] + value
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    // MARK: Words

    private var subject: String { path.isEmpty ? "the configuration" : path }

    private var inside: String { path.isEmpty ? "" : " in \(path)" }

    private var isNull: Bool {
        guard let scalar = node.scalar else { return false }
        return scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private var found: String {
        switch node {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .scalar(let scalar): isNull ? "nothing" : "\"\(scalar.string)\""
        case .alias: "an alias"
        }
    }

    func hint(for word: String, among words: [String]) -> String {
        if let nearest = words.nearest(to: word) { return "did you mean \"\(nearest)\"?" }
        return words.isEmpty ? "there are none" : "known are \(words.joined(separator: ", "))"
    }
}

extension ConfigurationNode {
    /// The members of a strictly read mapping.
    struct Members {
        let node: ConfigurationNode
        fileprivate let members: [String: ConfigurationNode]

        subscript(key: String) -> ConfigurationNode? { members[key] }

        /// Reports a missing key.
        func required(_ key: String) -> ConfigurationNode? {
            if let member = members[key] { return member }
            let place = node.path.isEmpty ? "the configuration" : node.path
            node.report("\(place) needs the key \"\(key)\"")
            return nil
        }
    }
}

extension StringProtocol {
    /// The first place of `needle`.
    fileprivate func range(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            formIndex(after: &start)
        }
        return nil
    }
}

extension [String] {
    /// The word with the fewest edits from `word`, when a typing mistake is likely.
    func nearest(to word: String) -> String? {
        let scored = map { (word: $0, distance: editDistance($0.lowercased(), word.lowercased())) }
        guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= Swift.max(1, Swift.min(best.word.count, word.count) / 3) ? best.word : nil
    }
}

/// Levenshtein's distance, where exchanging neighbours counts as one edit.
private func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    var rows = Array(repeating: Array(repeating: 0, count: right.count + 1), count: left.count + 1)
    for row in 0...left.count { rows[row][0] = row }
    for column in 0...right.count { rows[0][column] = column }
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    for row in 1...left.count {
        for column in 1...right.count {
            let substitution = rows[row - 1][column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1)
            rows[row][column] = min(rows[row - 1][column] + 1, rows[row][column - 1] + 1, substitution)
            if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                rows[row][column] = min(rows[row][column], rows[row - 2][column - 2] + 1)
            }
        }
    }
    return rows[left.count][right.count]
}
