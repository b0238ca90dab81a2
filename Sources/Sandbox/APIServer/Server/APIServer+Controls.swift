extension APIServer {
    /// Faults over HTTP, for the demo and for people: POST to `/sandbox/NAME`. False when the path is no control.
    func serveControl(_ request: ServerRequest, _ responder: Responder) async throws -> Bool {
        guard configuration.hasControls, request.path.hasPrefix("/sandbox/") else { return false }
        let name = String(request.path.dropFirst("/sandbox/".count))
        if name == "state", request.method == "GET" {
            let state: JSON = [
                "resourceVersion": .int(resourceVersion), "watches": .int(Int64(watches)),
                "connections": .int(Int64(http?.counts.open ?? 0)), "requests": .int(Int64(http?.counts.requests ?? 0)),
            ]
            try await responder.send(200, "application/json", [state.encoded() + [0x0A]])
            return true
        }
        guard let control = Self.controls[name] else {
            let known = Self.controls.keys.sorted().joined(separator: ", ")
            try await responder.sendText(404, "no control \"\(name)\"; known are \(known)\n")
            return true
        }
        guard request.method == "POST" else {
            try await responder.sendText(405, "controls are used with POST\n")
            return true
        }
        try await responder.sendText(200, "done\n")
        control(self)
        return true
    }

    private static let controls: [String: @Sendable (APIServer) -> Void] = [
        "cut-watches": { $0.cutWatches() },
        "end-watches": { $0.endWatches() },
        "expire-watches": { $0.expireWatches() },
        "mute-watches": { $0.faults.muteOpenWatches() },
        "unmute-watches": { $0.faults.unmuteWatches() },
        "compact": { $0.compact() },
        "storage-down": { $0.faults.setStorageDown(true) },
        "storage-up": { $0.faults.setStorageDown(false) },
    ]
}
