import TestCertificates
import Testing

/// A server that nobody here wrote, made a secondary of all zones.
enum SecondaryServer: String, CaseIterable, CustomTestStringConvertible {
    case bind
    /// Over TLS (RFC 9103).
    case bindOverTLS = "bind-tls"
    case nsd
    case knot

    var testDescription: String { rawValue }

    /// The program, and the configuration that makes it a secondary.
    func start(of primary: Primary, on listen: UInt16) throws -> Daemon {
        let folder = primary.folder
        let home = "\(folder.path)/\(rawValue)"
        try folder.write("\(rawValue)/placeholder", "")
        let zones = Primary.zones
        let text: String
        switch self {
        case .bind, .bindOverTLS:
            let (port, tls) = self == .bind ? (primary.port, "") : (primary.tlsPort, " tls primary")
            let authority = try folder.write("authority", Certificates.authority.text)
            text = """
                tls primary { ca-file "\(authority)"; remote-hostname "localhost"; };
                key "transfer.example" { algorithm hmac-sha256; secret "\(Primary.secret)"; };
                options {
                  directory "\(home)"; pid-file none; session-keyfile "\(home)/session.key";
                  listen-on port \(listen) { 127.0.0.1; }; listen-on-v6 { none; };
                  recursion no; dnssec-validation no; notify no; allow-transfer { any; }; transfer-source 127.0.0.1;
                };
                controls { };
                server 127.0.0.1 { keys { "transfer.example"; }; };
                \(zones.map {
                    "zone \"\($0)\" { type secondary; file \"\($0)zone\"; "
                        + "primaries { 127.0.0.1 port \(port) key \"transfer.example\"\(tls); }; };"
                }.joined(separator: "\n"))
                """
        case .nsd:
            text = """
                server:
                  ip-address: 127.0.0.1@\(listen)
                  username: ""
                  database: ""
                  zonesdir: "\(home)"
                  pidfile: "\(home)/nsd.pid"
                  xfrdfile: "\(home)/xfrd.state"
                  xfrdir: "\(home)"
                  zonelistfile: "\(home)/zone.list"
                  verbosity: 2
                remote-control:
                  control-enable: no
                key:
                  name: "transfer.example"
                  algorithm: hmac-sha256
                  secret: "\(Primary.secret)"
                \(zones.map {
                    """
                    zone:
                      name: "\($0)"
                      zonefile: "\($0)zone"
                      allow-notify: 127.0.0.1 transfer.example
                      request-xfr: 127.0.0.1@\(primary.port) transfer.example
                      provide-xfr: 127.0.0.1 NOKEY
                    """
                }.joined(separator: "\n"))
                """
        case .knot:
            text = """
                server:
                  listen: 127.0.0.1@\(listen)
                  rundir: "\(home)"
                database:
                  storage: "\(home)"
                log:
                  - target: stderr
                    any: info
                key:
                  - id: transfer.example
                    algorithm: hmac-sha256
                    secret: "\(Primary.secret)"
                remote:
                  - id: primary
                    address: 127.0.0.1@\(primary.port)
                    key: transfer.example
                acl:
                  - id: notify
                    address: 127.0.0.1
                    key: transfer.example
                    action: notify
                  - id: transfer
                    address: 127.0.0.1
                    action: transfer
                template:
                  - id: default
                    storage: "\(home)"
                zone:
                \(zones.map { "  - domain: \($0)\n    master: primary\n    acl: [notify, transfer]" }.joined(separator: "\n"))
                """
        }
        let configuration = try folder.write("\(rawValue)/server.conf", text)
        return switch self {
        case .bind, .bindOverTLS: try Daemon(Tool.required("named"), ["-g", "-c", configuration], in: folder)
        case .nsd: try Daemon(Tool.required("nsd"), ["-d", "-c", configuration], in: folder)
        case .knot: try Daemon(Tool.required("knotd"), ["-c", configuration], in: folder)
        }
    }
}

@Suite(.serialized) struct SecondaryTests {
    @Test(
        "a secondary takes the zones, follows NOTIFY with IXFR, and answers as the primary does",
        .timeLimit(.minutes(5)),
        arguments: SecondaryServer.allCases
    )
    func follows(server: SecondaryServer) async throws {
        let port = try Tool.freePort()
        let primary = try Primary(secondary: port, isEncrypted: true)
        try primary.use(Certificates.server, Certificates.serverKey)
        try primary.publish([201, 202])
        try await primary.start()
        defer { primary.end() }
        let secondary = try server.start(of: primary, on: port)
        defer { secondary.end() }
        do {
            try await untilEqual(primary, port)
            let before = try Primary.zones.map { try primary.serial($0, primary.port) }
            for zone in Primary.zones {
                #expect(try primary.transfers(zone, "axfr") + primary.transfers(zone, "ixfr-full") > 0)
                #expect(try primary.transfers(zone, "ixfr") == 0)
            }
            try primary.publish([202, 203])
            try await eventually("the primary shows the change") {
                try Primary.zones.map { try primary.serial($0, primary.port) } != before
            }
            try await untilEqual(primary, port)
            for zone in Primary.zones {
                #expect(try primary.transfers(zone, "ixfr") > 0, "\(zone) was not followed by differences")
                try compareAnswers(zone, primary, port)
            }
        } catch {
            Issue.record(error, "\(primary.log)\n\(secondary.log)")
        }
    }

    /// Waits until the secondary has every zone at the primary's serial.
    private func untilEqual(_ primary: Primary, _ port: UInt16) async throws {
        for zone in Primary.zones {
            try await eventually("\(zone) at the primary's serial") {
                let serial = try primary.serial(zone, primary.port)
                return try serial != nil && primary.serial(zone, port) == serial
            }
        }
    }

    /// Compares the zones as a whole and every answer to every owner and type, and to a name that is not there.
    private func compareAnswers(_ zone: String, _ primary: Primary, _ port: UInt16) throws {
        let folder = primary.folder
        let records = try Tool.records(zone, "AXFR", port: primary.port, key: Primary.key, in: folder)
        #expect(records.count > 20)
        #expect(try Tool.records(zone, "AXFR", port: port, in: folder) == records)
        let questions = Set(
            records.map { record in
                let words = record.split(separator: " ")
                return "\(words[0]) \(words[3])"
            } + ["nothing.\(zone) A"]
        )
        let list = try folder.write("questions-\(zone)", questions.sorted().joined(separator: "\n") + "\n")
        func answers(_ port: UInt16) throws -> [String] {
            try Tool.run(
                "dig",
                ["@127.0.0.1", "-p", "\(port)", "+noall", "+answer", "+authority", "+nocookie", "-f", list],
                in: folder
            ).split(separator: "\n")
                .filter { !$0.hasPrefix(";") }
                .map { $0.split { $0 == "\t" || $0 == " " }.joined(separator: " ") }
                // Some say in the authority section which servers a zone has.
                .filter { !$0.hasPrefix("\(zone) 5 IN NS ") }.sorted()
        }
        let own = try answers(primary.port)
        #expect(own.count > 20)
        #expect(try answers(port) == own)
    }

    @Test("dig and kdig transfer with a key, and nobody does without", .timeLimit(.minutes(5)))
    func tools() async throws {
        let primary = try Primary()
        try primary.publish([201])
        try await primary.start()
        defer { primary.end() }
        let zone = Primary.zones[0]
        func dig(_ tool: String, _ arguments: String...) throws -> String {
            try Tool.run(tool, ["@127.0.0.1", "-p", "\(primary.port)"] + arguments, in: primary.folder)
        }
        for tool in ["dig", "kdig"] {
            let whole = try dig(tool, "-y", Primary.key, zone, "AXFR")
            #expect(whole.contains("cart.shop.svc.cluster.local.") && !whole.contains("verif"), "\(whole)")
        }
        let serial = try #require(try primary.serial(zone, primary.port))
        try primary.publish([201, 202])
        try await eventually("the change shows") { try primary.serial(zone, primary.port) != serial }
        for tool in ["dig", "kdig"] {
            let difference = try dig(tool, "-y", Primary.key, zone, "IXFR=\(serial)")
            #expect(difference.contains("10.0.0.202") && !difference.contains("10.0.0.201"), "\(difference)")
        }
        #expect(try dig("dig", zone, "AXFR").contains("Transfer failed"))
        #expect(try dig("dig", zone, "IXFR=\(serial)").contains("Transfer failed"))
        let other = "hmac-sha256:transfer.example:\(String(Primary.secret.reversed().drop { $0 == "=" }))="
        #expect(try dig("dig", "-y", other, zone, "AXFR").contains("BADSIG"))
        #expect(try dig("dig", "-y", "hmac-sha256:unknown.example:\(Primary.secret)", zone, "SOA").contains("BADKEY"))
        let signed = try dig("kdig", "-y", Primary.key, zone, "SOA")
        #expect(signed.contains("TSIG") && signed.contains("NOERROR") && !signed.contains("verif"), "\(signed)")
        #expect(!primary.log.contains(Primary.secret))
    }
}
