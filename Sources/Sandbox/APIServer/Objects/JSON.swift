/// An API object, or a part of one, as a tree whose members keep their order.
enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    /// A number that is no 64-bit integer, as it was written.
    case number(String)
    case string(String)
    case array([JSON])
    case object(Members)

    struct Member: Sendable, Equatable {
        var name: String
        var value: JSON
    }

    /// Members in order; names are unique once read from text.
    struct Members: Sendable, Equatable {
        var list: [Member] = []

        subscript(name: String) -> JSON? {
            get { list.first { $0.name == name }?.value }
            set {
                if let index = list.firstIndex(where: { $0.name == name }) {
                    if let newValue { list[index].value = newValue } else { list.remove(at: index) }
                } else if let newValue {
                    list.append(Member(name: name, value: newValue))
                }
            }
        }

        var isEmpty: Bool { list.isEmpty }
    }

    struct SyntaxError: Error {
        let message: String
    }

    init(parsing bytes: [UInt8]) throws(SyntaxError) {
        do throws(GoJSON.SyntaxError) {
            self.init(try GoJSON(parsing: bytes))
        } catch {
            // The words of `json.Unmarshal`; those of `json.Decoder` are GoJSON's.
            let isEnd = error.message == "EOF" || error.message == "unexpected EOF"
            throw SyntaxError(message: isEnd ? "unexpected end of JSON input" : error.message)
        }
    }

    private init(_ parsed: GoJSON) {
        self =
            switch parsed {
            case .null: .null
            case .bool(let value): .bool(value)
            case .number(let text): Int64(text).map(JSON.int) ?? .number(text)
            case .string(let text): .string(text)
            case .array(let elements): .array(elements.map(JSON.init))
            case .object(let members):
                .object(Members(parsed: members.map { Member(name: $0.name, value: JSON($0.value)) }))
            }
    }

    /// The kind as Go's type errors name it.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .int, .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSON.Members: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, JSON)...) {
        list = elements.map { JSON.Member(name: $0.0, value: $0.1) }
    }

    /// A later member of the same name replaces the earlier one, as in Go.
    fileprivate init(parsed: [JSON.Member]) {
        var positions: [String: Int] = [:]
        for member in parsed {
            if let position = positions[member.name] {
                list[position] = member
            } else {
                positions[member.name] = list.count
                list.append(member)
            }
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int64) { self = .int(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: JSON...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Members(list: elements.map { Member(name: $0.0, value: $0.1) }))
    }
}

// MARK: - Reaching in

extension JSON {
    /// The member `name`. Setting makes an object of anything else; setting `nil` removes the member.
    subscript(name: String) -> JSON? {
        get { if case .object(let members) = self { members[name] } else { nil } }
        set {
            if case .object(var members) = self {
                self = .null
                members[name] = newValue
                self = .object(members)
            } else if let newValue {
                self = .object([name: newValue])
            }
        }
    }

    /// The value along member names; `nil` where one is missing.
    subscript(path: [String]) -> JSON? {
        var value: JSON? = self
        for name in path { value = value?[name] }
        return value
    }

    var string: String? { if case .string(let text) = self { text } else { nil } }
    var int: Int64? { if case .int(let number) = self { number } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
    var members: [Member]? { if case .object(let members) = self { members.list } else { nil } }
    var isNull: Bool { self == .null }

    /// A map of strings to strings; other values are left out.
    var strings: [String: String] {
        var map: [String: String] = [:]
        for member in members ?? [] { map[member.name] = member.value.string }
        return map
    }

    init(_ map: [String: String]) {
        self = .object(
            Members(list: map.sorted { $0.key < $1.key }.map { Member(name: $0.key, value: .string($0.value)) })
        )
    }

    init(_ list: [String]) { self = .array(list.map(JSON.string)) }
}
