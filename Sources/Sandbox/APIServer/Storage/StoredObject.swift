/// An object as one version of it is kept, with its encodings made once.
final class StoredObject: Sendable {
    let key: ObjectKey
    let revision: Int64
    /// In canonical form of the stored version, without kind and apiVersion.
    let object: JSON
    let labels: [String: String]
    /// The JSON members inside the braces, as lists have them.
    let members: [UInt8]
    /// The protobuf message, without envelope.
    let message: [UInt8]

    /// `object` is in canonical form, without empty lists; its version may be another or missing.
    init(_ object: JSON, key: ObjectKey, revision: Int64, schema: Schema) {
        var object = object
        var metadata = object["metadata"] ?? [:]
        metadata["resourceVersion"] = .string("\(revision)")
        // Another pass puts the version where Go has it.
        object["metadata"] = (try? Schemas.objectMeta.canonical(metadata).object) ?? metadata
        self.object = object
        self.key = key
        self.revision = revision
        labels = (metadata["labels"] ?? [:]).strings
        let encoded = object.encoded()
        members = Array(encoded[1..<encoded.count - 1])
        message = schema.protobuf(object)
    }

    var uid: String { object[["metadata", "uid"]]?.string ?? "" }
}

/// A name in a namespace; cluster-scoped objects have an empty one. Sorted as etcd sorts their keys.
struct ObjectKey: Hashable, Sendable, Comparable {
    let namespace: String
    let name: String

    static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        left.namespace == right.namespace ? left.name < right.name : left.namespace < right.namespace
    }
}
