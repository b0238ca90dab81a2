/// OpenAPI v2 in the protobuf form older kubectls check manifests with: the definitions of the kinds, from their
/// schemas. Field numbers are those of gnostic's OpenAPIv2.proto.
enum OpenAPIv2 {
    static let document: [UInt8] = {
        var writer = ProtobufWriter()
        writer.string(1, "2.0")
        writer.message(2) { info in
            info.string(1, "Kubernetes")
            info.string(2, "v1.36.0")
        }
        writer.message(8) { paths in
            for resource in Resources.all { paths.message(2) { writePath(resource, to: &$0) } }
        }
        writer.message(9) { definitions in
            for resource in Resources.all {
                definitions.message(1) { named in
                    named.string(1, "\(resource.apiVersion).\(resource.kind)".replacing("/", with: "."))
                    named.message(2) { writeKind(resource, to: &$0) }
                }
            }
            for schema in structures {
                definitions.message(1) { named in
                    named.string(1, name(schema))
                    named.message(2) { write(schema, members: [], to: &$0) }
                }
            }
        }
        return writer.bytes
    }()

    /// Every structure below the kinds, once.
    private static let structures: [Schema] = {
        var found: [Schema] = []
        func add(_ schema: Schema) {
            for inner in schema.fields.flatMap({ structures(in: $0.kind) })
            where !found.contains(where: { $0 === inner }) {
                found.append(inner)
                add(inner)
            }
        }
        for resource in Resources.all { add(resource.schema) }
        return found
    }()

    /// Structures of the same Go name in different groups are told apart by their place.
    private static func name(_ schema: Schema) -> String {
        "io.k8s.\(structures.firstIndex { $0 === schema } ?? 0).\(schema.name)"
    }

    private static func structures(in kind: Schema.Kind) -> [Schema] {
        switch kind {
        case .object(let schema, _): [schema]
        case .list(let element, _): structures(in: element)
        default: []
        }
    }

    /// A PATCH that knows `dryRun`: that is how kubectl finds out whether it may ask for it.
    private static func writePath(_ resource: Resource, to writer: inout ProtobufWriter) {
        writer.string(1, OpenAPIv3.path(resource))
        writer.message(2) { path in
            path.message(8) { patch in
                patch.message(8) { item in
                    item.message(1) { parameter in
                        parameter.message(2) { anywhere in
                            anywhere.message(3) { query in
                                query.string(2, "query")
                                query.string(4, "dryRun")
                            }
                        }
                    }
                }
                patch.message(13) { attribute in
                    attribute.string(1, "x-kubernetes-group-version-kind")
                    attribute.message(2) { $0.string(2, kindText(resource, indentation: "")) }
                }
            }
        }
    }

    private static func kindText(_ resource: Resource, indentation: String) -> String {
        ["group: \"\(resource.group)\"", "kind: \(resource.kind)", "version: \(resource.version)", ""]
            .joined(separator: "\n\(indentation)")
    }

    private static func writeKind(_ resource: Resource, to writer: inout ProtobufWriter) {
        write(resource.schema, members: ["apiVersion", "kind"], to: &writer)
        writer.message(31) { attribute in
            attribute.string(1, "x-kubernetes-group-version-kind")
            attribute.message(2) { $0.string(2, "- " + kindText(resource, indentation: "  ")) }
        }
    }

    private static func write(_ schema: Schema, members: [String], to writer: inout ProtobufWriter) {
        writeType("object", to: &writer)
        guard !schema.isOpen else { return }
        writer.message(25) { properties in
            for member in members {
                properties.message(1) { named in
                    named.string(1, member)
                    named.message(2) { writeType("string", to: &$0) }
                }
            }
            for field in schema.fields {
                properties.message(1) { named in
                    named.string(1, field.name)
                    named.message(2) { write(field.kind, to: &$0) }
                }
            }
        }
    }

    private static func write(_ kind: Schema.Kind, to writer: inout ProtobufWriter) {
        switch kind {
        case .string: writeType("string", to: &writer)
        case .bool: writeType("boolean", to: &writer)
        case .int32, .int64: writeType("integer", to: &writer)
        case .time, .microTime:
            writer.string(2, "date-time")
            writeType("string", to: &writer)
        case .intOrString:
            writer.string(2, "int-or-string")
            writeType("string", to: &writer)
        case .raw: writeType("object", to: &writer)
        case .map:
            writer.message(21) { $0.message(1) { writeType("string", to: &$0) } }
            writeType("object", to: &writer)
        case .object(let schema, _): writer.string(1, "#/definitions/\(name(schema))")
        case .list(let element, let merging):
            writeType("array", to: &writer)
            writer.message(23) { $0.message(1) { write(element, to: &$0) } }
            writeMerging(merging, to: &writer)
        }
    }

    /// What `kubectl apply` builds its patches by.
    private static func writeMerging(_ merging: Schema.Merging, to writer: inout ProtobufWriter) {
        var extensions: [(String, String)] = []
        switch merging {
        case .atomic: return
        case .set: extensions = [("x-kubernetes-patch-strategy", "merge")]
        case .keyed(let keys):
            extensions = [
                ("x-kubernetes-patch-merge-key", keys.first?.name ?? ""), ("x-kubernetes-patch-strategy", "merge"),
            ]
        }
        for (name, value) in extensions {
            writer.message(31) { attribute in
                attribute.string(1, name)
                attribute.message(2) { $0.string(2, "\(value)\n") }
            }
        }
    }

    private static func writeType(_ type: String, to writer: inout ProtobufWriter) {
        writer.message(22) { $0.string(1, type) }
    }
}
