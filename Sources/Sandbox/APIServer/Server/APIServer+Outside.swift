extension APIServer {
    /// Health, version, discovery and OpenAPI.
    func serveOutsideResources(_ request: ServerRequest, _ responder: Responder) async throws {
        var responder = responder
        let path =
            request.path.count > 1 && request.path.hasSuffix("/") ? String(request.path.dropLast()) : request.path
        let isKnown =
            ["/healthz", "/livez", "/readyz", "/version", "/api", "/apis"].contains(path)
            || path.hasPrefix("/apis/") || path.hasPrefix("/api/") || path.hasPrefix("/openapi/")
        guard isKnown else { return try await responder.sendText(404, "404 page not found\n") }
        guard request.method == "GET" || request.method == "HEAD" else { throw APIStatus.methodNotAllowed }
        switch path {
        case "/healthz", "/livez", "/readyz":
            let health = health(String(path.dropFirst()), isVerbose: request.parameter("verbose") != nil)
            return try await responder.sendText(health.status, health.text)
        case "/version":
            return try await responder.send(200, "application/json", [Self.version.encoded(isIndented: true)])
        default: break
        }
        if path.hasPrefix("/openapi/") { return try await serveOpenAPI(path, request, responder) }
        if let aggregated = Discovery.aggregated(path, request) {
            var headers: HeaderFields = ["Cache-Control": "public", "Etag": aggregated.tag, "Vary": "Accept"]
            if request.headers["If-None-Match"] == aggregated.tag {
                return try await responder.send(304, nil, [], extra: headers)
            }
            headers["Content-Type"] = Discovery.aggregatedType
            return try await responder.send(200, Discovery.aggregatedType, [aggregated.body], extra: headers)
        }
        guard let negotiation = Negotiation(request) else { throw Negotiation.notAcceptable }
        responder.negotiation = negotiation
        guard let document = try Discovery.document(path, address: "\(configuration.host):\(port)") else {
            return try await responder.sendText(404, "404 page not found\n")
        }
        let isIndented = negotiation.format == .json(isIndented: true)
        let body = document.encoded(isIndented: isIndented) + (isIndented ? [] : [0x0A])
        try await responder.send(200, "application/json", [body])
    }

    private static let version: JSON = [
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "swift", "platform": "linux/amd64",
    ]

    /// Checks line by line when one fails or the client wants to see them.
    private func health(_ name: String, isVerbose: Bool) -> (status: Int, text: String) {
        var failing: Set<String> = []
        if name != "livez" {
            if phase == .starting { failing.insert("informer-sync") }
            if phase == .terminating || phase == .draining { failing.insert("shutdown") }
        }
        guard isVerbose || !failing.isEmpty else { return (200, "ok") }
        var lines = ["ping", "log", "informer-sync", "shutdown"].map { check in
            failing.contains(check) ? "[-]\(check) failed: reason withheld" : "[+]\(check) ok"
        }
        lines.append("\(name) check \(failing.isEmpty ? "passed" : "failed")")
        return (failing.isEmpty ? 200 : 500, lines.joined(separator: "\n") + "\n")
    }
}
