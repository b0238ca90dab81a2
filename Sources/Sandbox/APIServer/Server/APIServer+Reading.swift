extension APIServer {
    func get(_ call: Call, _ responder: Responder) async throws(APIStatus) {
        let version = call.request.parameter("resourceVersion") ?? ""
        try await escaping {
            try await withStorage(needed: version != "0", call.request, responder) { [self] in
                let key = ObjectKey(namespace: call.info.namespace, name: call.info.name)
                let found = try store.read { $0.object(call.resource, key) }
                guard let found else { throw APIStatus.notFound(call.resource, call.info.name) }
                let encoder = encoder(call, responder)
                try await responder.send(
                    200,
                    responder.negotiation.contentType,
                    [encoder.encode(found.object)]
                )
            }
        }
    }

    func list(_ call: Call, _ responder: Responder) async throws(APIStatus) {
        let options = try ListOptions(call.request, call.resource, isWatch: false, knowsInitialEvents: true)
        let version = try options.version(isWatch: false)
        if let version, version > store.revision { try await waitInVain(for: version) }
        try await escaping {
            try await withStorage(needed: version == nil, call.request, responder) { [self] in
                let page = try page(call, options, version)
                let encoder = encoder(call, responder)
                try await responder.send(
                    200,
                    responder.negotiation.contentType,
                    encoder.encodeList(page.objects, metadata: page.metadata)
                )
            }
        }
    }

    func encoder(_ call: Call, _ responder: Responder) -> ObjectEncoder {
        ObjectEncoder(
            resource: call.resource,
            negotiation: responder.negotiation,
            now: now(),
            includeObject: call.request.parameter("includeObject") ?? "Metadata"
        )
    }

    /// A version from the future is waited for, then refused.
    private func waitInVain(for version: Int64) async throws(APIStatus) {
        try? await clock.sleep(for: .seconds(3))
        let current = store.revision
        if version > current { throw .tooLargeResourceVersion(version, current: current) }
    }

    private struct Page {
        var objects: [StoredObject]
        var metadata: JSON
    }

    private func page(_ call: Call, _ options: ListOptions, _ version: Int64?) throws(APIStatus) -> Page {
        let namespace: String? =
            call.resource.isNamespaced ? (call.info.namespace.isEmpty ? nil : call.info.namespace) : ""
        var revision: Int64?
        var limit = options.limit
        var after: ObjectKey?
        if !options.continueToken.isEmpty {
            guard version == nil || version == 0 else {
                throw .badRequest("specifying resource version is not allowed when using continue")
            }
            let token = try ContinueToken(options.continueToken)
            after = token.last
            revision = token.revision < 0 ? nil : token.revision
        } else if version == 0 {
            limit = 0
        } else if let version, options.match == .exact || (options.match == nil && limit > 0) {
            revision = version
        }
        let isContinued = after != nil
        return try store.read { state throws(APIStatus) in
            if let revision, revision < state.floor(call.resource).lists {
                guard isContinued, let after else {
                    throw .gone("The resourceVersion for the provided list is too old.")
                }
                throw Self.expiredToken(after)
            }
            let all = state.list(call.resource, namespace: namespace, at: revision)
            var objects = options.hasSelector ? all.filter(options.matches) : all
            if let after { objects.removeAll { $0.key <= after } }
            var metadata: JSON = ["resourceVersion": .string("\(revision ?? state.revision)")]
            if limit > 0, objects.count > limit {
                let rest = objects.count - limit
                objects = Array(objects.prefix(limit))
                let token = ContinueToken(revision: revision ?? state.revision, last: objects[limit - 1].key)
                metadata["continue"] = .string(token.text)
                if !options.hasSelector { metadata["remainingItemCount"] = .int(Int64(rest)) }
            }
            return Page(objects: objects, metadata: metadata)
        }
    }

    private static func expiredToken(_ after: ObjectKey) -> APIStatus {
        var status = APIStatus.gone(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
                + "without the continue parameter, or use the continue token in this response to retrieve the "
                + "remainder of the results. Continuing with the provided token results in an inconsistent list - "
                + "objects that were created, modified, or deleted between the time the first chunk was returned and "
                + "now may show up in the list."
        )
        status.continueToken = ContinueToken(revision: -1, last: after).text
        return status
    }

    // MARK: - Storage

    /// Runs what needs the storage once that is there, or answers 504 after the request's `timeout`. What had begun
    /// goes on all the same: a write answered with 504 happens later.
    func withStorage(
        needed: Bool,
        _ request: ServerRequest,
        _ responder: Responder,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        guard needed, faults.isStorageDown else {
            try await body()
            return
        }
        let timeout = request.parameter("timeout").flatMap(goDuration) ?? .seconds(60)
        let isTimely = await isStorageBack(within: timeout)
        guard !isTimely else {
            try await body()
            return
        }
        let status: JSON = [
            "metadata": [:], "status": "Failure",
            "message": "Timeout: request did not complete within the allotted timeout", "reason": "Timeout",
            "details": [:], "code": 504,
        ]
        try await responder.send(504, "text/plain; charset=utf-8", [status.encoded()])
    }

    func isStorageBack(within timeout: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { [faults] in
                await faults.waitForStorage()
                return !faults.isStorageDown
            }
            group.addTask { [clock] in
                try? await clock.sleep(for: timeout)
                return false
            }
            let isBack = await group.next() ?? false
            group.cancelAll()
            return isBack
        }
    }
}

/// `4s`, `1m30s`: Go's duration text, in the units a `timeout` has.
func goDuration(_ text: String) -> Duration? {
    var total = Duration.zero
    var number = ""
    var unit = ""
    func flush() -> Duration? {
        guard let value = Double(number) else { return nil }
        switch unit {
        case "ms": return .milliseconds(value)
        case "s": return .seconds(value)
        case "m": return .seconds(value * 60)
        case "h": return .seconds(value * 3600)
        default: return nil
        }
    }
    for character in text {
        if character.isNumber || character == "." {
            if !unit.isEmpty {
                guard let part = flush() else { return nil }
                total += part
                number = ""
                unit = ""
            }
            number.append(character)
        } else {
            unit.append(character)
        }
    }
    return flush().map { total + $0 }
}
