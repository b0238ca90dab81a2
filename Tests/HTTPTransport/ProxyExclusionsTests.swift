import Testing

@testable import HTTPTransport

@Suite struct ProxyExclusionsTests {
    @Test(
        "A host is excluded by name, by suffix, by address and by range",
        arguments: [
            ("", "host", false), ("*", "host", true), ("*", "10.0.0.1", true),
            ("example.com", "example.com", true), ("example.com", "www.example.com", true),
            ("example.com", "badexample.com", false), (".example.com", "www.example.com", true),
            (".example.com", "example.com", true), ("Example.COM", "www.example.com.", true),
            ("a.com, b.com", "b.com", true), ("a.com b.com", "b.com", true), ("a.com,,b.com", "c.com", false),
            ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.10", false), ("0.0.1", "10.0.0.1", false),
            ("10.0.0.0/8", "10.200.1.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/9", "10.128.0.1", false),
            ("10.0.0.0/33", "10.0.0.0", false), ("10.0.0.0/x", "10.0.0.0", false), ("0.0.0.0/0", "9.9.9.9", true),
            ("0.0.0.0/0", "::1", false), ("::1", "::1", true), ("[::1]", "::1", true), ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false), ("10.0.0.0/8", "example.com", false),
        ]
    )
    func excluded(list: String, host: String, isExcluded: Bool) {
        #expect(ProxyExclusions(list).contains(host) == isExcluded)
    }
}
