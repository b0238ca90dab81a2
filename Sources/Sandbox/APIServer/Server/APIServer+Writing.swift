extension APIServer {
    /// Create, update, patch, delete and deletecollection.
    func write(_ call: Call, _ responder: Responder) async throws(APIStatus) {
        let operation = try operation(call)
        guard faults.isStorageDown else {
            let answer = try answer(call, operation)
            try await escaping { try await send(answer, call, responder) }
            return
        }
        // The write outlives a request that gives up waiting.
        let pending = Task { [self] () throws -> Answer in
            await faults.waitForStorage()
            return try self.answer(call, operation)
        }
        try await escaping {
            try await withStorage(needed: true, call.request, responder) { [self] in
                try await send(try await pending.value, call, responder)
            }
        }
    }

    /// A write as asked for, its body read.
    private enum Operation: Sendable {
        case create(JSON, warnings: [String])
        case replace(JSON, warnings: [String])
        case patch(ObjectWriter.Patch, BodyDecoder)
        case apply(JSON, isForced: Bool, BodyDecoder)
        case delete(ObjectWriter.Preconditions)
        case deleteCollection(ListOptions)
    }

    private struct Answer: Sendable {
        enum Content: Sendable {
            case object(JSON)
            case list([StoredObject], revision: Int64)
            case success(uid: String)
        }

        var status = 200
        var content: Content
        var warnings: [String] = []
    }

    private func send(_ answer: Answer, _ call: Call, _ responder: Responder) async throws {
        var responder = responder
        responder.warnings += answer.warnings
        let encoder = encoder(call, responder)
        let type = responder.negotiation.contentType
        switch answer.content {
        case .object(let object): try await responder.send(answer.status, type, [encoder.encode(object)])
        case .list(let objects, let revision):
            let metadata: JSON = ["resourceVersion": .string("\(revision)")]
            try await responder.send(answer.status, type, encoder.encodeList(objects, metadata: metadata))
        case .success(let uid):
            let status: JSON = [
                "status": "Success",
                "details": [
                    "name": .string(call.info.name), "group": .string(call.resource.group),
                    "kind": .string(call.resource.name), "uid": .string(uid),
                ],
            ]
            let form = Negotiation(format: responder.negotiation.format)
            let canonical = (try? Schemas.status.canonical(status).object) ?? status
            let body = form.encode(canonical, kind: "Status", apiVersion: "v1", schema: Schemas.status)
            try await responder.send(answer.status, type, [body])
        }
    }

    // MARK: - Reading the request

    private func operation(_ call: Call) throws(APIStatus) -> Operation {
        let request = call.request
        let contentType = request.headers["Content-Type"]
        let validation = BodyDecoder.FieldValidation(rawValue: request.parameter("fieldValidation") ?? "") ?? .warn
        var decoder = BodyDecoder(call.resource, validation: validation)
        switch call.info.verb {
        case "create":
            let object = try decoder.decode(request.body, contentType: contentType)
            return .create(object, warnings: decoder.warnings)
        case "update":
            let object = try decoder.decode(request.body, contentType: contentType)
            return .replace(object, warnings: decoder.warnings)
        case "delete": return .delete(try preconditions(request, contentType))
        case "deletecollection":
            return .deleteCollection(
                try ListOptions(request, call.resource, isWatch: false, knowsInitialEvents: true)
            )
        default: break
        }
        switch mediaType(contentType) {
        case "application/json-patch+json":
            guard let operations = try decoder.parse(request.body).array else {
                throw .badRequest(
                    "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
                )
            }
            return .patch(.json(operations), decoder)
        case "application/merge-patch+json": return .patch(.merge(try decoder.parse(request.body)), decoder)
        case "application/strategic-merge-patch+json":
            return .patch(.strategic(try decoder.parse(request.body)), decoder)
        case "application/apply-patch+yaml":
            guard request.parameter("fieldManager")?.isEmpty == false else {
                throw .invalidOptions("PatchOptions", .required("fieldManager", "is required for apply patch"))
            }
            let isForced = ["true", "1"].contains(request.parameter("force") ?? "")
            return .apply(try decoder.parseYAML(request.body), isForced: isForced, decoder)
        default:
            throw APIStatus(
                415,
                "UnsupportedMediaType",
                "415: Unsupported Media Type",
                details: APIStatus.Details()
            )
        }
    }

    private func preconditions(
        _ request: ServerRequest,
        _ contentType: String?
    ) throws(APIStatus) -> ObjectWriter.Preconditions {
        guard !request.body.isEmpty else { return ObjectWriter.Preconditions() }
        var decoder = BodyDecoder(
            kind: "DeleteOptions",
            apiVersion: nil,
            schema: Schemas.deleteOptions,
            validation: .ignore
        )
        let body = try decoder.decode(request.body, contentType: contentType)
        return ObjectWriter.Preconditions(
            uid: body[["preconditions", "uid"]]?.string,
            resourceVersion: body[["preconditions", "resourceVersion"]]?.string
        )
    }

    // MARK: - Deciding

    private func answer(_ call: Call, _ operation: Operation) throws(APIStatus) -> Answer {
        let writer = writer(call)
        return try store.write { state throws(APIStatus) in
            switch operation {
            case .create(let object, let warnings):
                return Self.answer(try writer.create(object, in: &state), warnings)
            case .replace(let object, let warnings):
                return Self.answer(try writer.replace(object, name: call.info.name, in: &state), warnings)
            case .patch(let patch, var decoder):
                let result = try writer.patch(patch, name: call.info.name, decoder: &decoder, in: &state)
                return Self.answer(result, decoder.warnings)
            case .apply(let configuration, let isForced, var decoder):
                let result = try writer.apply(
                    configuration,
                    name: call.info.name,
                    isForced: isForced,
                    decoder: &decoder,
                    in: &state
                )
                return Self.answer(result, decoder.warnings)
            case .delete(let preconditions):
                return try Self.delete(call, writer, preconditions, in: &state)
            case .deleteCollection(let options):
                let revision = state.revision
                let chosen = state.list(call.resource, namespace: call.info.namespace).filter(options.matches)
                for object in chosen { _ = try writer.delete(object.key.name, in: &state) }
                return Answer(content: .list(chosen, revision: revision))
            }
        }
    }

    private func writer(_ call: Call) -> ObjectWriter {
        let agent = call.request.headers["User-Agent"] ?? "unknown"
        let manager = call.request.parameter("fieldManager").flatMap { $0.isEmpty ? nil : $0 }
        return ObjectWriter(
            resource: call.resource,
            namespace: call.info.namespace,
            manager: manager ?? String(agent.prefix { $0 != "/" }.prefix(128)),
            subresource: call.info.subresource,
            isDryRun: call.request.parameter("dryRun") == "All",
            now: now(),
            finalizesNamespaces: configuration.finalizesNamespaces
        )
    }

    private static func answer(_ result: ObjectWriter.Result, _ warnings: [String] = []) -> Answer {
        Answer(
            status: result.isCreated ? 201 : 200,
            content: .object(result.object),
            warnings: warnings + result.warnings
        )
    }

    private static func delete(
        _ call: Call,
        _ writer: ObjectWriter,
        _ preconditions: ObjectWriter.Preconditions,
        in state: inout Store.State
    ) throws(APIStatus) -> Answer {
        switch try writer.delete(call.info.name, preconditions, in: &state) {
        case .held(let object): return Answer(content: .object(object))
        case .deleted(let object):
            if call.resource.strategy.deletionReturnsObject { return Answer(content: .object(object)) }
            return Answer(content: .success(uid: object[["metadata", "uid"]]?.string ?? ""))
        }
    }
}
