extension APIServer {
    func serveOpenAPI(_ path: String, _ request: ServerRequest, _ responder: Responder) async throws {
        switch path {
        case "/openapi/v2":
            // What clients ask for has an @, which Go's media type parser does not take in an answer.
            let type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
            guard (request.headers["Accept"] ?? "").contains("proto-openapi.spec.v2") else {
                return try await responder.sendText(404, "404 page not found\n")
            }
            try await responder.send(200, type, [OpenAPIv2.document])
        case "/openapi/v3":
            try await responder.send(200, "application/json", [OpenAPIv3.index.encoded()])
        default:
            let name = String(path.dropFirst("/openapi/v3/".count))
            guard path.hasPrefix("/openapi/v3/"), let document = OpenAPIv3.document(name) else {
                return try await responder.sendText(404, "404 page not found\n")
            }
            try await responder.send(200, "application/json", [document.encoded()])
        }
    }
}

/// OpenAPI v3 as far as kubectl needs it to leave validation to the server: each kind's PATCH knows `fieldValidation`.
enum OpenAPIv3 {
    private static var groupVersions: [String] {
        var names: [String] = []
        for resource in Resources.all where !names.contains(name(resource)) { names.append(name(resource)) }
        return names
    }

    private static func name(_ resource: Resource) -> String {
        resource.group.isEmpty ? "api/v1" : "apis/\(resource.apiVersion)"
    }

    /// The path of one object.
    static func path(_ resource: Resource) -> String {
        "/\(name(resource))/" + (resource.isNamespaced ? "namespaces/{namespace}/" : "") + "\(resource.name)/{name}"
    }

    static var index: JSON {
        let paths = groupVersions.map { name in
            JSON.Member(name: name, value: ["serverRelativeURL": .string("/openapi/v3/\(name)?hash=1")])
        }
        return ["paths": .object(JSON.Members(list: paths))]
    }

    static func document(_ name: String) -> JSON? {
        let resources = Resources.all.filter { self.name($0) == name }
        guard !resources.isEmpty else { return nil }
        let parameter: JSON = ["name": "fieldValidation", "in": "query", "schema": ["type": "string"]]
        let paths = resources.map { resource in
            JSON.Member(
                name: "/\(name)/" + (resource.isNamespaced ? "namespaces/{namespace}/" : "")
                    + "\(resource.name)/{name}",
                value: [
                    "patch": [
                        "parameters": [parameter], "responses": [:],
                        "x-kubernetes-group-version-kind": [
                            "group": .string(resource.group), "version": .string(resource.version),
                            "kind": .string(resource.kind),
                        ],
                    ]
                ]
            )
        }
        return [
            "openapi": "3.0.0", "info": ["title": "Kubernetes", "version": "1"],
            "paths": .object(JSON.Members(list: paths)),
        ]
    }
}
