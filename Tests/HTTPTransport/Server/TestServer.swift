import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestCertificates
import Testing

/// An HTTP/1.1 server on loopback that does to each connection what the test says, byte by byte.
final class TestServer: Sendable {
    typealias Script = @Sendable (inout ServerConnection) async throws -> Void

    let port: Int
    let scheme: String
    private let counter: ConnectionCounter

    /// Connections that came so far.
    var connections: Int { counter.count }

    fileprivate init(_ listener: any Channel, scheme: String, _ counter: ConnectionCounter) {
        port = listener.localAddress?.port ?? 0
        self.scheme = scheme
        self.counter = counter
    }

    func url(_ path: String = "/", host: String = "127.0.0.1") -> String { "\(scheme)://\(host):\(port)\(path)" }
}

/// Runs `body` with a server whose every connection is handled by `script`; a connection closes when its script ends.
func withServer<Result: Sendable>(
    tls: ServerTLS? = nil,
    _ script: @escaping TestServer.Script,
    body: (TestServer) async throws -> Result
) async throws -> Result {
    let context = try tls.map { try $0.context(protocols: ["http/1.1"]) }
    let counter = ConnectionCounter()
    let connections = ServedChannels<ByteBuffer, ByteBuffer>()
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
                let number = counter.next()
                try connections.add(channel) { inbound, outbound in
                    var connection = ServerConnection(
                        number: number,
                        channel: channel,
                        inbound: inbound.makeAsyncIterator(),
                        outbound: outbound
                    )
                    try await script(&connection)
                }
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(TestServer(listener, scheme: context == nil ? "http" : "https", counter)))
    } catch {
        result = .failure(error)
    }
    try await listener.close().get()
    await connections.stop()
    return try result.get()
}

/// Counts connections.
final class ConnectionCounter: Sendable {
    private let value = Atomic(0)

    var count: Int { value.load(ordering: .sequentiallyConsistent) }

    func next() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }
}

/// What a server shows its clients and wants from them.
struct ServerTLS: Sendable, CustomTestStringConvertible {
    var certificate = Certificates.server
    var requiresClientCertificate = false

    var testDescription: String { certificate.name }

    func context(protocols: [String]) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(certificate.bytes).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Certificates.serverKey.bytes, format: .pem))
        )
        configuration.applicationProtocols = protocols
        if requiresClientCertificate {
            configuration.trustRoots = .certificates(
                try NIOSSLCertificate.fromPEMBytes(Certificates.authority.bytes)
            )
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

/// A request as it arrived.
struct ReceivedRequest: Sendable {
    let method: String
    let target: String
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
}

/// One connection of a ``TestServer``.
struct ServerConnection {
    /// 1 for the server's first.
    let number: Int
    let channel: any Channel
    var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var received: [UInt8] = []

    init(
        number: Int,
        channel: any Channel,
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.number = number
        self.channel = channel
        self.inbound = inbound
        self.outbound = outbound
    }

    /// The next request with its body; nil when the client has closed.
    mutating func request() async throws -> ReceivedRequest? {
        guard let head = try await receive(through: "\r\n\r\n") else { return nil }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        let headers = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (name: String(line[..<colon]), value: String(line[colon...].dropFirst()).trimmingBlanks())
        }
        let length = headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) } ?? 0
        while received.count < length {
            guard let more = try await inbound.next() else { return nil }
            received += more.readableBytesView
        }
        let body = Array(received.prefix(length))
        received.removeFirst(length)
        return ReceivedRequest(method: String(words[0]), target: String(words[1]), headers: headers, body: body)
    }

    /// The bytes up to and with `mark`; nil when the client has closed.
    private mutating func receive(through mark: String) async throws -> [UInt8]? {
        while true {
            if let range = received.firstRange(of: Array(mark.utf8)) {
                let found = Array(received[..<range.upperBound])
                received.removeSubrange(..<range.upperBound)
                return found
            }
            guard let more = try await inbound.next() else { return nil }
            received += more.readableBytesView
        }
    }

    /// Waits until the client closes or resets the connection.
    mutating func waitForClose() async {
        while (try? await inbound.next()) != nil {}
    }

    func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

    /// Writes and waits until the socket has taken the bytes.
    func writeThrough(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// A whole response with its length.
    func respond(_ status: Int = 200, headers: [String] = [], body: [UInt8] = []) async throws {
        let head = ["HTTP/1.1 \(status) Something", "Content-Length: \(body.count)"] + headers
        try await write(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
    }

    /// A piece of a chunked body.
    func writeChunk(_ bytes: [UInt8]) async throws {
        try await write(Array((String(bytes.count, radix: 16) + "\r\n").utf8) + bytes + Array("\r\n".utf8))
    }

    /// Ends the connection with a reset instead of an orderly close.
    func reset() async throws {
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close().get()
    }
}

extension String {
    fileprivate func trimmingBlanks() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
