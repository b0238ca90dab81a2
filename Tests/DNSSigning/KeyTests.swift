import DNSCore
import DNSSigning
import Testing

@Suite struct KeyTests {
    /// RFC 6605 section 6.1.
    fileprivate static let rfcRecord =
        "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb "
        + "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n"
    fileprivate static let rfcSecret = """
        Private-key-format: v1.2
        Algorithm: 13 (ECDSAP256SHA256)
        PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=

        """
    fileprivate static let rfcName = KeyFileName(publicFile: "Kexample.net.+013+55648.key")!

    @Test("the key of RFC 6605 has its tag and its DS record")
    func example() throws {
        let pair = try KeyFile.read(Self.rfcName, publicText: Self.rfcRecord, privateText: Self.rfcSecret)
        #expect(pair.key.tag == 55648)
        #expect(pair.ttl == 3600)
        #expect(
            pair.key.delegationText
                == "example.net. IN DS 55648 13 2 "
                + "B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17"
        )
        #expect(pair.timing.isActive(at: 0), "a key without times is always in use")
    }

    @Test("files as dnssec-keygen writes them are read, with their times")
    func bind() throws {
        let pair = try KeyFile.read(
            KeyFileName(publicFile: "Kexample.org.+013+46523.key")!,
            publicText: """
                ; This is a zone-signing key, keyid 46523, for example.org.
                ; Created: 20261128042807 (Sat Nov 28 04:28:07 2026)
                ; Publish: 20261128042807 (Sat Nov 28 04:28:07 2026)
                ; Activate: 20261129042807 (Sun Nov 29 04:28:07 2026)
                example.org. 300 IN DNSKEY 256 3 13 /Q03GxbYhCeqiOAPrqkpYFQ5ZBbTikrUVvCrTJdx/eN5bmh+VSF6ynIA t9MuYbEXwnvzE7A9/n2qdyCf1OpSLw==

                """,
            privateText: """
                Private-key-format: v1.3
                Algorithm: 13 (ECDSAP256SHA256)
                PrivateKey: V6avXi5nfP3rXdv3rKPNHzeHArY3l0goxfJf3zOE7pk=
                Created: 20261128042807
                Publish: 20261128042807
                Activate: 20261129042807

                """
        )
        #expect(!pair.key.isKeySigning)
        #expect(pair.ttl == 300)
        #expect(pair.timing.publish == 1_795_840_087)
        #expect(pair.timing.activate == 1_795_926_487)
    }

    @Test("files as ldns-keygen writes them are read")
    func ldns() throws {
        let pair = try KeyFile.read(
            KeyFileName(publicFile: "Kexample.com.+013+43428.key")!,
            publicText:
                "example.com.\tIN\tDNSKEY\t257 3 13 LB+mK05s9Miqu98T1Fe5BQ4My+iQ23S1MVQOBDquUnOuGkBPV8qbK31R6LiAX"
                + "tDJMAPpMRvAhmTaRsvdbw5jyg== ;{id = 43428 (ksk), size = 256b}\n",
            privateText: """
                Private-key-format: v1.2
                Algorithm: 13 (ECDSAP256SHA256)
                PrivateKey: MJV/pwukXQU5U/E8OT8Gn9k4dOprx+5PzxrWpylfXOM=

                """
        )
        #expect(
            pair.key.delegationText
                == "example.com. IN DS 43428 13 2 "
                + "EBB7360DBC4D69CA646B7C629A8DBB26DA0F6B071DAF33566D627A5354EF82E3"
        )
    }

    @Test("a key that is made is written so that it reads back, active from then on", arguments: [true, false])
    func roundTrip(isKeySigning: Bool) throws {
        let made = SigningKey.generate(for: name("cluster.local"), isKeySigning: isKeySigning)
        let files = KeyFile.write(made, created: 1_800_000_000)
        let read = try KeyFile.read(
            KeyFileName(of: made.key),
            publicText: files.publicText,
            privateText: files.privateText
        )
        #expect(read.key == made.key)
        #expect(!read.timing.isActive(at: 1_799_999_999))
        #expect(read.timing.isActive(at: 1_800_000_000))
    }

    @Test(
        "the names of key files are read whatever the zone is called",
        arguments: [
            ("Kexample.net.+013+55648.key", "example.net", 13, 55648), ("Ka+b.test.+008+00001.key", "a+b.test", 8, 1),
            ("K.+013+00020.key", ".", 13, 20),
        ]
    )
    func fileNames(file: String, zone: String, algorithm: Int, tag: Int) throws {
        let read = try #require(KeyFileName(publicFile: file))
        #expect(read.zone == name(zone))
        #expect(Int(read.algorithm) == algorithm)
        #expect(Int(read.tag) == tag)
    }

    @Test(
        "other files are no key files",
        arguments: [
            "Kexample.net.+013+55648.private", "example.net.key", "Kexample.net.+013.key", "K+013+1.key", "K.key",
        ]
    )
    func otherFiles(file: String) { #expect(KeyFileName(publicFile: file) == nil) }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var file = "Kexample.net.+013+55648.key"
        var publicText = KeyTests.rfcRecord
        var privateText = KeyTests.rfcSecret
        let message: String
    }

    @Test(
        "every mistake is one message with the file's name",
        arguments: [
            Mistake(
                testDescription: "another algorithm in the name",
                file: "Kexample.net.+008+55648.key",
                message: "Kexample.net.+008+55648.key: algorithm 8 is not supported"
            ),
            Mistake(
                testDescription: "another zone in the record",
                file: "Kexample.com.+013+55648.key",
                message:
                    "Kexample.com.+013+55648.key: the key is of the zone example.net., the file's name says example.com."
            ),
            Mistake(
                testDescription: "another tag in the name",
                file: "Kexample.net.+013+55649.key",
                message: "Kexample.net.+013+55649.key: the key's tag is 55648, the file's name says 55649"
            ),
            Mistake(
                testDescription: "no record",
                publicText: "; nothing\n",
                message: "Kexample.net.+013+55648.key: there must be exactly one DNSKEY record"
            ),
            Mistake(
                testDescription: "a revoked key",
                publicText: rfcRecord.replacing("257 3", with: "385 3"),
                message: "Kexample.net.+013+55648.key: flags 385 are not supported"
            ),
            Mistake(
                testDescription: "a cut key",
                publicText: "example.net. IN DNSKEY 257 3 13 GojIhhXUN/u4\n",
                message: "Kexample.net.+013+55648.key: \"example.net. IN DNSKEY 257 3 13 GojIhhXUN/u4\" is not a DNSKEY"
            ),
            Mistake(
                testDescription: "no private key",
                privateText: "",
                message: "Kexample.net.+013+55648.private: it does not begin with \"Private-key-format: v1.\""
            ),
            Mistake(
                testDescription: "a private key without its number",
                privateText: "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\n",
                message: "Kexample.net.+013+55648.private: it has no line \"PrivateKey:\""
            ),
            Mistake(
                testDescription: "a private key of another algorithm",
                privateText: "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n",
                message: "Kexample.net.+013+55648.private: algorithm 8 is not supported"
            ),
            Mistake(
                testDescription: "zero as private key",
                privateText: "Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: AAAA\n",
                message: "Kexample.net.+013+55648.private: the private key is not one of P-256"
            ),
            Mistake(
                testDescription: "the private key of another pair",
                privateText: rfcSecret.replacing("GU6S", with: "HU6S"),
                message: "Kexample.net.+013+55648.private: the private key does not belong to the public one in "
                    + "Kexample.net.+013+55648.key"
            ),
            Mistake(
                testDescription: "a time that is none",
                privateText: rfcSecret + "Activate: soon\n",
                message: "Kexample.net.+013+55648.private: what follows \"Activate:\" cannot be read"
            ),
        ]
    )
    func mistakes(mistake: Mistake) throws {
        let error = try #require(throws: KeyFileError.self) {
            try KeyFile.read(
                KeyFileName(publicFile: mistake.file)!,
                publicText: mistake.publicText,
                privateText: mistake.privateText
            )
        }
        #expect(error.description.hasPrefix(mistake.message), "\(error)")
    }

    @Test("a key's state follows from its times and the clock")
    func states() {
        var timing = KeyTiming()
        (timing.publish, timing.activate, timing.inactive, timing.delete) = (10, 20, 30, 40)
        let states = [5, 10, 19, 20, 29, 30, 39, 40].map { now -> String in
            let now = Int64(now)
            return timing.isActive(at: now) ? "active" : timing.isPublished(at: now) ? "published" : "hidden"
        }
        #expect(
            states == ["hidden", "published", "published", "active", "active", "published", "published", "hidden"]
        )
        timing.activate = nil
        #expect(!timing.isActive(at: 25), "published, but not to sign")
    }

    @Test("KSKs sign the key sets and ZSKs the rest; where one kind is missing the other does both")
    func roles() {
        let zone = name("a.test")
        let ksk = SigningKey.generate(for: zone, isKeySigning: true)
        let zsk = SigningKey.generate(for: zone, isKeySigning: false)
        let split = ZoneKeys(zone: zone, keys: [ksk, zsk])
        #expect(split.keySigning(at: 0).map(\.key) == [ksk.key])
        #expect(split.zoneSigning(at: 0).map(\.key) == [zsk.key])
        #expect(split.delegated(at: 0) == [ksk.key])
        let combined = ZoneKeys(zone: zone, keys: [ksk])
        #expect(combined.zoneSigning(at: 0).map(\.key) == [ksk.key])
        let zskOnly = ZoneKeys(zone: zone, keys: [zsk])
        #expect(zskOnly.keySigning(at: 0).map(\.key) == [zsk.key])
        #expect(zskOnly.delegated(at: 0) == [zsk.key])
    }

    @Test("CDS and CDNSKEY are there when the key's file asks for them")
    func synchronisation() {
        var key = SigningKey.generate(for: name("a.test"), isKeySigning: true)
        (key.timing.syncPublish, key.timing.syncDelete) = (10, 20)
        let keys = ZoneKeys(zone: name("a.test"), keys: [key])
        #expect(keys.apexSets(at: 5).map(\.type) == [.dnskey])
        #expect(keys.apexSets(at: 15).map(\.type) == [.dnskey, .cds, .cdnskey])
        #expect(keys.apexSets(at: 20).map(\.type) == [.dnskey])
    }
}
