import KubernetesObjects

/// Something a person should know about an object, told where they look: `kubectl describe`.
package struct ObjectEvent: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    package let object: ObjectReference
    package let kind: Kind
    /// In CamelCase, for machines: `AnnotationInvalid`.
    package let reason: String
    package let message: String

    package init(_ kind: Kind, about object: ObjectReference, reason: String, message: String) {
        self.kind = kind
        self.object = object
        self.reason = reason
        self.message = message
    }
}

extension ObjectEvent {
    /// Longer messages are refused by the API.
    private static let messageLimit = 1024

    /// The v1 Event named `name` that says this.
    ///
    /// - Parameters:
    ///   - identity: uid and resourceVersion of the object, where they are known. Without the uid `kubectl describe`
    ///     does not find the Event.
    func json(name: String, identity: JSONValue?, reporter: String, instance: String, at time: Timestamp) -> JSONValue {
        var involved: JSONValue = [
            "apiVersion": .string(object.resource.apiVersion), "kind": .string(object.resource.kind),
            "name": .string(object.name),
        ]
        involved["namespace"] = object.namespace.map(JSONValue.string)
        for key in ["uid", "resourceVersion"] { involved[key] = identity?[key] }
        return [
            "apiVersion": "v1", "kind": "Event",
            // The Event lives where its object does; anywhere else it is refused.
            "metadata": ["name": .string(name), "namespace": .string(object.namespace ?? "default")],
            "involvedObject": involved,
            "type": .string(kind.rawValue), "reason": .string(reason), "message": .string(clippedMessage),
            "source": ["component": .string(reporter)],
            "reportingComponent": .string(reporter), "reportingInstance": .string(instance),
            "firstTimestamp": .string(time.time), "lastTimestamp": .string(time.time), "count": 1,
        ]
    }

    private var clippedMessage: String {
        guard message.utf8.count > Self.messageLimit else { return message }
        var clipped = ""
        var size = "…".utf8.count
        for character in message {
            size += character.utf8.count
            guard size <= Self.messageLimit else { break }
            clipped.append(character)
        }
        return clipped + "…"
    }
}
