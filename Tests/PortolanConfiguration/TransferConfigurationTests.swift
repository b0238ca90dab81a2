import DNSCore
import DNSTransfer
import ServiceCatalog
import Testing

@testable import PortolanConfiguration

@Suite struct TransferConfigurationTests {
    /// - Parameter transfer: the mapping at `dns.zones[0].transfer`, from line 9 on.
    private func read(
        _ transfer: String,
        keys: String = "{ one: { algorithm: hmac-sha256, secret: { file: /etc/one } } }"
    ) throws(ConfigurationError) -> DNSConfiguration? {
        try Configuration.reading(
            """
            cluster: east
            systems:
              east: { kubernetes: {} }
            dns:
              listen: ["127.0.0.1:5353"]
              keys: \(keys)
              zones:
                - { zone: cluster.local, from: [east],
                    transfer: \(transfer) }
            """,
            file: "p.yaml",
            environment: [:]
        ).dns
    }

    @Test("keys, access rules and secondaries are read")
    func everything() throws {
        let dns = try read(
            """
            { allow: ["10.1.0.0/16", { key: one }, { from: "2001:db8::/32", key: One. }],
              notify: ["10.1.0.2:53", { to: "[2001:db8::2]:5300", key: one }] }
            """
        )
        let one = try #require(DomainName("one"))
        #expect(dns?.keys == [.init(name: one, algorithm: .hmacSHA256, secret: .file("/etc/one"))])
        let transfer = try #require(dns?.zones.first?.transfer)
        #expect(
            transfer.access.rules == [
                .init(range: try AddressRange("10.1.0.0/16")), .init(key: one),
                .init(range: try AddressRange("2001:db8::/32"), key: one),
            ]
        )
        #expect(
            transfer.notify == [
                .init(address: try #require(ListenAddress("10.1.0.2:53"))),
                .init(address: try #require(ListenAddress("[2001:db8::2]:5300")), key: one),
            ]
        )
    }

    @Test(
        "mistakes name the way out",
        arguments: [
            ("{ allow: [{ key: two }] }", "there is no key \"two\" in dns.keys; known are one"),
            ("{ allow: [{ key: onne }] }", "did you mean \"one\"?"),
            ("{ allow: [{}] }", "needs from, key, or both"),
            ("{ allow: [\"10.1.0.1/16\"] }", "did you mean 10.1.0.0/16?"),
            ("{ notify: [\"10.1.0.2\"] }", "is not an address and port such as 10.1.0.2:53"),
            ("{ notify: [\"10.1.0.2:0\"] }", "is not an address and port such as 10.1.0.2:53"),
            ("{ notify: [{ key: one }] }", "needs the key \"to\""),
            ("{ notfy: [] }", "did you mean \"notify\"?"),
        ]
    )
    func mistakes(transfer: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(transfer) }
        #expect(
            error?.mistakes.contains { $0.message.contains(message) && $0.line == 9 } == true,
            "\(error?.mistakes ?? [])"
        )
    }

    @Test(
        "a signed zone can be transferred unless another zone lies below it",
        arguments: [
            ("elsewhere.test", "dnssec: { keys: /k }, transfer: {}", nil),
            ("elsewhere.test", "transfer: {}", nil), ("low.z.test", "transfer: {}", nil),
            ("low.z.test", "dnssec: { keys: /k }", nil),
            (
                "low.z.test", "dnssec: { keys: /k }, transfer: {}",
                "secondaries of it would deny zone \"low.z.test.\" below it: leave out transfer or dnssec of \"z.test.\""
            ),
            (
                "9.10.in-addr.arpa", "reverse: [10.0.0.0/8], dnssec: { keys: /k }, transfer: {}",
                "zone \"10.in-addr.arpa.\" is signed and can be transferred"
            ),
        ]
    )
    func copies(other: String, options: String, message: String?) throws {
        func read() throws -> Configuration {
            try Configuration.reading(
                """
                cluster: c
                systems:
                  local: { kubernetes: {} }
                dns:
                  listen: ["127.0.0.1:5353"]
                  zones:
                    - { zone: z.test, from: [local], \(options) }
                    - { zone: \(other), from: [local] }
                """,
                file: "p.yaml",
                environment: [:]
            )
        }
        guard let message else {
            #expect(try read().dns?.zones.count == 2)
            return
        }
        let error = #expect(throws: ConfigurationError.self) { try read() }
        let mistakes = error?.mistakes ?? []
        #expect(mistakes.contains { $0.message.contains(message) && $0.line == 7 }, "\(mistakes)")
    }

    @Test(
        "mistakes in keys name the way out",
        arguments: [
            (
                "{ one: { algorithm: hmac-md5, secret: { file: /k } } }",
                "known are hmac-sha256, hmac-sha384, hmac-sha512"
            ),
            ("{ one: { algorithm: hmac-sha256 } }", "needs the key \"secret\""),
            ("{ one: { algorithm: hmac-sha256, secret: c2VjcmV0 } }", "must not stand in the file"),
            ("{ \"a..b\": { algorithm: hmac-sha256, secret: { file: /k } } }", "is not the name of a key"),
        ]
    )
    func keyMistakes(keys: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) { try read("{}", keys: keys) }
        #expect(error?.mistakes.contains { $0.message.contains(message) } == true, "\(error?.mistakes ?? [])")
        #expect(error?.mistakes.contains { $0.message.contains("c2VjcmV0") } == false)
    }
}
