internal import Foundation
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import Telemetry

/// The HTTP listener for probes, metrics and JSON views. Read-only: nothing here changes the bridge.
package struct AdminServer: Service {
    /// Beyond it the connection idle for longest makes room.
    static let connectionLimit = 256
    /// Connections that are being closed. What exceeds it, too, waits to be accepted: who opens connections without end
    /// takes none from DNS or the sources.
    private static let closingLimit = 64

    private let host: String
    private let port: Int
    private let views: any AdminViews
    private let logger: Logger
    private let idleTimeout: Duration
    private let onListening: @Sendable (_ port: Int) async -> Void

    /// - Parameters:
    ///   - host: an address, IPv6 without brackets.
    ///   - port: 0 for any free one.
    ///   - idleTimeout: how long a connection may stay without a whole request. The default is longer than the minute
    ///     between scrapes, so that scrapers keep theirs.
    ///   - onListening: called once with the port that is bound.
    package init(
        host: String,
        port: Int,
        views: any AdminViews,
        logger: Logger,
        idleTimeout: Duration = .seconds(75),
        onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.views = views
        self.logger = logger
        self.idleTimeout = idleTimeout
        self.onListening = onListening
    }

    /// Serves until the service group shuts down. Throws when the address cannot be bound.
    package func run() async throws {
        let room = ConnectionRoom(limit: Self.connectionLimit)
        let application = Application(
            router: Self.router(views),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionRoom.Handler(room)],
                    idleTimeout: TimeAmount(idleTimeout)
                )
            ),
            configuration: .init(
                address: .hostname(host, port: port),
                serverName: "portolan",
                availableConnectionsDelegate: MaximumAvailableConnections(
                    Self.connectionLimit + Self.closingLimit,
                    logger: logger
                )
            ),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) },
            logger: logger
        )
        try await application.run()
    }

    private static func router(_ views: any AdminViews) -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(middleware: Refusals())
        router.get("/healthz") { _, _ in text("ok\n") }
        router.get("/readyz") { _, _ in
            let readiness = await views.readiness()
            return try json(readiness, status: readiness.ready ? .ok : .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in
            text(await views.metrics(), type: MetricRegistry.contentType)
        }
        router.get("/v1/systems") { _, _ in try json(await views.systems()) }
        router.get("/v1/zones") { _, _ in try json(await views.zones()) }
        router.get("/v1/services") { _, _ in try json(await views.services()) }
        router.get("/v1/endpoints") { _, _ in try json(await views.endpoints()) }
        router.get("/v1/services/:system/:namespace/:name") { _, context in
            let system = try name("system", context)
            let namespace = try name("namespace", context)
            let name = try name("name", context)
            guard let service = await views.service(system: system, namespace: namespace, name: name) else {
                let message = "system \"\(system)\" has no service \(namespace)/\(name)"
                return try json(["error": message], status: .notFound)
            }
            return try json(service)
        }
        router.get("/v1/syncs") { _, _ in try json(await views.syncs()) }
        router.get("/v1/explain/:namespace/:name") { _, context in
            let namespace = try name("namespace", context)
            let name = try name("name", context)
            return try json(await views.explain(namespace: namespace, name: name))
        }
        return router
    }

    /// A name in the path as it was before it was percent-encoded: the router does not decode.
    private static func name(_ parameter: String, _ context: BasicRequestContext) throws -> String {
        let text = try context.parameters.require(parameter)
        guard let name = text.removingPercentEncoding else {
            throw HTTPError(.badRequest, message: "\(text) is not percent-encoded UTF-8")
        }
        return name
    }

    private static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    fileprivate static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = try encoder.encode(value)
        return Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }
}

/// Answers what is not offered in words, as JSON like everything else.
private struct Refusals: RouterMiddleware {
    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard [.get, .head].contains(request.method) else {
            let message = "\(request.method) is not offered: this listener only shows; use GET"
            var response = try AdminServer.json(["error": message], status: .methodNotAllowed)
            response.headers[.allow] = "GET, HEAD"
            return response
        }
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let message =
                "there is no \(request.uri.path); there are /healthz, /readyz, /metrics, /v1/systems, "
                + "/v1/services, /v1/endpoints, /v1/zones, /v1/syncs and /v1/explain/NAMESPACE/NAME"
            return try AdminServer.json(["error": message], status: .notFound)
        }
    }
}
