import ServiceCatalog

/// How services are named in a target: text with `{service}`, `{namespace}`, `{cluster}`, `{system}` and `{port}`.
package struct NameTemplate: Hashable, Sendable, CustomStringConvertible {
    package enum Field: String, CaseIterable, Hashable, Sendable {
        case service
        case namespace
        case cluster
        case system
        case port
    }

    private enum Part: Hashable, Sendable {
        case text(String)
        case field(Field)
    }

    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package static let service = NameTemplate(parts: [.field(.service)])

    private let parts: [Part]

    private init(parts: [Part]) { self.parts = parts }

    /// Reads `text`. Throws when a brace is unmatched, a field is unknown, or `{service}` is missing, which would give
    /// every service the same name.
    package init(_ text: String) throws(Invalid) {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            guard rest[open] == "{", let close = rest[open...].firstIndex(of: "}") else {
                throw Invalid(description: "name template \"\(text)\": a brace has no partner")
            }
            let name = rest[rest.index(after: open)..<close]
            guard let field = Field(rawValue: String(name)) else {
                let known = Field.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
                throw Invalid(description: "name template \"\(text)\": {\(name)} is unknown; known are \(known)")
            }
            parts.append(.field(field))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        guard parts.contains(.field(.service)) else {
            throw Invalid(description: "name template \"\(text)\" lacks {service}: all services would share one name")
        }
        self.parts = parts
    }

    package var namesPort: Bool { parts.contains(.field(.port)) }

    package var description: String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .field(let field): "{\(field.rawValue)}"
            }
        }.joined()
    }

    func name(of key: ServiceKey, cluster: String, system: SystemName, port: String) -> String {
        if parts.count == 1, parts[0] == .field(.service) { return key.name }
        var name = ""
        for part in parts {
            switch part {
            case .text(let text): name += text
            case .field(.service): name += key.name
            case .field(.namespace): name += key.namespace
            case .field(.cluster): name += cluster
            case .field(.system): name += system.rawValue
            case .field(.port): name += port
            }
        }
        return name
    }
}
