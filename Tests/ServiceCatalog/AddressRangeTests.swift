import ServiceCatalog
import Testing

@Suite struct AddressRangeTests {
    @Test(
        "Ranges are read with and without a length, and written canonically",
        arguments: [
            ("10.96.0.0/12", "10.96.0.0/12"), ("0.0.0.0/0", "0.0.0.0/0"), ("192.0.2.1", "192.0.2.1/32"),
            ("192.0.2.1/32", "192.0.2.1/32"), ("::/0", "::/0"), ("2001:DB8:0::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"), ("fe80::/10", "fe80::/10"),
        ]
    )
    func reading(text: String, canonical: String) throws {
        #expect(try AddressRange(text).description == canonical)
    }

    @Test(
        "A range holds the addresses that share its leading bits, and none of the other family",
        arguments: [
            ("10.96.0.0/12", "10.96.0.0", true), ("10.96.0.0/12", "10.111.255.255", true),
            ("10.96.0.0/12", "10.112.0.0", false), ("10.96.0.0/12", "10.95.255.255", false),
            ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::", false), ("::/0", "0.0.0.0", false),
            ("::/0", "ffff::1", true), ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("2001:db8::/65", "2001:db8::7fff:0:0:1", true), ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
        ]
    )
    func containing(range: String, address: String, isInside: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try AddressRange(range).contains(address) == isInside)
    }

    @Test(
        "Other texts are refused with the way out",
        arguments: [
            ("", AddressRangeError.notARange("")), ("10.0.0.0/", .notARange("10.0.0.0/")),
            ("10.0.0.0/33", .notARange("10.0.0.0/33")), ("10.0.0.0/-1", .notARange("10.0.0.0/-1")),
            ("10.0.0.0/+8", .notARange("10.0.0.0/+8")), ("10.0.0.0/8/9", .notARange("10.0.0.0/8/9")),
            ("10.0.0/8", .notARange("10.0.0/8")), ("::/129", .notARange("::/129")), ("any", .notARange("any")),
            ("10.1.0.0/8", .pastTheStart("10.1.0.0/8", start: "10.0.0.0/8")),
            ("2001:db8::1/32", .pastTheStart("2001:db8::1/32", start: "2001:db8::/32")),
        ]
    )
    func refusing(text: String, error: AddressRangeError) {
        #expect(throws: error) { try AddressRange(text) }
        #expect(error.description.contains("\"\(text)\""))
    }
}
