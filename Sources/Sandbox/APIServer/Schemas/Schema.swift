/// The shape of one Go structure of the Kubernetes API: what decides its JSON, its protobuf and who manages which field.
///
/// An object in *canonical form* has the members Go would write, in Go's order, each with a value of its type.
final class Schema: Sendable {
    /// How Go declares a field, hence when it is written.
    enum Presence: Sendable {
        /// A value, `omitempty` in JSON; protobuf always has it.
        case value
        /// A value without `omitempty`: always in JSON, `null` for a missing list or time.
        case always
        /// A pointer: written exactly when it is set.
        case pointer
    }

    /// How a list merges (`x-kubernetes-list-type`).
    enum Merging: Sendable, Equatable {
        case atomic
        case set
        /// Keyed; a strategic merge patch uses the first key alone.
        case keyed([Key])
    }

    /// A member that tells the items of a keyed list apart.
    struct Key: Sendable, Equatable, ExpressibleByStringLiteral {
        let name: String
        /// What a missing member counts as.
        var fallback: JSON?

        init(stringLiteral value: String) { name = value }

        init(_ name: String, fallback: JSON) {
            self.name = name
            self.fallback = fallback
        }
    }

    indirect enum Kind: Sendable {
        case string, bool, int32, int64, time, microTime, intOrString
        /// Any JSON, kept as it is: FieldsV1.
        case raw
        /// Strings by string. An atomic map is managed as one field.
        case map(isAtomic: Bool)
        case object(Schema, isAtomic: Bool)
        case list(Kind, Merging)
    }

    struct Field: Sendable {
        let name: String
        let number: Int
        let kind: Kind
        let presence: Presence
    }

    /// The Go type, as errors name it.
    let name: String
    /// In JSON order.
    let fields: [Field]
    /// In protobuf order.
    let wireOrder: [Field]
    /// Members that are no fields are kept. For kinds modelled in part only.
    let isOpen: Bool
    private let positions: [String: Int]

    init(_ name: String, isOpen: Bool = false, _ fields: [Field]) {
        self.name = name
        self.fields = fields
        self.isOpen = isOpen
        wireOrder = fields.sorted { $0.number < $1.number }
        positions = Dictionary(uniqueKeysWithValues: fields.enumerated().map { ($1.name, $0) })
    }

    subscript(name: String) -> Field? { positions[name].map { fields[$0] } }

    /// The place of the field `name` in `fields`.
    func position(of name: String) -> Int? { positions[name] }

    /// Go's zero value of this structure in canonical form.
    var empty: JSON { (try? canonical([:]).object) ?? [:] }
}

extension Schema.Field {
    static func value(_ name: String, _ number: Int, _ kind: Schema.Kind) -> Self {
        Self(name: name, number: number, kind: kind, presence: .value)
    }

    static func always(_ name: String, _ number: Int, _ kind: Schema.Kind) -> Self {
        Self(name: name, number: number, kind: kind, presence: .always)
    }

    static func pointer(_ name: String, _ number: Int, _ kind: Schema.Kind) -> Self {
        Self(name: name, number: number, kind: kind, presence: .pointer)
    }
}

extension Schema.Kind {
    static let strings = Schema.Kind.list(.string, .atomic)
    static let stringSet = Schema.Kind.list(.string, .set)

    static func object(_ schema: Schema) -> Schema.Kind { .object(schema, isAtomic: false) }

    static func objects(_ schema: Schema, _ merging: Schema.Merging = .atomic) -> Schema.Kind {
        .list(.object(schema, isAtomic: false), merging)
    }
}
