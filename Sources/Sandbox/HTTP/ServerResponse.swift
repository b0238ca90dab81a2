/// Header fields in order, sent in this spelling; looked up without regard to case.
package struct HeaderFields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    package private(set) var fields: [Field] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The first value of `name`. Setting replaces all of them; setting `nil` removes them.
    package subscript(_ name: String) -> String? {
        get { fields.first { $0.name.lowercased() == name.lowercased() }?.value }
        set {
            fields.removeAll { $0.name.lowercased() == name.lowercased() }
            if let newValue { fields.append(Field(name: name, value: newValue)) }
        }
    }

    package mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    package func values(_ name: String) -> [String] {
        fields.compactMap { $0.name.lowercased() == name.lowercased() ? $0.value : nil }
    }
}

/// A whole response as a value. The server adds `Date`, and `Content-Length` unless the headers have one.
package struct ServerResponse: Sendable {
    package var status: Int
    package var headers: HeaderFields
    package var body: [UInt8]

    package init(_ status: Int, headers: HeaderFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(_ status: Int, headers: HeaderFields = [:], text: String) {
        self.init(status, headers: headers, body: Array(text.utf8))
    }
}
