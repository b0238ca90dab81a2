import ServiceCatalog
import Testing

@Suite struct ListenAddressTests {
    @Test(
        "addresses are read as ip:port, IPv6 in brackets",
        arguments: [
            ("127.0.0.1:53", "127.0.0.1:53"), ("[::1]:5353", "[::1]:5353"), ("[2001:DB8:0::1]:0", "[2001:db8::1]:0"),
            ("0.0.0.0:65535", "0.0.0.0:65535"),
        ]
    )
    func reading(text: String, canonical: String) {
        #expect(ListenAddress(text)?.description == canonical)
    }

    @Test(
        "other texts are refused",
        arguments: [
            "", "53", ":53", "127.0.0.1", "::1:53", "[127.0.0.1]:53", "[::1]", "[::1]:65536", "localhost:53",
            "1.2.3.4:-1",
        ]
    )
    func refusing(text: String) {
        #expect(ListenAddress(text) == nil)
    }
}
