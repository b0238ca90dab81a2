import Foundation
import TestCertificates
import Testing

/// Keys made by the built program, and what it signs with them, as BIND's tools see it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SigningTests {
    private static let zone = "cluster.local"

    /// Makes keys for a zone of a signed primary, and returns the file that the key of flags 257 stands in.
    private func makeKeys(of primary: Primary, zone: String = zone, isSplit: Bool) throws -> String {
        try FileManager.default.createDirectory(atPath: primary.keys, withIntermediateDirectories: true)
        func generate(_ arguments: [String]) throws -> String {
            let command = ["dnssec", "keygen", "--zone", zone, "--directory", primary.keys]
            return try Tool.run(Portolan.path(), command + arguments, in: primary.folder)
        }
        let output = try generate([])
        if isSplit { _ = try generate(["--zsk"]) }
        let name = try #require(output.split { $0.isWhitespace || $0 == "/" }.first { $0.hasPrefix("K") }, "\(output)")
        let stem = name.hasSuffix(".key") ? String(name.dropLast(4)) : String(name)
        return "\(primary.keys)/\(stem).key"
    }

    /// A delv file that trusts the key in `path` alone.
    private func anchors(_ path: String, in folder: Folder) throws -> String {
        let text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        let record = try #require(text.split(separator: "\n").first { $0.contains("DNSKEY") })
        let fields = record.split { $0 == " " || $0 == "\t" }
        let start = try #require(fields.firstIndex(of: "DNSKEY"))
        let data = fields[(start + 1)...]
        let numbers = data.prefix(3).joined(separator: " ")
        let key = data.dropFirst(3).joined()
        return try folder.write(
            "anchors-\(UUID().uuidString)",
            "trust-anchors { \(Self.zone). static-key \(numbers) \"\(key)\"; };\n"
        )
    }

    private func delv(
        _ name: String,
        _ type: String,
        _ anchors: String,
        _ primary: Primary,
        port: UInt16? = nil,
        zone: String = zone
    ) throws -> String {
        try Tool.run(
            "delv",
            ["@127.0.0.1", "-p", "\(port ?? primary.port)", "-a", anchors, "+root=\(zone)", name, type],
            in: primary.folder
        )
    }

    private static let positive = [
        ("cart.shop.svc", "A"), ("_grpc._tcp.cart.shop.svc", "SRV"), ("dns-version", "TXT"), ("", "SOA"), ("", "NS"),
        ("", "DNSKEY"),
    ]
    private static let negative = [
        ("cart.shop.svc", "AAAA"), ("nobody.shop.svc", "A"), ("shop.svc", "A"), ("svc", "TXT"), ("", "MX"),
    ]

    /// Validates the zone, as it is answered at a port, from one anchor.
    private func validate(_ anchors: String, _ primary: Primary, port: UInt16) throws {
        for (questions, verdict) in [
            (Self.positive, "; fully validated"), (Self.negative, "negative response, fully validated"),
        ] {
            for (name, type) in questions {
                let name = name.isEmpty ? Self.zone : "\(name).\(Self.zone)"
                let answer = try delv(name, type, anchors, primary, port: port)
                #expect(answer.contains(verdict), "\(name) \(type): \(answer)")
            }
        }
    }

    @Test("delv validates what is there and what is not", arguments: [false, true])
    func validates(isSplit: Bool) async throws {
        let primary = try Primary(isSigned: true)
        defer { primary.end() }
        try primary.publish([1, 2, 3])
        let key = try makeKeys(of: primary, isSplit: isSplit)
        let anchors = try anchors(key, in: primary.folder)
        try await primary.start()

        try validate(anchors, primary, port: primary.port)
    }

    // MARK: - Transferred

    /// A delv file that trusts what `portolan dnssec ds` prints for a zone alone.
    private func delegation(of zone: String, _ primary: Primary) throws -> String {
        let text = try Tool.run(
            Portolan.path(),
            ["dnssec", "ds", "--config", primary.configuration, zone],
            in: primary.folder
        )
        let fields = text.split { $0.isWhitespace }
        let start = try #require(fields.firstIndex(of: "DS"), "\(text)")
        let numbers = fields[(start + 1)...].prefix(3).joined(separator: " ")
        let anchor = "\(zone) static-ds \(numbers) \"\(fields[(start + 4)...].prefix(1).joined())\";"
        return try primary.folder.write("anchors-\(UUID().uuidString)", "trust-anchors { \(anchor) };\n")
    }

    @Test("ldns verifies the zone that dig and kdig transfer, and not one that was changed", arguments: [false, true])
    func transfer(isSplit: Bool) async throws {
        let primary = try Primary(isSigned: true)
        defer { primary.end() }
        try primary.publish([1, 2, 3])
        for zone in Primary.zones { _ = try makeKeys(of: primary, zone: zone, isSplit: isSplit) }
        try await primary.start()
        for zone in Primary.zones {
            for tool in ["dig", "kdig"] {
                let text = try Tool.run(
                    tool,
                    ["@127.0.0.1", "-p", "\(primary.port)", "-y", Primary.key, zone, "AXFR"],
                    in: primary.folder
                )
                // The last record is the first once more.
                let lines = text.split(separator: "\n").filter { !$0.hasPrefix(";") && !$0.contains("TSIG") }
                    .dropLast()
                func verify(_ lines: [Substring]) throws -> String {
                    let path = try primary.folder.write("\(zone)zone", lines.joined(separator: "\n") + "\n")
                    return try Tool.run("ldns-verify-zone", ["-V", "3", path], in: primary.folder)
                }
                let verdict = try verify(Array(lines))
                #expect(verdict.contains("Zone is verified and complete"), "\(verdict)")
                var changed = Array(lines)
                let denial = lines.lastIndex { $0.split { $0 == "\t" || $0 == " " }.dropFirst(3).first == "NSEC" }
                changed.remove(at: try #require(denial))
                #expect(try !verify(changed).contains("Zone is verified and complete"))
            }
        }
    }

    @Test(
        "a secondary that takes the signed zone gives answers that delv validates from the DS record, also after a change",
        arguments: SecondaryServer.allCases
    )
    func secondary(server: SecondaryServer) async throws {
        let port = try Tool.freePort()
        let primary = try Primary(secondary: port, isSigned: true, isEncrypted: true)
        try primary.use(Certificates.server, Certificates.serverKey)
        try primary.publish([201, 202])
        for zone in Primary.zones { _ = try makeKeys(of: primary, zone: zone, isSplit: true) }
        try await primary.start()
        defer { primary.end() }
        let secondary = try server.start(of: primary, on: port)
        defer { secondary.end() }
        func untilEqual() async throws {
            for zone in Primary.zones {
                try await eventually("\(zone) at the primary's serial") {
                    let serial = try primary.serial(zone, primary.port)
                    return try serial != nil && primary.serial(zone, port) == serial
                }
            }
        }
        do {
            try await untilEqual()
            let anchors = try Primary.zones.map { try delegation(of: $0, primary) }
            try validate(anchors[0], primary, port: port)
            let before = try primary.serial(Primary.zones[0], primary.port)
            try primary.publish([202, 203])
            try await eventually("the primary shows the change") {
                try primary.serial(Primary.zones[0], primary.port) != before
            }
            try await untilEqual()
            try validate(anchors[0], primary, port: port)
            let added = try delv("10-0-0-203.cart.shop.svc.\(Self.zone)", "A", anchors[0], primary, port: port)
            #expect(added.contains("; fully validated") && added.contains("10.0.0.203"), "\(added)")
            let removed = try delv("10-0-0-201.cart.shop.svc.\(Self.zone)", "A", anchors[0], primary, port: port)
            #expect(removed.contains("negative response, fully validated"), "\(removed)")
            for (name, verdict) in [("203", "; fully validated"), ("201", "negative response, fully validated")] {
                let zone = Primary.zones[1]
                let answer = try delv("\(name).\(zone)", "PTR", anchors[1], primary, port: port, zone: zone)
                #expect(answer.contains(verdict), "\(answer)")
            }
        } catch {
            Issue.record(error, "\(primary.log)\n\(secondary.log)")
        }
    }

    @Test("a key that signs no more, which changes no record, has a secondary take the signatures of the other one")
    func rollover() async throws {
        let port = try Tool.freePort()
        let primary = try Primary(secondary: port, isSigned: true)
        try primary.publish([1])
        for zone in Primary.zones { _ = try makeKeys(of: primary, zone: zone, isSplit: true) }
        let old = try #require(try zoneSigningKeys(primary).first)
        _ = try makeKeys(of: primary, isSplit: true)
        try await primary.start()
        defer { primary.end() }
        let secondary = try SecondaryServer.bind.start(of: primary, on: port)
        defer { secondary.end() }
        func tags() throws -> Set<String> {
            let name = "cart.shop.svc.\(Self.zone)"
            let arguments = ["@127.0.0.1", "-p", "\(port)", "+dnssec", "+noall", "+answer", name, "A"]
            let lines = try Tool.run("dig", arguments, in: primary.folder).split(separator: "\n")
            let fields = lines.map { $0.split { $0 == "\t" || $0 == " " } }
            return Set(fields.filter { $0.count > 10 && $0[3] == "RRSIG" }.map { String($0[10]) })
        }
        do {
            try await eventually("signatures of two keys") { try tags().count == 2 }
            let keys = try Tool.records(Self.zone, "DNSKEY", port: port, in: primary.folder)
            _ = try Tool.run("dnssec-settime", ["-I", "now", old], in: primary.folder)
            try await eventually("signatures of one key") { try tags().count == 1 }
            #expect(try !tags().contains { old.contains("+\($0)") || old.contains("+0\($0)") })
            #expect(try Tool.records(Self.zone, "DNSKEY", port: port, in: primary.folder) == keys)
        } catch {
            Issue.record(error, "\(primary.log)\n\(secondary.log)")
        }
    }

    /// The files of the keys of flags 256 for the zone.
    private func zoneSigningKeys(_ primary: Primary) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: primary.keys)
            .filter { $0.hasPrefix("K\(Self.zone).") && $0.hasSuffix(".key") }.map { "\(primary.keys)/\($0)" }
            .filter { try String(contentsOf: URL(filePath: $0), encoding: .utf8).contains("DNSKEY 256") }
    }

    // MARK: - Keys

    @Test("delv validates nothing with another key as its anchor")
    func otherKey() async throws {
        let primary = try Primary(isSigned: true)
        defer { primary.end() }
        try primary.publish([1])
        _ = try makeKeys(of: primary, isSplit: false)
        let stranger = try Primary(isSigned: true)
        let anchors = try anchors(makeKeys(of: stranger, isSplit: false), in: primary.folder)
        try await primary.start()
        let answer = try delv("cart.shop.svc.\(Self.zone)", "A", anchors, primary)
        #expect(!answer.contains("fully validated"), "\(answer)")
    }

    @Test("the DS record is the one that dnssec-dsfromkey makes of the key")
    func delegation() throws {
        let primary = try Primary(isSigned: true)
        let key = try makeKeys(of: primary, isSplit: true)
        func words(_ text: String) -> [Substring] {
            let words = text.lowercased().split { $0.isWhitespace }
            return Array(words.drop { $0 != "ds" }.prefix(5))
        }
        let own = try Tool.run(
            Portolan.path(),
            ["dnssec", "ds", "--config", primary.configuration, Self.zone],
            in: primary.folder
        )
        let theirs = try Tool.run("dnssec-dsfromkey", ["-2", key], in: primary.folder)
        #expect(words(own).count == 5)
        #expect(words(own) == words(theirs), "\(own) \(theirs)")
    }
}
