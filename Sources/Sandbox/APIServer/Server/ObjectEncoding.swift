extension Negotiation {
    /// An object in canonical form, whole, with its kind.
    func encode(_ object: JSON, kind: String, apiVersion: String, schema: Schema) -> [UInt8] {
        switch format {
        case .protobuf: return ProtobufEnvelope.wrap(schema.protobuf(object), apiVersion: apiVersion, kind: kind)
        case .json(let isIndented):
            return object.typed(kind, apiVersion).encoded(isIndented: isIndented) + (isIndented ? [] : [0x0A])
        case .yaml: return Array(((try? object.typed(kind, apiVersion).yaml()) ?? "").utf8)
        }
    }
}

extension JSON {
    /// The object with kind and apiVersion before everything else.
    func typed(_ kind: String, _ apiVersion: String) -> JSON {
        let type = [
            Member(name: "kind", value: .string(kind)), Member(name: "apiVersion", value: .string(apiVersion)),
        ]
        return .object(Members(list: type + (members ?? [])))
    }
}

/// Turns stored objects of one resource into bytes of one form.
struct ObjectEncoder: Sendable {
    let resource: Resource
    let negotiation: Negotiation
    let now: Timestamp
    /// What rows of a table carry: `Metadata`, `Object` or `None`.
    var includeObject = "Metadata"

    // MARK: - One object

    func encode(_ object: JSON) -> [UInt8] {
        let (object, kind, apiVersion, schema) = transformed(object)
        return negotiation.encode(object, kind: kind, apiVersion: apiVersion, schema: schema)
    }

    private func transformed(_ stored: JSON) -> (JSON, kind: String, apiVersion: String, Schema) {
        switch negotiation.transform {
        case .none: return (versioned(stored), resource.kind, resource.apiVersion, resource.schema)
        case .partialMetadata:
            return (
                ["metadata": stored["metadata"] ?? [:]], "PartialObjectMetadata", "meta.k8s.io/v1",
                Schemas.partialObjectMetadata
            )
        case .table:
            let version = stored[["metadata", "resourceVersion"]] ?? ""
            return (
                table([stored], metadata: ["resourceVersion": version], hasColumns: true), "Table", "meta.k8s.io/v1",
                Schemas.status
            )
        }
    }

    private func versioned(_ stored: JSON) -> JSON {
        guard let conversion = resource.strategy.conversion else { return stored }
        let converted = conversion.fromStorage(stored)
        return (try? resource.schema.canonical(converted, dropsEmptyLists: true).object) ?? converted
    }

    // MARK: - Tables

    func table(_ objects: [JSON], metadata: JSON, hasColumns: Bool) -> JSON {
        let columns = hasColumns ? JSON.array(resource.strategy.columns.map(\.json)) : .null
        return ["metadata": metadata, "columnDefinitions": columns, "rows": .array(objects.map(row))]
    }

    private func row(_ object: JSON) -> JSON {
        var row: JSON = ["cells": .array(resource.strategy.cells(object, now: now))]
        switch includeObject {
        case "None": break
        case "Object": row["object"] = versioned(object).typed(resource.kind, resource.apiVersion)
        default:
            row["object"] = JSON.object(["metadata": object["metadata"] ?? [:]])
                .typed("PartialObjectMetadata", "meta.k8s.io/v1")
        }
        return row
    }

    // MARK: - Lists

    /// A list in pieces, objects by their cached bytes where the form allows.
    func encodeList(_ objects: [StoredObject], metadata: JSON) -> [[UInt8]] {
        let canUseCache = negotiation.transform == .none && resource.strategy.conversion == nil
        switch negotiation.format {
        case .json(isIndented: false) where canUseCache:
            let head = "{\"kind\":\"\(resource.kind)List\",\"apiVersion\":\"\(resource.apiVersion)\",\"metadata\":"
            var pieces = [Array(head.utf8) + metadata.encoded() + Array(",\"items\":[".utf8)]
            for (index, object) in objects.enumerated() {
                pieces.append(Array((index == 0 ? "{" : ",{").utf8) + object.members + [UInt8(ascii: "}")])
            }
            return pieces + [Array("]}\n".utf8)]
        case .protobuf:
            let messages = objects.map { canUseCache ? $0.message : message($0.object) }
            return protobufList(messages, metadata: metadata)
        default:
            return [encodeTree(objects, metadata: metadata)]
        }
    }

    private func message(_ object: JSON) -> [UInt8] {
        let (object, _, _, schema) = transformed(object)
        return schema.protobuf(object)
    }

    private var listKind: (kind: String, apiVersion: String) {
        negotiation.transform == .partialMetadata
            ? ("PartialObjectMetadataList", "meta.k8s.io/v1") : ("\(resource.kind)List", resource.apiVersion)
    }

    private func protobufList(_ messages: [[UInt8]], metadata: JSON) -> [[UInt8]] {
        let canonical = (try? Schemas.listMeta.canonical(metadata).object) ?? metadata
        let listMeta = Schemas.listMeta.protobuf(canonical)
        let headers = messages.map { ProtobufWriter.header(2, length: $0.count) }
        let metaField = ProtobufWriter.header(1, length: listMeta.count) + listMeta
        let length = metaField.count + zip(headers, messages).reduce(0) { $0 + $1.0.count + $1.1.count }
        let (kind, apiVersion) = listKind
        var pieces = [ProtobufEnvelope.prefix(length: length, apiVersion: apiVersion, kind: kind) + metaField]
        for (header, message) in zip(headers, messages) { pieces.append(header + message) }
        return pieces + [ProtobufEnvelope.suffix]
    }

    private func encodeTree(_ objects: [StoredObject], metadata: JSON) -> [UInt8] {
        switch negotiation.transform {
        case .table:
            return negotiation.encode(
                table(objects.map(\.object), metadata: metadata, hasColumns: true),
                kind: "Table",
                apiVersion: "meta.k8s.io/v1",
                schema: Schemas.status
            )
        case .none, .partialMetadata:
            let items = objects.map { stored in
                let (object, kind, apiVersion, _) = transformed(stored.object)
                // Items of a metadata list carry their type, other items do not.
                return negotiation.transform == .partialMetadata ? object.typed(kind, apiVersion) : object
            }
            let (kind, apiVersion) = listKind
            return negotiation.encode(
                ["metadata": metadata, "items": .array(items)],
                kind: kind,
                apiVersion: apiVersion,
                schema: Schemas.status
            )
        }
    }

    // MARK: - Watches

    func encodeEvent(_ type: String, _ object: StoredObject, hasColumns: Bool = false) -> [UInt8] {
        if negotiation.transform == .none, resource.strategy.conversion == nil {
            switch negotiation.format {
            case .protobuf:
                return frame(
                    type,
                    ProtobufEnvelope.wrap(object.message, apiVersion: resource.apiVersion, kind: resource.kind)
                )
            case .json, .yaml:
                let head =
                    "{\"type\":\"\(type)\",\"object\":{\"kind\":\"\(resource.kind)\",\"apiVersion\":\"\(resource.apiVersion)\","
                return Array(head.utf8) + object.members + Array("}}\n".utf8)
            }
        }
        return encodeEvent(type, object.object, hasColumns: hasColumns)
    }

    /// An event about an object that is not stored: a bookmark.
    func encodeEvent(_ type: String, _ stored: JSON, hasColumns: Bool = false) -> [UInt8] {
        let typed: (JSON, kind: String, apiVersion: String, Schema)
        if negotiation.transform == .table {
            let version = stored[["metadata", "resourceVersion"]] ?? ""
            let table = table([stored], metadata: ["resourceVersion": version], hasColumns: hasColumns)
            typed = (table, "Table", "meta.k8s.io/v1", Schemas.status)
        } else {
            typed = transformed(stored)
        }
        return encodeEvent(type, typed.0, kind: typed.kind, apiVersion: typed.apiVersion, schema: typed.3)
    }

    func encodeError(_ failure: APIStatus) -> [UInt8] {
        encodeEvent("ERROR", failure.object, kind: "Status", apiVersion: "v1", schema: Schemas.status)
    }

    private func encodeEvent(
        _ type: String,
        _ object: JSON,
        kind: String,
        apiVersion: String,
        schema: Schema
    ) -> [UInt8] {
        switch negotiation.format {
        case .protobuf:
            return frame(type, ProtobufEnvelope.wrap(schema.protobuf(object), apiVersion: apiVersion, kind: kind))
        case .json, .yaml:
            let event: JSON = ["type": .string(type), "object": object.typed(kind, apiVersion)]
            return event.encoded() + [0x0A]
        }
    }

    /// Four bytes of length, then a WatchEvent, whose object is enveloped.
    private func frame(_ type: String, _ object: [UInt8]) -> [UInt8] {
        var event = ProtobufWriter()
        event.string(1, type)
        event.message(2) { $0.bytes(1, object) }
        let length = UInt32(event.bytes.count)
        return [UInt8(length >> 24), UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
            + event.bytes
    }
}
