import Glibc
import TestCertificates
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(5))) struct TLSTests {
    typealias Configuration = HTTPClientConfiguration

    private static let answer: TestServer.Script = { connection in
        while let request = try await connection.request() {
            try await connection.respond(headers: ["X-Host: \(request["Host"] ?? "")"])
        }
    }

    private func send(to server: TestServer, tls: Configuration.TLS, host: String = "127.0.0.1") async throws
        -> HTTPResponse
    {
        try await makeClient(Configuration(tls: tls)).send(HTTPRequest(.get, server.url(host: host)))
    }

    private func withFile<Result>(_ text: String, _ body: (String) async throws -> Result) async throws -> Result {
        var path = Array("/tmp/portolan-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        let name = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { unlink(name) }
        #expect(write(descriptor, text, text.utf8.count) == text.utf8.count)
        close(descriptor)
        return try await body(name)
    }

    @Test(
        "A certificate of the given authority is trusted, from memory and from a file",
        arguments: ["127.0.0.1", "localhost"]
    )
    func trusted(host: String) async throws {
        try await withServer(tls: ServerTLS(), Self.answer) { server in
            let fromMemory = try await send(
                to: server,
                tls: .init(certificateAuthority: Certificates.authority.material),
                host: host
            )
            #expect(fromMemory.status == 200)
            try await withFile(Certificates.otherAuthority.text + "\n" + Certificates.authority.text) { path in
                let fromFile = try await send(to: server, tls: .init(certificateAuthority: .file(path)), host: host)
                #expect(fromFile.status == 200)
            }
        }
    }

    @Test(
        "What must not be trusted is not, and the error tells why and what to do",
        arguments: [
            (Certificates.server, nil, nil, "give the certificate of the CA"),
            (Certificates.server, Certificates.otherAuthority, nil, "give the certificate of the CA"),
            (Certificates.expiredServer, Certificates.authority, nil, "has expired"),
            (Certificates.futureServer, Certificates.authority, nil, "not yet valid"),
            (Certificates.namedServer, Certificates.authority, nil, "TLS server name"),
            (Certificates.server, Certificates.authority, "other.name", "TLS server name"),
        ] as [(PEMText, PEMText?, String?, String)]
    )
    func untrusted(certificate: PEMText, authority: PEMText?, serverName: String?, detail: String) async throws {
        try await withServer(tls: ServerTLS(certificate: certificate), Self.answer) { server in
            var tls = Configuration.TLS(certificateAuthority: authority?.material, serverName: serverName)
            let error = await #expect(throws: HTTPError.self) { try await send(to: server, tls: tls) }
            #expect(error?.reason == .tls)
            #expect(error?.detail.contains(detail) == true, "\(error?.detail ?? "")")

            tls.verifies = false
            let unverified = try await send(to: server, tls: tls)
            #expect(unverified.status == 200)
            let again = await #expect(throws: HTTPError.self, "a connection nobody verified is not shared") {
                tls.verifies = true
                return try await send(to: server, tls: tls)
            }
            #expect(again?.reason == .tls)
        }
    }

    @Test("A server name is what is verified and sent, while the Host field keeps the URL's host")
    func serverName() async throws {
        try await withServer(tls: ServerTLS(certificate: Certificates.namedServer), Self.answer) { server in
            let client = makeTrustingClient(serverName: "kubernetes.default.svc")
            let response = try await client.send(HTTPRequest(.get, server.url()))
            #expect(response.headers["X-Host"] == "127.0.0.1:\(server.port)")
        }
    }

    @Test("A client certificate is shown to the server, from memory and from files")
    func clientCertificate() async throws {
        let tls = ServerTLS(requiresClientCertificate: true)
        try await withServer(tls: tls, Self.answer) { server in
            let fromMemory = makeTrustingClient(
                clientCertificate: .init(
                    certificate: Certificates.client.material,
                    key: Certificates.clientKey.material
                )
            )
            let response = try await fromMemory.send(HTTPRequest(.get, server.url()))
            #expect(response.status == 200)
            try await withFile(Certificates.client.text) { certificate in
                try await withFile(Certificates.clientKey.text) { key in
                    let fromFiles = makeTrustingClient(
                        clientCertificate: .init(certificate: .file(certificate), key: .file(key))
                    )
                    let response = try await fromFiles.send(HTTPRequest(.get, server.url()))
                    #expect(response.status == 200)
                }
            }
        }
    }

    @Test(
        "A server that wants a certificate and gets none, or a wrong one, is a TLS error that says so",
        arguments: [false, true]
    )
    func missingClientCertificate(hasWrongOne: Bool) async throws {
        try await withServer(tls: ServerTLS(requiresClientCertificate: true), Self.answer) { server in
            let wrong = Configuration.ClientCertificate(
                certificate: Certificates.selfSigned.material,
                key: Certificates.clientKey.material
            )
            let client = makeTrustingClient(clientCertificate: hasWrongOne ? wrong : nil)
            let error = await #expect(throws: HTTPError.self) { try await client.send(HTTPRequest(.get, server.url())) }
            #expect(error?.reason == .tls)
            #expect(error?.detail.contains("client certificate") == true, "\(error?.detail ?? "")")
        }
    }

    @Test("Clients with different certificates do not share connections")
    func separateConnections() async throws {
        try await withServer(tls: ServerTLS(), Self.answer) { server in
            let certified = makeTrustingClient(
                clientCertificate: .init(
                    certificate: Certificates.client.material,
                    key: Certificates.clientKey.material
                )
            )
            for _ in 0..<3 {
                _ = try await makeTrustingClient().send(HTTPRequest(.get, server.url()))
                _ = try await certified.send(HTTPRequest(.get, server.url()))
            }
            // One if they were shared. More when the process-wide pool had to close one for other tests' sake.
            #expect(server.connections >= 2)
        }
    }

    @Test(
        "Material that cannot be used is a request error that names it",
        arguments: [
            (nil, nil, "/nowhere/ca.crt", "/nowhere/ca.crt cannot be read: No such file"),
            (nil, nil, "/", "cannot be read"),
            (Self.noPEM, nil, nil, "the CA certificate of the configuration is no PEM"),
            (Certificates.clientKey, nil, nil, "holds no BEGIN CERTIFICATE line"),
            (Self.brokenPEM, nil, nil, "the CA certificate of the configuration cannot be used"),
            (nil, [Certificates.client, Certificates.encryptedClientKey], nil, "is encrypted"),
            (nil, [Certificates.client, Certificates.client], nil, "the client key of the configuration is no PEM"),
            (nil, [Certificates.server, Certificates.clientKey], nil, "the client certificate of the configuration"),
        ] as [(PEMText?, [PEMText]?, String?, String)]
    )
    func badMaterial(authority: PEMText?, client: [PEMText]?, file: String?, detail: String) async throws {
        try await withServer(tls: ServerTLS(), Self.answer) { server in
            let tls = Configuration.TLS(
                certificateAuthority: file.map { .file($0) } ?? (authority ?? Certificates.authority).material,
                clientCertificate: client.map { .init(certificate: $0[0].material, key: $0[1].material) }
            )
            let error = await #expect(throws: HTTPError.self) { try await send(to: server, tls: tls) }
            #expect(error?.reason == .request)
            #expect(error?.url == server.url())
            #expect(error?.detail.contains(detail) == true, "\(error?.detail ?? "")")
        }
    }

    private static let noPEM = PEMText(name: "no PEM", text: "no certificate")
    private static let brokenPEM = PEMText(
        name: "broken PEM",
        text: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    )

    @Test("A port without TLS, and TLS on a port for plain HTTP, say what they are")
    func mismatch() async throws {
        try await withServer { connection in
            _ = try await connection.inbound.next()
            try await connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        } body: { plain in
            let error = await #expect(throws: HTTPError.self) {
                try await makeClient().send(HTTPRequest(.get, "https://127.0.0.1:\(plain.port)/"))
            }
            #expect(error?.reason == .tls)
            #expect(error?.detail.contains("plain http") == true, "\(error?.detail ?? "")")
        }
    }

    @Test("Broken pipes raise no signal: the libcurl thread blocks SIGPIPE, and so do the threads it makes")
    func brokenPipe() async throws {
        _ = try? await makeClient().send(HTTPRequest(.get, "http://127.0.0.1:\(deadPort)/"))
        let masks = try threadMasks(named: "libcurl")
        #expect(!masks.isEmpty)
        #expect(masks.allSatisfy { $0 & 1 << (UInt64(SIGPIPE) - 1) != 0 })
    }

    /// The blocked signals of this process's threads, one bit each.
    private func threadMasks(named name: String) throws -> [UInt64] {
        let directory = try #require(opendir("/proc/self/task"))
        defer { closedir(directory) }
        var masks: [UInt64] = []
        while let entry = readdir(directory) {
            let thread = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let file = fopen("/proc/self/task/\(thread)/status", "r") else { continue }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 256)
            var isNamed = false
            while fgets(&line, CInt(line.count), file) != nil {
                let words = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
                    .split(whereSeparator: \.isWhitespace)
                if words.first == "Name:" { isNamed = words.last == name[...] }
                if isNamed, words.first == "SigBlk:", let mask = words.last { masks += [UInt64(mask, radix: 16) ?? 0] }
            }
        }
        return masks
    }
}
