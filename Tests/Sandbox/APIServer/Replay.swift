import Testing

@testable import Sandbox

/// Sends recorded requests to a stand-in and compares what comes back with what the real server said.
///
/// Versions, uids and continue tokens of the recording are replaced in later requests by those the stand-in gave in
/// their place.
final class Replay {
    let server: APIServer
    let client: TestClient
    private var known: [String: String] = [:]

    /// The token of every recording is the administrator's.
    init(
        _ configuration: APIServer.Configuration = APIServer.Configuration(),
        clock: any Clock<Duration> = InstantClock()
    ) async throws {
        var configuration = configuration
        configuration.tokens["TOKEN"] = .admin
        server = try await APIServer.start(configuration, clock: clock)
        client = TestClient(port: server.port)
    }

    /// Replays one exchange and compares. `token` stands for the recording's where that was not the administrator's.
    func run(
        _ name: String,
        token: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let recording = try Recording(name)
        let reply = try await send(recording, token: token)
        compare(recording, reply, sourceLocation)
        learn(recording, reply)
    }

    func run(_ names: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for name in names { try await run(name, sourceLocation: sourceLocation) }
    }

    /// Sends a recorded request without comparing: for the state it leaves.
    @discardableResult
    func send(_ recording: Recording, token: String? = nil) async throws -> TestClient.Reply {
        let (target, headers, body) = prepared(recording, token: token)
        return try await client.send(recording.method, target, headers: headers, body: body)
    }

    /// The request with the stand-in's own versions and tokens.
    func prepared(_ recording: Recording, token: String? = nil) -> (String, HeaderFields, [UInt8]?) {
        var headers = recording.request.headers
        headers["Connection"] = nil
        headers["Host"] = nil
        if let token { headers["Authorization"] = "Bearer \(token)" }
        let hasBody = recording.request.headers["Content-Length"] != nil
        let body = hasBody ? Array(translated(String(decoding: recording.request.body, as: UTF8.self)).utf8) : nil
        return (translated(recording.target), headers, body)
    }

    private func translated(_ text: String) -> String {
        var text = text
        for (theirs, ours) in known where text.contains(theirs) {
            text = text.replacing("resourceVersion=\(theirs)", with: "resourceVersion=\(ours)")
                .replacing("\"resourceVersion\":\"\(theirs)\"", with: "\"resourceVersion\":\"\(ours)\"")
            // Uids, tokens and addresses are unlike anything else.
            if theirs.contains("-") || theirs.contains(".") || theirs.utf8.count > 20 {
                text = text.replacing(theirs, with: ours)
            }
        }
        return text
    }

    /// Makes an object as the recorder would have.
    @discardableResult
    func create(_ target: String, _ object: JSON) async throws -> JSON {
        try await write("POST", target, object)
    }

    func write(_ method: String, _ target: String, _ object: JSON) async throws -> JSON {
        let type = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        let reply = try await client.send(
            method,
            target,
            headers: ["Authorization": "Bearer TOKEN", "User-Agent": "recorder/1.0", "Content-Type": type],
            body: object.encoded()
        )
        try #require((200...201).contains(reply.status), "\(reply.text)")
        return try JSON(parsing: reply.body)
    }

    // MARK: - Comparing

    func compare(_ recording: Recording, _ reply: TestClient.Reply, _ sourceLocation: SourceLocation) {
        let name = Comment(rawValue: recording.name)
        #expect(reply.status == recording.status, name, sourceLocation: sourceLocation)
        for header in ["Content-Type", "Retry-After", "Cache-Control", "X-Content-Type-Options", "Vary", "Warning"] {
            let expected = recording.response.headers.values(header)
            #expect(reply.headers.values(header) == expected, "\(name): \(header)", sourceLocation: sourceLocation)
        }
        let type = recording.response.headers["Content-Type"] ?? ""
        do {
            let expected = try Self.lines(recording.response.body, type)
            let actual = try Self.lines(reply.body, reply.headers["Content-Type"] ?? "")
            #expect(actual == expected, name, sourceLocation: sourceLocation)
        } catch {
            Issue.record("\(recording.name): \(error)", sourceLocation: sourceLocation)
        }
    }

    /// A bookmark may come twice.
    private static func lines(_ body: [UInt8], _ type: String) throws -> [String] {
        var lines: [String] = []
        for line in try Shape.lines(body, contentType: type) where line != lines.last || !line.contains("BOOKMARK") {
            lines.append(line)
        }
        return lines
    }

    // MARK: - Learning

    /// Pairs what the recording and the stand-in gave in the same places.
    private func learn(_ recording: Recording, _ reply: TestClient.Reply) {
        guard let theirs = try? JSON(parsing: recording.response.body), let ours = try? JSON(parsing: reply.body) else {
            return
        }
        learn(theirs, ours, "")
    }

    private func learn(_ theirs: JSON, _ ours: JSON, _ name: String) {
        switch (theirs, ours) {
        case (.object(let left), .object(let right)):
            for member in left.list {
                if let other = right[member.name] { learn(member.value, other, member.name) }
            }
        case (.array(let left), .array(let right)):
            for (first, second) in zip(left, right) { learn(first, second, name) }
        case (.string(let left), .string(let right)):
            if ["resourceVersion", "uid", "continue", "clusterIP", "clusterIPs"].contains(name) { known[left] = right }
        default: break
        }
    }

    /// Says that a version of the recording stands for one of the stand-in.
    func learn(version theirs: String, as ours: String) { known[theirs] = ours }
}

/// A clock on which every sleep is over at once; time moves on by it all the same.
final class InstantClock: Clock {
    typealias Instant = ContinuousClock.Instant

    var now: Instant { ContinuousClock.now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        await Task.yield()
    }
}
