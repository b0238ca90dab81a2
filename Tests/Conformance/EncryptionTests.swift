import TestCertificates
import Testing

/// DNS over TLS and TCP as kdig, BIND and Python speak it.
@Suite(.serialized, .timeLimit(.minutes(2))) struct EncryptionTests {
    private static let name = "cart.shop.svc.cluster.local."

    private func start(_ certificate: PEMText = Certificates.server) async throws -> Primary {
        let primary = try Primary(isEncrypted: true)
        try primary.publish([201, 202])
        try primary.use(certificate, Certificates.serverKey)
        try await primary.start()
        return primary
    }

    /// The output of kdig, which verifies the certificate, for questions over one connection.
    private func ask(
        _ primary: Primary,
        _ questions: [String],
        host: String = "localhost",
        _ more: [String] = []
    ) throws -> String {
        let authority = try primary.folder.write("authority", Certificates.authority.text)
        let encryption = ["+tls-ca=\(authority)", "+tls-hostname=\(host)", "+keepopen", "+retry=0"]
        return try Tool.run(
            "kdig",
            ["@127.0.0.1", "-p", "\(primary.tlsPort)"] + encryption + more + questions,
            in: primary.folder
        )
    }

    @Test("kdig verifies the certificate, and has many answers over one connection")
    func kdig() async throws {
        let primary = try await start()
        defer { primary.end() }
        let hosts = (0..<20).map { "fixed-\($0).shop.svc.cluster.local." }
        let output = try ask(primary, hosts)
        #expect(output.contains("TLS session (TLS1.3)"), "\(output)")
        #expect(output.matches(of: /status: NOERROR/).count == 20, "\(output)")
        try await eventually("the connection's end is counted") {
            try primary.metric("portolan_dns_connections_closed_total{proto=\"tls\",reason=\"peer\"}") == 1
        }
        let plain = try Tool.run(
            "kdig",
            ["@127.0.0.1", "-p", "\(primary.port)", "+tcp", "+keepopen", "+short"] + hosts,
            in: primary.folder
        )
        #expect(plain.split(separator: "\n").count == 60, "\(plain)")
        try await eventually("one connection has served all") {
            try primary.metric("portolan_dns_connections_closed_total{proto=\"tcp\",reason=\"peer\"}") == 1
        }
    }

    @Test("a zone transferred over TLS is the one that TCP has (RFC 9103)")
    func transfer() async throws {
        let primary = try await start()
        defer { primary.end() }
        let options = ["+noall", "+answer", "-y", Primary.key]
        func records(_ output: String) -> Set<String> {
            Set(
                output.split(separator: "\n").filter { !$0.hasPrefix(";") }
                    .map { $0.split { $0 == "\t" || $0 == " " }.joined(separator: " ") }
            )
        }
        let encrypted = records(try ask(primary, ["cluster.local.", "AXFR"], options))
        let plain = try Tool.run(
            "kdig",
            ["@127.0.0.1", "-p", "\(primary.port)"] + options + ["cluster.local.", "AXFR"],
            in: primary.folder
        )
        #expect(encrypted.count > 100)
        #expect(encrypted == records(plain))
    }

    @Test("a certificate that is exchanged shows on new connections, and an old one goes on")
    func rotation() async throws {
        let primary = try await start()
        defer { primary.end() }
        let authority = try primary.folder.write("authority", Certificates.authority.text)
        let new = try primary.folder.write("new-certificate", Certificates.namedServer.text)
        let script = try primary.folder.write("client.py", Self.client)
        let output = try Tool.run(
            "python3",
            [script, "\(primary.tlsPort)", authority, new, "\(primary.folder.path)/tls/certificate", Self.name],
            in: primary.folder
        )
        #expect(output == "2 before, 2 after over the old connection, 2 over a new one\n", "\(output)\n\(primary.log)")
        #expect(try ask(primary, [Self.name], host: "kubernetes.default.svc").contains("status: NOERROR"))
        #expect(try !ask(primary, [Self.name]).contains("status: NOERROR"), "the old name is not served any more")
        #expect(try primary.metric("portolan_dns_certificate_reloads_total{result=\"exchanged\"}") == 1)
    }

    /// Asks over a connection, exchanges the certificate, waits until new connections show the new one, and asks over both.
    private static let client = """
        import os, socket, ssl, struct, sys, time

        port, authority, new, current, name = sys.argv[1:]

        def connect():
            context = ssl.create_default_context(cafile=authority)
            context.check_hostname = False
            context.set_alpn_protocols(["dot"])
            client = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)), timeout=10))
            assert client.selected_alpn_protocol() == "dot"
            return client

        def answers(client):
            labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
            query = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, 1, 1)
            client.sendall(struct.pack("!H", len(query)) + query)
            stream = client.makefile("rb")
            message = stream.read(struct.unpack("!H", stream.read(2))[0])
            return struct.unpack("!H", message[6:8])[0]

        old = connect()
        before = answers(old)
        first = old.getpeercert(binary_form=True)
        os.replace(new, current)
        deadline = time.monotonic() + 30
        while (other := connect()).getpeercert(binary_form=True) == first:
            assert time.monotonic() < deadline, "the new certificate is not served"
            time.sleep(0.05)
        print(f"{before} before, {answers(old)} after over the old connection, {answers(other)} over a new one")
        """

    @Test("a new certificate with another's key is refused, logged and metered, and the old one is served on")
    func wrongKey() async throws {
        let primary = try await start()
        defer { primary.end() }
        try primary.use(Certificates.server, Certificates.clientKey)
        try await eventually("the refusal is metered") {
            try primary.metric("portolan_dns_certificate_reloads_total{result=\"refused\"}") == 1
        }
        #expect(primary.log.contains("does not belong to the certificate in"), "\(primary.log)")
        #expect(try ask(primary, [Self.name]).contains("status: NOERROR"))
    }

    @Test(
        "check names the file and the way out",
        arguments: [
            (Certificates.server, Certificates.serverKey, "is valid until 2120-01-01"),
            (Certificates.expiredServer, Certificates.serverKey, "expired on 2021-01-01"),
            (Certificates.futureServer, Certificates.serverKey, "put one in its place that is valid now"),
            (Certificates.server, Certificates.clientKey, "does not belong to the certificate in"),
            (Certificates.server, Certificates.encryptedClientKey, "give one without (openssl pkey"),
            (Certificates.serverKey, Certificates.serverKey, "holds no certificate in PEM form"),
        ]
    )
    func check(certificate: PEMText, key: PEMText, says: String) async throws {
        let primary = try Primary(isEncrypted: true)
        try primary.publish([])
        try primary.use(certificate, key)
        let output = try Tool.run(Portolan.path(), ["check", "--config", primary.configuration], in: primary.folder)
        let line = try #require(output.split(separator: "\n").first { $0.contains("dns.tls: ") }, "\(output)")
        #expect(line.contains(says) && line.contains("\(primary.folder.path)/tls/"), "\(output)")
        #expect(line.hasPrefix(says.hasPrefix("is valid") ? "ok" : "failed"))
    }

    @Test("check says that a certificate is not there")
    func missing() async throws {
        let primary = try Primary(isEncrypted: true)
        try primary.publish([])
        let output = try Tool.run(Portolan.path(), ["check", "--config", primary.configuration], in: primary.folder)
        #expect(output.contains("\(primary.folder.path)/tls/certificate cannot be read: No such file"), "\(output)")
    }

    @Test("an expired certificate is served to those who do not verify, and said to be so")
    func expired() async throws {
        let primary = try await start(Certificates.expiredServer)
        defer { primary.end() }
        #expect(primary.log.contains("Clients that verify the TLS certificate will not ask"), "\(primary.log)")
        #expect(try !ask(primary, [Self.name]).contains("status: NOERROR"))
        let output = try Tool.run(
            "kdig",
            ["@127.0.0.1", "-p", "\(primary.tlsPort)", "+tls", "+short", Self.name],
            in: primary.folder
        )
        #expect(output.split(separator: "\n").count == 2, "\(output)")
    }
}
