import DNSCore
import ServiceCatalog
import Testing

@testable import DNSZones

@Suite struct LabelTests {
    // MARK: Registry names

    @Test(
        "A registry name becomes labels by the documented rule",
        arguments: [
            ("web", "web"), ("Web", "web"), ("order_service", "order_service"), ("a-b", "a-b"),
            ("cart.shop", "cart.shop"), ("_web", "x--5fweb"), ("-web", "x--2dweb"), ("web-", "webx--2d"),
            ("a--b", "a-x--2db"), ("a---b", "a-x--2dx--2db"), ("a.-b", "a.x--2db"), ("a-.b", "ax--2d.b"),
            ("a._b", "a.x--5fb"), (".a", "x--2ea"), ("a.", "ax--2e"), ("a..b", "a.x--2eb"), (".", "x--2e"),
            ("com/acme:Cart", "comx--2facmex--3acart"), ("x--2d", "x-x--2d2d"), ("xn--a", "xn-x--2da"),
            ("caf\u{e9}", "cafx--c3x--a9"), ("10-0-0-1.cart", "x--310-0-0-1.cart"), ("10-0-0-1", "10-0-0-1"),
            ("1-2-3-4-5-6-7-8.cart", "x--31-2-3-4-5-6-7-8.cart"), ("10-0-0.cart", "10-0-0.cart"),
        ]
    )
    func registryLabels(name: String, expected: String) {
        let labels = RegistryLabel.labels(of: name)
        #expect(labels.map { $0.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".") } == expected)
    }

    @Test("As one label, dots are escaped")
    func singleLabel() {
        #expect(RegistryLabel.label(of: "cart.shop").map { String(decoding: $0, as: UTF8.self) } == "cartx--2eshop")
        #expect(RegistryLabel.label(of: "") == nil)
        #expect(RegistryLabel.label(of: String(repeating: "a", count: 63)) != nil)
        #expect(RegistryLabel.label(of: String(repeating: "a", count: 64)) == nil)
        #expect(RegistryLabel.labels(of: String(repeating: ":", count: 13)) == nil)
    }

    @Test("The rule can be reversed up to case, and keeps names apart")
    func reversible() {
        var random = SplitMix64(seed: 7)
        let alphabet = Array("ax-_.:2d10".utf8) + [0xc3, 0xa9]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 1...9, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            guard let name = String(validating: bytes, as: UTF8.self), let labels = RegistryLabel.labels(of: name)
            else {
                continue
            }
            #expect(unmapped(labels.joined(separator: [UInt8(ascii: ".")])) == Array(name.utf8))
            if let label = RegistryLabel.label(of: name) { #expect(unmapped(label) == Array(name.utf8)) }
            for label in labels {
                #expect(
                    !label.starts(with: "_".utf8) && !label.starts(with: "-".utf8) && label.last != UInt8(ascii: "-")
                )
                #expect(!label.starts(with: "xn--".utf8))
                #expect(label.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-_".utf8.contains($0) })
            }
        }
    }

    /// The way back, as the rule states it: every `x--HH` is an octet, all else stands for itself.
    private func unmapped(_ text: some Sequence<UInt8>) -> [UInt8] {
        var rest = Array(text)[...]
        var name: [UInt8] = []
        while let byte = rest.first {
            if rest.starts(with: "x--".utf8), rest.count >= 5,
                let value = UInt8(String(decoding: rest.dropFirst(3).prefix(2), as: UTF8.self), radix: 16)
            {
                name.append(value)
                rest = rest.dropFirst(5)
            } else {
                name.append(byte)
                rest = rest.dropFirst()
            }
        }
        return name
    }

    // MARK: Host labels

    @Test(
        "An address becomes a label of its canonical text with dashes",
        arguments: [
            ("10.0.0.1", "10-0-0-1"), ("255.255.255.255", "255-255-255-255"), ("0.0.0.0", "0-0-0-0"),
            ("100.20.3.99", "100-20-3-99"), ("2001:db8::1", "2001-db8--1"), ("fd00::", "fd00--0"), ("::1", "--1"),
            ("::", "--0"), ("1:2:3:4:5:6:7:8", "1-2-3-4-5-6-7-8"), ("1:0:0:2:0:0:0:3", "1-0-0-2--3"),
            ("1:0:0:2:3:0:0:4", "1--2-3-0-0-4"), ("1:0:2::", "1-0-2--0"), ("1:0:2:3:4:5:6:7", "1-0-2-3-4-5-6-7"),
            ("ABCD:ef01::0fff", "abcd-ef01--fff"),
        ]
    )
    func dashed(address: String, label: String) throws {
        let address = try #require(IPAddress(address))
        #expect(HostLabel.dashed(address).name(under: .root)?.description == label + ".")
        guard !label.hasPrefix("-") else { return }
        for spelling in [label, label.uppercased()] { #expect(HostLabel(hostname: spelling) == .dashed(address)) }
    }

    @Test("A random address' label is the canonical text with its separators exchanged")
    func dashedAgainstText() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<5_000 {
            // Few bits set, so that runs of zero groups are common.
            let mask = random.next() & random.next() & random.next()
            let address = IPAddress.v6(high: random.next() & mask, low: random.next() & random.next() & mask)
            var expected = address.description.map { $0 == ":" ? "-" : String($0) }.joined()
            if expected.hasSuffix("-") { expected += "0" }
            #expect(HostLabel.dashed(address).name(under: .root)?.description == expected + ".")
        }
    }

    @Test(
        "A hostname is a host label, in lower case",
        arguments: [
            ("db-0", "db-0"), ("DB-0", "db-0"), ("0", "0"), ("", nil), ("-a", nil), ("a-", nil), ("a.b", nil),
            ("a_b", nil), ("caf\u{e9}", nil), (String(repeating: "a", count: 64), nil),
        ] as [(String, String?)]
    )
    func hostnames(hostname: String, expected: String?) {
        #expect(HostLabel(hostname: hostname) == expected.map { .given($0) })
    }

    @Test("A hostname is an address' label only when it is exactly that")
    func lookalikes() {
        for hostname in ["10-0-0", "10-0-0-256", "1-0-0-0-0-0-0-8", "a-b", "01-2-3-4"] {
            #expect(HostLabel(hostname: hostname) == .given(hostname))
        }
    }

    @Test("A name over 255 octets is none")
    func longNames() throws {
        let label = String(repeating: "a", count: 63)
        let parent = try #require(DomainName([label, label, label].joined(separator: ".")))
        #expect(parent.wire.count == 193)
        let fits = try #require(HostLabel(hostname: String(repeating: "b", count: 61)))
        #expect(fits.name(under: parent)?.wire.count == 255)
        let over = try #require(HostLabel(hostname: String(repeating: "b", count: 62)))
        #expect(over.name(under: parent) == nil)
    }
}

/// A small generator with a seed, so that a failing case can be run again.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
