extension ConsulServer {
    mutating func answerKey(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        switch call.request.method {
        case "GET": try readKey(call, attempt)
        case "PUT": try writeKey(call)
        default: try deleteKey(call)
        }
    }

    private mutating func readKey(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        if call.has("keys") { return try listKeys(call, attempt) }
        if call.has("recurse") { return try readTree(call, attempt) }
        guard !call.suffix.isEmpty else { throw .refused(400, "Missing key name") }
        return try read(call, .key(call.suffix), attempt, form: .plain) { server, authorizer throws(Interruption) in
            try server.require(authorizer.canRead(.key, call.suffix))
            guard let record = server.state.keys[call.suffix] else { return ServerResponse(404) }
            guard call.has("raw") else { return server.json(call) { writer in writer.array([record]) { $0.key($1) } } }
            return ServerResponse(
                200,
                headers: [
                    "Content-Type": "text/plain", "X-Content-Type-Options": "nosniff",
                    "Content-Security-Policy": "sandbox",
                ],
                body: record.value
            )
        }
    }

    private mutating func readTree(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        try read(call, .keys(under: call.suffix), attempt, form: .plain) { server, authorizer in
            let records = server.state.keys(under: call.suffix).filter { authorizer.canRead(.key, $0.key) }
            guard !records.isEmpty else { return ServerResponse(404) }
            return server.json(call) { writer in writer.array(records) { $0.key($1) } }
        }
    }

    /// With a separator, what follows it is cut off and each beginning is listed once.
    private mutating func listKeys(_ call: ConsulCall, _ attempt: Attempt) throws(Interruption) -> ServerResponse {
        try read(call, .keys(under: call.suffix), attempt, form: .plain) { server, authorizer in
            let all = server.state.keys(under: call.suffix).map(\.key).filter { authorizer.canRead(.key, $0) }
            guard !all.isEmpty else { return ServerResponse(404) }
            let separator = call.request.parameter("separator") ?? ""
            var keys: [String] = []
            for key in all {
                let shown = Self.beginning(of: key, behind: call.suffix, upTo: separator)
                if keys.last != shown { keys.append(shown) }
            }
            return server.json(call) { writer in writer.array(keys) { $0.string($1) } }
        }
    }

    private static func beginning(of key: String, behind prefix: String, upTo separator: String) -> String {
        guard !separator.isEmpty, let cut = key.dropFirst(prefix.count).firstRange(of: separator) else { return key }
        return String(key[..<cut.upperBound])
    }

    private mutating func writeKey(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        guard !call.suffix.isEmpty else { throw .refused(400, "Missing key name") }
        try requireOneCondition(call, of: ["cas", "acquire", "release"])
        let size = call.request.body.count
        guard size <= Self.maximumBody else {
            throw .refused(413, "Request body(\(size) bytes) too large, max size: \(Self.maximumBody) bytes.")
        }
        try requireWritable(call)
        var entry = KeyRecord(key: call.suffix, value: call.request.body)
        entry.flags = try number(call, "flags") ?? 0
        try require(try authorizer(call).canWrite(.key, call.suffix))
        let condition = try number(call, "cas")
        if let session = call.request.parameter("acquire") {
            entry.session = session
            // Decided before raft: no index is taken.
            if (state.lockDelays[call.suffix] ?? .zero) > call.now { return json(call) { $0.bool(false) } }
            return try changeKey(call) { state, index throws(StateFailure) in
                try state.lockKey(entry, index: index) != nil
            }
        }
        if let session = call.request.parameter("release") {
            entry.session = session
            return try changeKey(call) { state, index throws(StateFailure) in
                try state.unlockKey(entry, index: index) != nil
            }
        }
        if let condition {
            entry.modifyIndex = condition
            return try changeKey(call) { state, index in state.compareAndSetKey(entry, index: index) != nil }
        }
        return try changeKey(call) { state, index in
            _ = state.setKey(entry, index: index)
            return true
        }
    }

    private mutating func deleteKey(_ call: ConsulCall) throws(Interruption) -> ServerResponse {
        try requireOneCondition(call, of: ["recurse", "cas"])
        guard !call.suffix.isEmpty || call.has("recurse") else { throw .refused(400, "Missing key name") }
        try requireWritable(call)
        try require(try authorizer(call).canWrite(.key, call.suffix))
        let condition = try number(call, "cas")
        if call.has("recurse") {
            return try changeKey(call) { state, index in
                state.deleteKeys(under: call.suffix, index: index)
                return true
            }
        }
        return try changeKey(call) { state, index in
            if let condition {
                return state.compareAndDeleteKey(call.suffix, expected: condition, index: index)
            }
            state.deleteKey(call.suffix, index: index)
            return true
        }
    }

    private mutating func changeKey(
        _ call: ConsulCall,
        _ change: (inout ConsulState, UInt64) throws(StateFailure) -> Bool
    ) throws(Interruption) -> ServerResponse {
        let hasChanged: Bool
        do throws(StateFailure) {
            hasChanged = try commit(change)
        } catch {
            throw .refused(500, "raft apply failed: \(error.message)")
        }
        return json(call) { $0.bool(hasChanged) }
    }

    private func requireOneCondition(_ call: ConsulCall, of names: [String]) throws(Interruption) {
        let present = names.filter(call.has)
        guard present.count <= 1 else {
            throw .refused(400, "Conflicting flags: \(present.map { "\($0)=" }.joined(separator: "&"))")
        }
    }

    private func number(_ call: ConsulCall, _ name: String) throws(Interruption) -> UInt64? {
        guard let text = call.request.parameter(name) else { return nil }
        guard let value = UInt64(text) else {
            throw .refused(500, "strconv.ParseUint: parsing \(quoted(text)): invalid syntax")
        }
        return value
    }
}
