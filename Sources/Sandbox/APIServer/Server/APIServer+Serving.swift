internal import Logging

extension APIServer {
    /// Answers one request.
    func serve(_ request: ServerRequest, _ responder: Responder) async throws {
        if try await serveControl(request, responder) { return }
        var responder = responder
        if phase == .draining, !request.path.hasPrefix("/readyz"), !request.path.hasPrefix("/livez") {
            responder.isOutsideServing = true
            try await responder.sendText(
                429,
                "The apiserver is shutting down, please try again later.\n",
                extra: ["Retry-After": "5", "Connection": "close"]
            )
            return
        }
        if let effect = faults.effect(on: request), try await !perform(effect, request, &responder) { return }
        do throws(APIStatus) {
            let user = try access.authenticate(request)
            guard let info = RequestInfo(request), !info.verb.isEmpty else {
                let user = try access.impersonated(request, by: user, nil)
                try access.checkPath(user, request)
                try await escaping { try await serveOutsideResources(request, responder) }
                return
            }
            try await serve(info, request, user, responder)
        } catch {
            if let negotiation = Negotiation(request) { responder.negotiation = negotiation }
            try await responder.send(error)
        }
    }

    /// What a fault does; false when the request was answered by it.
    private func perform(
        _ effect: Faults.Effect,
        _ request: ServerRequest,
        _ responder: inout Responder
    ) async throws -> Bool {
        responder.negotiation = Negotiation(request) ?? .json
        switch effect {
        case .failure(let code, let message):
            try await responder.send(APIStatus(code, code == 500 ? "InternalError" : "", message))
        case .tooManyRequests(let seconds):
            try await responder.sendText(
                429,
                "Too many requests, please try again later.\n",
                extra: ["Retry-After": "\(seconds)"]
            )
        case .delay(let duration):
            try await clock.sleep(for: duration)
            return true
        case .silence:
            let gate = Gate()
            gate.setOpen(false)
            await gate.pass()
        case .cut: responder.writer.abort()
        case .truncation(let count):
            responder.truncation = count
            return true
        case .raw(let bytes): try await responder.writer.raw(bytes)
        case .response(let response): try await responder.writer.send(response)
        }
        return false
    }

    private func serve(
        _ info: RequestInfo,
        _ request: ServerRequest,
        _ user: APIUser,
        _ responder: Responder
    ) async throws(APIStatus) {
        let attributes = AccessAttributes(
            verb: info.verb,
            group: info.group,
            resource: info.qualifiedResource,
            namespace: info.resource == "namespaces" ? info.name : info.namespace,
            name: info.name
        )
        let user = try access.impersonated(request, by: user, attributes)
        try access.check(user, attributes)
        guard Self.groups.contains(info.group) else {
            try await escaping { try await responder.sendText(404, "404 page not found\n") }
            return
        }
        if info.verb == "create", let review = Review(info) {
            try await answer(review, request, user, responder)
            return
        }
        guard let resource = Resources.find(group: info.group, version: info.version, name: info.resource),
            resource.isNamespaced || info.namespace.isEmpty,
            info.subresource.isEmpty || resource.subresources.contains(where: { $0.name == info.subresource })
        else { throw .unknownResource }
        try checkMethod(info, resource)
        var responder = responder
        if let warning = resource.strategy.deprecation { responder.warnings.append(warning) }
        guard let negotiation = Negotiation(request) else { throw Negotiation.notAcceptable }
        responder.negotiation = negotiation
        responder.acceptsGzip = (request.headers["Accept-Encoding"] ?? "").contains("gzip")
        let call = Call(request: request, info: info, resource: resource, user: user)
        switch info.verb {
        case "get": try await get(call, responder)
        case "list": try await list(call, responder)
        case "watch": try await watch(call, responder)
        default: try await write(call, responder)
        }
    }

    private func checkMethod(_ info: RequestInfo, _ resource: Resource) throws(APIStatus) {
        let isCreateOnObject = info.verb == "create" && !info.name.isEmpty
        let isWriteAcrossNamespaces =
            resource.isNamespaced && info.namespace.isEmpty && !["list", "watch"].contains(info.verb)
        let verbs =
            info.subresource.isEmpty
            ? resource.verbs : resource.subresources.first { $0.name == info.subresource }?.verbs ?? []
        guard verbs.contains(info.verb), !isCreateOnObject, !isWriteAcrossNamespaces else {
            throw .methodNotAllowed
        }
    }

    /// The groups served; another one is answered as if nothing were there.
    static let groups =
        Set(Resources.all.map(\.group)).union(["authorization.k8s.io", "authentication.k8s.io"])

    /// A request for a resource, taken apart.
    struct Call: Sendable {
        let request: ServerRequest
        let info: RequestInfo
        let resource: Resource
        let user: APIUser
    }

    /// Runs what may throw anything; a lost connection needs no answer.
    func escaping(_ body: () async throws -> Void) async throws(APIStatus) {
        do {
            try await body()
        } catch let failure as APIStatus {
            throw failure
        } catch {
            logger.debug("connection lost", metadata: ["error": "\(error)"])
        }
    }
}
