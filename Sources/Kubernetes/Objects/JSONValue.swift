/// JSON as a tree, for the few small objects that are handled whole: reviews, events, leases, credentials.
package enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    /// A number that is no `Int`, as it was written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

// MARK: - Reaching in

extension JSONValue {
    /// The member `key`, or `nil` when this is no object or has none.
    package subscript(key: String) -> JSONValue? {
        get { if case .object(let members) = self { members[key] } else { nil } }
        set {
            guard case .object(var members) = self else { return }
            members[key] = newValue
            self = .object(members)
        }
    }

    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var integer: Int? { if case .integer(let number) = self { number } else { nil } }
    package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}

// MARK: - Reading

extension JSONValue {
    package init(parsing bytes: [UInt8]) throws(ObjectDecodingError) {
        let parsed = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(ObjectDecodingError) in
                var cursor = JSONCursor(buffer)
                let value = try Self.read(&cursor, from: buffer)
                try cursor.expectEnd()
                return value
            }
        }
        self = try parsed.get()
    }

    private static func read(
        _ cursor: inout JSONCursor,
        from bytes: UnsafeBufferPointer<UInt8>
    ) throws(ObjectDecodingError) -> JSONValue {
        switch try cursor.peek() {
        case UInt8(ascii: "{"):
            var members: [String: JSONValue] = [:]
            try cursor.readObject { (key, cursor) throws(ObjectDecodingError) in
                members[key.string] = try read(&cursor, from: bytes)
            }
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try cursor.readArray { (cursor) throws(ObjectDecodingError) in
                elements.append(try read(&cursor, from: bytes))
            }
            return .array(elements)
        case UInt8(ascii: "\""):
            return try cursor.readString().map(JSONValue.string) ?? .null
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            return try cursor.readBoolean().map(JSONValue.boolean) ?? .null
        default:
            let start = cursor.position
            try cursor.skip()
            let text = String(decoding: bytes[start..<cursor.position], as: UTF8.self)
            return text == "null" ? .null : Int(text).map(JSONValue.integer) ?? .number(text)
        }
    }
}

// MARK: - Writing

extension JSONValue {
    /// Compact, members sorted by key: equal values are equal bytes.
    package var encoded: [UInt8] {
        var output: [UInt8] = []
        write(to: &output)
        return output
    }

    private func write(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .boolean(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let number): output.append(contentsOf: String(number).utf8)
        case .number(let text): output.append(contentsOf: text.utf8)
        case .string(let text): Self.write(text, to: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                element.write(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                Self.write(member.key, to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.write(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to output: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20:
                output.append(contentsOf: "\\u00".utf8)
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            default:
                output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
