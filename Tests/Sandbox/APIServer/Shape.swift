@testable import Sandbox

/// A body with what differs from run to run replaced by its form, so that two bodies can be compared exactly.
enum Shape {
    /// The lines of a response body: one JSON text, one per event of a watch, or plain text.
    static func lines(_ body: [UInt8], contentType: String) throws -> [String] {
        if contentType.hasPrefix("application/vnd.kubernetes.protobuf") {
            return try contentType.contains("stream=watch") ? frames(body) : [protobuf(body[...])]
        }
        guard contentType.hasPrefix("application/json") || body.first == UInt8(ascii: "{") else {
            return [text(String(decoding: body, as: UTF8.self))]
        }
        let isIndented = body.starts(with: [UInt8(ascii: "{"), 0x0A])
        if isIndented { return [json(try JSON(parsing: body)).text] }
        return try body.split(separator: 0x0A).map { json(try JSON(parsing: Array($0))).text }
    }

    /// The events of a binary watch.
    private static func frames(_ body: [UInt8]) throws -> [String] {
        var rest = body[...]
        var lines: [String] = []
        while rest.count >= 4 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            var event = ProtobufReader(rest.prefix(length))
            rest = rest.dropFirst(length)
            var line = ""
            while let (number, value) = try event.next() {
                if number == 1 { line = try value.text() }
                guard number == 2 else { continue }
                var raw = ProtobufReader(try value.message())
                if let (_, object) = try raw.next() { line += " " + (try protobuf(try object.message())) }
            }
            lines.append(line)
        }
        return lines
    }

    /// An enveloped object as the JSON it stands for, with every field it has.
    static func protobuf(_ body: ArraySlice<UInt8>) throws -> String {
        let (type, message) = try ProtobufEnvelope.open(body.dropFirst(4))
        let object: JSON
        if type.kind.hasSuffix("List") {
            var list = ProtobufReader(message)
            var items: [JSON] = []
            var metadata: JSON = [:]
            while let (number, value) = try list.next() {
                if number == 1 {
                    metadata = try Schemas.listMeta.object(protobuf: try value.message())
                } else {
                    let schema = schema(String(type.kind.dropLast(4)), type.apiVersion)
                    items.append(try schema.object(protobuf: try value.message()))
                }
            }
            object = ["metadata": metadata, "items": .array(items)]
        } else {
            object = try schema(type.kind, type.apiVersion).object(protobuf: message)
        }
        return json(object.typed(type.kind, type.apiVersion)).text
    }

    static func schema(_ kind: String, _ apiVersion: String) -> Schema {
        if let resource = Resources.find(apiVersion: apiVersion, kind: kind) { return resource.schema }
        switch kind {
        case "SelfSubjectAccessReview": return Schemas.selfSubjectAccessReview
        case "PartialObjectMetadata": return Schemas.partialObjectMetadata
        default: return Schemas.status
        }
    }

    // MARK: - Forms

    static func json(_ value: JSON, _ name: String = "") -> JSON {
        switch value {
        case .object(let members):
            return .object(
                JSON.Members(list: members.list.map { JSON.Member(name: $0.name, value: json($0.value, $0.name)) })
            )
        case .array(let elements):
            let items = elements.map { json($0, name) }
            // Within a second the order of managers is by name, beyond it by time.
            return .array(name == "managedFields" ? items.sorted { $0.text < $1.text } : items)
        case .int(let number):
            return ["nodePort", "healthCheckNodePort"].contains(name) ? .string("<port>") : .int(number)
        case .string(let string): return .string(form(string, name))
        default: return value
        }
    }

    private static func form(_ text: String, _ name: String) -> String {
        switch name {
        case "resourceVersion": return Int64(text) == nil ? text : text == "0" ? "0" : "<version>"
        case "continue": return text.isEmpty ? "" : "<token>"
        case "creationTimestamp", "deletionTimestamp", "time": return Timestamp(text) == nil ? text : "<time>"
        case "cells": return text.replacing(#/^[0-9]+[smhd]([0-9]+[smhd])?$/#, with: "<age>").masked
        // Column descriptions are the documentation's sentences.
        case "description": return ""
        default: return text.masked
        }
    }

    private static func text(_ text: String) -> String { text.masked }
}

extension String {
    /// Identifiers, allocated addresses and ports, generated names and versions inside messages. Looking for what a
    /// pattern cannot do without spares most strings the search.
    fileprivate var masked: String {
        var text = self
        func mask(ifHas needle: String, _ replacement: (String) -> String) {
            if text.utf8.count > needle.utf8.count, text.contains(needle) { text = replacement(text) }
        }
        mask(ifHas: "-4") {
            $0.replacing(#/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/#, with: "<uid>")
        }
        mask(ifHas: "10.") { $0.replacing(#/\b10\.(96|100)\.[0-9]+\.[0-9]+/#, with: "<ipv4>") }
        mask(ifHas: "fd00:") { $0.replacing(#/\bfd00:10:96::[0-9a-f:]+/#, with: "<ipv6>") }
        mask(ifHas: "/TCP") { $0.replacing(#/:3[0-2][0-9]{3}\/TCP/#, with: ":<port>/TCP") }
        for prefix in ["gen-", "stale.", "x."] {
            mask(ifHas: prefix) {
                $0.replacing(#/\b(gen-|stale\.|x\.)[b-z2-9]{5}\b/#) { "\($0.output.1)<suffix>" }
            }
        }
        for word in ["record ", "current: "] {
            mask(ifHas: word) { $0.replacing(#/(record |current: )\(?[0-9]+\)?/#) { "\($0.output.1)<version>" } }
        }
        mask(ifHas: "too old") {
            $0.replacing(#/too old resource version: [0-9]+ \([0-9]+\)/#, with: "too old resource version: <version>")
        }
        return text
    }
}
