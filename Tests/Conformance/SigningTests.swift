import Foundation
import Testing

/// Keys made by the built program, and what it signs with them, as BIND's tools see it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SigningTests {
    private static let zone = "cluster.local"

    /// Makes the keys of a signed primary, and returns the file that the key of flags 257 stands in.
    private func makeKeys(of primary: Primary, isSplit: Bool) throws -> String {
        try FileManager.default.createDirectory(atPath: primary.keys, withIntermediateDirectories: true)
        func generate(_ arguments: [String]) throws -> String {
            let command = ["dnssec", "keygen", "--zone", Self.zone, "--directory", primary.keys]
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

    private func delv(_ name: String, _ type: String, _ anchors: String, _ primary: Primary) throws -> String {
        try Tool.run(
            "delv",
            ["@127.0.0.1", "-p", "\(primary.port)", "-a", anchors, "+root=\(Self.zone)", name, type],
            in: primary.folder
        )
    }

    @Test("delv validates what is there and what is not", arguments: [false, true])
    func validates(isSplit: Bool) async throws {
        let primary = try Primary(isSigned: true)
        defer { primary.end() }
        try primary.publish([1, 2, 3])
        let key = try makeKeys(of: primary, isSplit: isSplit)
        let anchors = try anchors(key, in: primary.folder)
        try await primary.start()

        let positive = [
            ("cart.shop.svc", "A"), ("_grpc._tcp.cart.shop.svc", "SRV"), ("dns-version", "TXT"), ("", "SOA"),
            ("", "NS"), ("", "DNSKEY"),
        ]
        for (name, type) in positive {
            let answer = try delv(name.isEmpty ? Self.zone : "\(name).\(Self.zone)", type, anchors, primary)
            #expect(answer.contains("; fully validated"), "\(name) \(type): \(answer)")
        }
        let negative = [
            ("cart.shop.svc", "AAAA"), ("nobody.shop.svc", "A"), ("shop.svc", "A"), ("svc", "TXT"), ("", "MX"),
        ]
        for (name, type) in negative {
            let answer = try delv(name.isEmpty ? Self.zone : "\(name).\(Self.zone)", type, anchors, primary)
            #expect(answer.contains("negative response, fully validated"), "\(name) \(type): \(answer)")
        }
    }

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
