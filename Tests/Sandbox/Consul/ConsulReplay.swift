import Testing

@testable import Sandbox

/// Sends recorded requests to a stand-in in recorded order and compares what comes back, byte for byte where nothing
/// in it depends on the day.
final class ConsulReplay {
    enum Comparison {
        /// The body is the same once ids made by the server are exchanged.
        case bytes
        /// The same elements in any order: the real server walked a hash map.
        case unorderedElements
        /// The same structure; strings named here only by their form.
        case form(of: Set<String>)
        /// Only this member was kept of the recorded body.
        case member(String)
        /// The body is compressed; unpacked it is that of another exchange.
        case gzip(of: String)
    }

    let standIn: ConsulStandIn
    let clock: SteppedClock
    let client: TestClient
    private(set) var played: Set<String> = []
    /// Ids in the recording, and what the stand-in made in their place.
    private var ids: [(recorded: String, own: String)] = []

    init(_ settings: ConsulSettings, access: AccessControl? = nil) async throws {
        clock = SteppedClock()
        standIn = try await ConsulStandIn.start(settings, access: access, clock: clock)
        client = TestClient(port: standIn.port)
    }

    static func settings(isDevelopment: Bool = true, firstIndex: UInt64 = 11) -> ConsulSettings {
        var settings = ConsulSettings()
        settings.nodeName = "vm"
        settings.nodeID = "3ff0d9ff-6d51-f180-1356-79e496ce734a"
        settings.isDevelopment = isDevelopment
        settings.firstIndex = firstIndex
        return settings
    }

    func play(_ names: String..., token: String? = nil) async throws {
        for name in names { try await play(name, .bytes, token: token) }
    }

    func play(_ name: String, _ comparison: Comparison, token: String? = nil) async throws {
        let exchange = try RecordedExchange(name)
        let reply = try await send(exchange, token: token)
        try check(reply, exchange, comparison)
    }

    /// Begins an exchange that will wait, does what happened meanwhile, and compares the answer.
    func play(_ name: String, token: String? = nil, meanwhile: (ConsulReplay) async throws -> Void) async throws {
        let exchange = try RecordedExchange(name)
        let (client, request) = (client, prepared(exchange, token: token))
        let pending = Task {
            try await client.send(request.method, request.target, headers: request.headers, body: request.body)
        }
        await standIn.whenWaiting(requests: 1)
        try await meanwhile(self)
        try check(try await pending.value, exchange, .bytes)
    }

    /// What the recorder did without keeping the exchange.
    func unrecorded(_ method: String, _ target: String, _ body: String? = nil) async throws {
        let reply = try await client.send(method, target, body: body.map { Array($0.utf8) })
        #expect(reply.status == 200, "\(method) \(target): \(reply.text)")
    }

    func unrecorded(indexes: UInt64) { standIn.skipIndexes(indexes) }

    func send(_ exchange: RecordedExchange, token: String? = nil) async throws -> TestClient.Reply {
        let request = prepared(exchange, token: token)
        return try await client.send(request.method, request.target, headers: request.headers, body: request.body)
    }

    typealias Request = (method: String, target: String, headers: HeaderFields, body: [UInt8]?)

    func prepared(_ exchange: RecordedExchange, token: String?) -> Request {
        var headers = HeaderFields()
        for field in exchange.requestHeaders.fields {
            headers.append(field.name, token.map { field.value.replacing("TOKEN", with: $0) } ?? field.value)
        }
        let target = ids.reduce(exchange.target) { $0.replacing($1.recorded, with: $1.own) }
        return (exchange.method, target, headers, exchange.requestBody)
    }

    func check(_ reply: TestClient.Reply, _ exchange: RecordedExchange, _ comparison: Comparison) throws {
        played.insert(exchange.name)
        #expect(reply.status == exchange.status, "\(exchange.name): \(reply.text)")
        checkHeaders(reply, exchange)
        learnID(reply, exchange)
        let recorded = ids.reduce(String(decoding: exchange.body, as: UTF8.self)) {
            $0.replacing($1.recorded, with: $1.own)
        }
        switch comparison {
        case .bytes:
            #expect(reply.text == recorded, "\(exchange.name)")
            let isChunked = exchange.headers["Transfer-Encoding"] != nil
            #expect((reply.headers["Transfer-Encoding"] != nil) == isChunked, "\(exchange.name)")
            #expect(reply.headers["Content-Length"] == exchange.headers["Content-Length"], "\(exchange.name)")
        case .unorderedElements:
            let (own, wanted) = (try elements(reply.text), try elements(recorded))
            #expect(own.count == wanted.count && wanted.allSatisfy(own.contains), "\(exchange.name): \(reply.text)")
        case .form(let names):
            let own = try GoJSON(parsing: reply.body).blanking(names)
            let wanted = try GoJSON(parsing: Array(recorded.utf8)).blanking(names)
            #expect(own == wanted, "\(exchange.name)")
        case .member(let name):
            let own = try GoJSON(parsing: reply.body)[name]
            let wanted = try GoJSON(parsing: Array(recorded.utf8))[name]
            #expect(own != nil && own == wanted, "\(exchange.name)")
        case .gzip(let other):
            #expect(reply.headers["Content-Encoding"] == "gzip")
            let wanted = try RecordedExchange(other).body
            #expect(unpacked(reply.body) == wanted, "\(exchange.name)")
        }
    }

    private func checkHeaders(_ reply: TestClient.Reply, _ exchange: RecordedExchange) {
        let names = Self.names(exchange.headers)
        #expect(Self.names(reply.headers) == names, "\(exchange.name)")
        for name in names {
            let (own, recorded) = (reply.headers[name] ?? "", exchange.headers[name] ?? "")
            switch name {
            case "X-Consul-Contenthash":
                #expect(own.count == 16 && own.allSatisfy(\.isHexDigit), "\(exchange.name)")
            case "X-Consul-Lastcontact" where recorded != "0": #expect(Int(own) ?? 0 > 0, "\(exchange.name)")
            default: #expect(own == recorded, "\(exchange.name): \(name)")
            }
        }
    }

    /// In their spelling, without those of framing and the date.
    private static func names(_ headers: HeaderFields) -> Set<String> {
        Set(
            headers.fields.map(\.name).filter {
                !["connection", "content-length", "date", "transfer-encoding"].contains($0.lowercased())
            }
        )
    }

    private func learnID(_ reply: TestClient.Reply, _ exchange: RecordedExchange) {
        if exchange.target == "/v1/session/create", exchange.status == 200,
            case .string(let recorded)? = try? GoJSON(parsing: exchange.body)["ID"],
            case .string(let own)? = try? GoJSON(parsing: reply.body)["ID"]
        {
            ids.append((recorded, own))
        }
        if let recorded = exchange.headers["X-Consul-Contenthash"], let own = reply.headers["X-Consul-Contenthash"] {
            ids.append((recorded, own))
        }
    }

    private func elements(_ text: String) throws -> [GoJSON] {
        guard case .array(let elements) = try GoJSON(parsing: Array(text.utf8)) else { return [] }
        return elements
    }

    /// Undoes gzip whose blocks are stored.
    private func unpacked(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes.dropFirst(10)
        while let kind = rest.first, kind < 2 {
            let header = Array(rest.prefix(5))
            let length = Int(header[1]) | Int(header[2]) << 8
            result += rest.dropFirst(5).prefix(length)
            rest = rest.dropFirst(5 + length)
            if kind == 1 { break }
        }
        return result
    }
}

extension GoJSON {
    subscript(_ name: String) -> GoJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// With the text of these members left out, wherever they are.
    func blanking(_ names: Set<String>) -> GoJSON {
        switch self {
        case .array(let elements): .array(elements.map { $0.blanking(names) })
        case .object(let members):
            .object(
                members.map { member in
                    if names.contains(member.name), case .string = member.value {
                        return Member(name: member.name, value: .string(""))
                    }
                    return Member(name: member.name, value: member.value.blanking(names))
                }
            )
        default: self
        }
    }
}
