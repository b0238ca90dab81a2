import DNSCore
import Testing

@Suite struct DomainNameTests {
    @Test(
        "presentation form is read with escapes, in lower case",
        arguments: [
            ("", ".", 1), (".", ".", 1), ("a", "a.", 3), ("A.Bc.", "a.bc.", 6), ("a\\.b.c", "a\\.b.c.", 7),
            ("a\\046b", "a\\.b.", 5), ("\\000\\255", "\\000\\255.", 4), ("x_-*", "x_-*.", 6), ("\\065b", "ab.", 4),
        ]
    )
    func reading(text: String, canonical: String, length: Int) throws {
        let name = try #require(DomainName(text))
        #expect(name.description == canonical)
        #expect(name.wire.count == length)
        #expect(DomainName(canonical) == name)
    }

    @Test(
        "what is no name is refused",
        arguments: [
            "a..b", ".a", "..", "\\", "\\25", "\\256", "\\2x5", String(repeating: "a", count: 64),
            String(repeating: "a.", count: 128),
        ]
    )
    func refusing(text: String) {
        #expect(DomainName(text) == nil)
    }

    @Test("labels of 63 and names of 255 octets are the longest")
    func limits() {
        #expect(DomainName(String(repeating: "a", count: 63)) != nil)
        #expect(DomainName(String(repeating: "a.", count: 127))?.wire.count == 255)
        let long = DomainName(String(repeating: "a.", count: 126))!
        #expect(long.prefixed(by: "b")?.wire.count == 255)
        #expect(long.prefixed(by: "bc") == nil)
        #expect(DomainName.root.prefixed(by: "") == nil)
    }

    @Test("a subdomain ends in all the labels of its ancestor")
    func subdomains() {
        let zone = DomainName("example.com")!
        #expect(zone.isSubdomain(of: zone) && zone.isSubdomain(of: .root))
        #expect(DomainName("a.b.example.com")!.isSubdomain(of: zone))
        #expect(!DomainName("aexample.com")!.isSubdomain(of: zone))
        #expect(!DomainName("com")!.isSubdomain(of: zone))
        // The ancestor's octets, but inside a label.
        #expect(
            !DomainName(
                uncheckedWire: [9] + Array("a".utf8) + [7] + Array("example".utf8) + [3] + Array("com".utf8) + [0]
            ).isSubdomain(of: zone)
        )
    }
}
