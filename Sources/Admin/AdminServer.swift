internal import Foundation
internal import Hummingbird
package import Logging
internal import ServiceLifecycle
internal import Telemetry

/// The HTTP listener for probes, metrics and JSON views. Read-only: nothing here changes the bridge.
package struct AdminServer: Service {
    private let host: String
    private let port: Int
    private let views: any AdminViews
    private let logger: Logger
    private let onListening: @Sendable (_ port: Int) async -> Void

    /// - Parameters:
    ///   - host: an address, IPv6 without brackets.
    ///   - port: 0 for any free one.
    ///   - onListening: called once with the port that is bound.
    package init(
        host: String,
        port: Int,
        views: any AdminViews,
        logger: Logger,
        onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.views = views
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until the service group shuts down. Throws when the address cannot be bound.
    package func run() async throws {
        let application = Application(
            router: Self.router(views),
            configuration: .init(address: .hostname(host, port: port), serverName: "portolan"),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) },
            logger: logger
        )
        try await application.run()
    }

    private static func router(_ views: any AdminViews) -> Router<BasicRequestContext> {
        let router = Router()
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
            let system = try context.parameters.require("system")
            let namespace = try context.parameters.require("namespace")
            let name = try context.parameters.require("name")
            guard let service = await views.service(system: system, namespace: namespace, name: name) else {
                let message = "system \"\(system)\" has no service \(namespace)/\(name)"
                return try json(["error": message], status: .notFound)
            }
            return try json(service)
        }
        router.get("/v1/syncs") { _, _ in try json(await views.syncs()) }
        router.get("/v1/explain/:namespace/:name") { _, context in
            let namespace = try context.parameters.require("namespace")
            let name = try context.parameters.require("name")
            return try json(await views.explain(namespace: namespace, name: name))
        }
        return router
    }

    private static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    private static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
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
