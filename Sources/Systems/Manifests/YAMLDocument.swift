internal import Yams

/// A YAML document as JSON, so that manifests are read by the very rules that read an API server's answers, with the
/// place in the YAML of every value in the JSON.
struct YAMLDocument {
    /// What no JSON can say.
    struct Failure: Error {
        let position: SourcePosition?
        let message: String
    }

    /// Aliases nest deeper than any parser lets text; a manifest nests some ten levels.
    private static let maximumDepth = 128

    private let maximumSize: Int
    private var depth = 0
    /// Pairs that `<<` has brought in, those that were there before included: merges of merges can stand for more of them
    /// than ever come to be written.
    private var mergedPairs = 0
    private(set) var json: [UInt8] = []
    /// Where each value begins, in `json` and in the file; ordered.
    private var places: [(offset: Int, position: SourcePosition)] = []

    /// - Parameter size: of the file in bytes. A few aliases of aliases can stand for more than any machine holds, so
    ///   the JSON may be larger by as much as quoting can make it, and by some honest aliases.
    init(_ root: Node, size: Int) throws(Failure) {
        maximumSize = (1 << 20) + 10 * size
        try write(root)
    }

    /// The place of the innermost value that holds the byte at `offset` or begins last before it.
    func position(of offset: Int) -> SourcePosition {
        var range = places.indices
        while range.count > 1 {
            let middle = range.lowerBound + range.count / 2
            range = places[middle].offset <= offset ? middle..<range.upperBound : range.lowerBound..<middle
        }
        return range.first.map { places[$0].position } ?? SourcePosition(line: 1, column: 1)
    }

    private mutating func write(_ node: Node) throws(Failure) {
        if let mark = node.mark { places.append((json.count, SourcePosition(mark))) }
        guard json.count < maximumSize else { throw tooLarge(node) }
        try enter(node)
        defer { depth -= 1 }
        switch node {
        case .scalar(let scalar): write(scalar)
        case .sequence(let sequence):
            write("[")
            for (index, element) in sequence.enumerated() {
                if index > 0 { write(",") }
                try write(element)
            }
            write("]")
        case .mapping(let mapping):
            write("{")
            for (index, pair) in try merged(mapping).enumerated() {
                if index > 0 { write(",") }
                guard let key = pair.key.scalar else { throw failure(pair.key, "a key must be text") }
                write(string: key.string)
                write(":")
                try write(pair.value)
            }
            write("}")
        case .alias: throw failure(node, "an alias without its anchor")
        }
    }

    /// The pairs of a mapping with those that its `<<` keys bring in where it has none of its own.
    private mutating func merged(_ mapping: Node.Mapping) throws(Failure) -> [(key: Node, value: Node)] {
        func isMerge(_ key: Node) -> Bool { key.scalar.map { $0.string == "<<" && $0.style == .plain } ?? false }

        var pairs = mapping.filter { !isMerge($0.key) }.map { (key: $0.key, value: $0.value) }
        guard pairs.count < mapping.count else { return pairs }
        var names = Set(pairs.compactMap(\.key.scalar?.string))
        for (key, value) in mapping where isMerge(key) {
            let sources: [Node] = if case .sequence(let sequence) = value { Array(sequence) } else { [value] }
            for source in sources {
                guard case .mapping(let other) = source else {
                    throw failure(source, "only a mapping can be merged with <<")
                }
                // Written out, a pair is some eight bytes or more.
                mergedPairs += 1 + other.count
                guard 8 * mergedPairs < maximumSize else { throw tooLarge(source) }
                try enter(source)
                defer { depth -= 1 }
                for pair in try merged(other) where pair.key.scalar.map({ names.insert($0.string).inserted }) ?? true {
                    pairs.append(pair)
                }
            }
        }
        return pairs
    }

    private mutating func enter(_ node: Node) throws(Failure) {
        guard depth < Self.maximumDepth else { throw failure(node, "values are nested too deep") }
        depth += 1
    }

    private func tooLarge(_ node: Node) -> Failure {
        failure(node, "with its aliases written out, the document is larger than \(maximumSize) bytes")
    }

    private func failure(_ node: Node, _ message: String) -> Failure {
        Failure(position: node.mark.map { SourcePosition($0) }, message: message)
    }

    // MARK: Scalars

    private mutating func write(_ scalar: Node.Scalar) {
        let isTyped = ["int", "float", "bool", "null"].contains { scalar.tag.rawValue == "tag:yaml.org,2002:\($0)" }
        let isUntagged = scalar.tag.rawValue.isEmpty && (scalar.style == .plain || scalar.style == .any)
        guard isTyped || isUntagged, let literal = Self.literal(scalar.string) else {
            return write(string: scalar.string)
        }
        write(literal)
    }

    /// The JSON that an unquoted scalar stands for; `nil` for a string.
    static func literal(_ text: String) -> String? {
        switch text {
        case "", "~", "null", "Null", "NULL": return "null"
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return "true"
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return "false"
        default: return integer(text).map(String.init) ?? float(text)
        }
    }

    /// Decimal, `0x`, `0o`, `0b`, and octal by a leading zero; digits may be grouped with `_`.
    private static func integer(_ text: String) -> Int? {
        var digits = text.replacing("_", with: "")
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
        guard let first = digits.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return nil }
        var radix = 10
        for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
            radix = base
            digits.removeFirst(2)
        }
        if radix == 10, digits.count > 1, digits.hasPrefix("0") { radix = 8 }
        guard !digits.hasPrefix("-"), !digits.hasPrefix("+") else { return nil }
        return Int((isNegative ? "-" : "") + digits, radix: radix)
    }

    private static func float(_ text: String) -> String? {
        let mayBegin = text.utf8.first.map { "+-.0123456789".utf8.contains($0) } ?? false
        guard mayBegin, text.utf8.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }), let number = Double(text),
            number.isFinite
        else { return nil }
        return "\(number)"
    }

    // MARK: Bytes

    private mutating func write(_ text: String) { json += text.utf8 }

    private mutating func write(string: String) {
        let hexadecimal = Array("0123456789abcdef".utf8)
        json.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                json += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                json += Array("\\u00".utf8) + [hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
            default:
                json.append(byte)
            }
        }
        json.append(UInt8(ascii: "\""))
    }
}
