import DNSCore
import Testing

@Suite struct ServiceBindingTests {
    private static let target = DomainName("foo.example.com")!
    private static let targetWire = "03666f6f076578616d706c6503636f6d00"

    private static func octets(_ hex: String) -> [UInt8] {
        let digits = Array(hex.filter { $0 != " " })
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...($0 + 1)]), radix: 16)! }
    }

    /// The test vectors of RFC 9460 appendix D.2 whose parameters have a place here.
    @Test(
        "The vectors of RFC 9460 are written and read",
        arguments: [
            ("0001 00", "1 .", ServiceBinding(priority: 1, target: .root)),
            (
                "0010 \(targetWire) 0003 0002 0035", "16 foo.example.com. port=53",
                with(16) { $0.port = 53 }
            ),
            (
                "0001 \(targetWire) 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001",
                "1 foo.example.com. ipv6hint=20010db8000000000000000000000001,20010db8000000000000000000530001",
                with(1) {
                    $0.ipv6Hints = [
                        0x2001_0db8_0000_0000_0000_0000_0000_0001, 0x2001_0db8_0000_0000_0000_0000_0053_0001,
                    ]
                }
            ),
            (
                "0010 03666f6f076578616d706c65036f726700 0000 0004 0001 0004"
                    + "0001 0009 02 6832 05 68332d3139 0004 0004 c0000201",
                #"16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1"#,
                with(16, "foo.example.org") {
                    $0.mandatory = [4, 1]
                    $0.alpn = [Array("h2".utf8), Array("h3-19".utf8)]
                    $0.ipv4Hints = [0xc000_0201]
                }
            ),
            (
                "0010 03666f6f076578616d706c65036f726700 0001 000c 08 665c6f6f2c626172 02 6832",
                #"16 foo.example.org. alpn="f\\\\oo\\,bar,h2""#,
                with(16, "foo.example.org") { $0.alpn = [Array(#"f\oo,bar"#.utf8), Array("h2".utf8)] }
            ),
        ]
    )
    func vectors(hex: String, text: String, binding: ServiceBinding) {
        let wire = Self.octets(hex)
        #expect(binding.wire == wire)
        #expect(ServiceBinding(wire: wire) == binding)
        let shown = binding.text { address in
            let digits = String(address, radix: 16)
            return String(repeating: "0", count: 32 - digits.count) + digits
        }
        #expect(shown == text)
    }

    private static func with(
        _ priority: UInt16,
        _ target: String = "foo.example.com",
        _ change: (inout ServiceBinding) -> Void
    ) -> ServiceBinding {
        var binding = ServiceBinding(priority: priority, target: DomainName(target)!)
        change(&binding)
        return binding
    }

    @Test(
        "What is malformed is not read",
        arguments: [
            ("", "nothing"), ("0001", "no target"), ("0000 00", "an alias"), ("0001 00 0003 0002 00", "cut off"),
            ("0001 00 0003 0002 0035 0001 0003 02 6832", "keys out of order"),
            ("0001 00 0003 0002 0035 0003 0002 0035", "a key twice"), ("0001 00 0003 0003 003500", "a long port"),
            ("0001 00 0001 0001 00", "an empty ALPN id"), ("0001 00 0001 0000", "no ALPN id"),
            ("0001 00 0004 0003 c00002", "part of an address"),
            ("0001 00 0006 0008 2001000000000000", "half an address"),
            ("0001 00 0000 0002 0001", "a mandatory key that is absent"),
            ("0001 00 0000 0004 0003 0001 0001 0003 02 6832 0003 0002 0035", "mandatory keys out of order"),
            ("0001 00 0000 0002 0000", "mandatory itself"), ("0001 00 0002 0000", "no-default-alpn without alpn"),
            ("0001 c000", "a compressed target"), ("0001 0161", "a target without end"),
        ]
    )
    func malformed(hex: String, what: String) {
        #expect(ServiceBinding(wire: Self.octets(hex)) == nil, "\(what)")
    }
}
