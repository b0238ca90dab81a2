import DNSCore
import DNSSigning
import Foundation
import Testing

@Suite struct CanonicalTests {
    @Test("names are in the order of RFC 4034 section 6.1")
    func order() {
        let names = [
            "example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE", "z.example",
            #"\001.z.example"#, "*.z.example", #"\200.z.example"#,
        ].map(name)
        for (index, left) in names.enumerated() {
            for (other, right) in names.enumerated() {
                #expect(left.canonicallyPrecedes(right) == (index < other), "\(left) \(right)")
            }
        }
    }

    @Test("labels are compared by their octets, the shorter before the longer, also with zero octets")
    func octets() {
        let ordered = [#"\000.a"#, #"\000\000.a"#, #"\001.a"#, #"\001\000.a"#, #"\002.a"#, #"b.\000.a"#].map(name)
        let sorted = ordered.sorted { $0.canonicallyPrecedes($1) }
        #expect(sorted == [ordered[0], ordered[5], ordered[1], ordered[2], ordered[3], ordered[4]])
    }

    @Test("the immediate successor is next: nothing lies between, whatever the length")
    func successors() {
        let apex = name("z.test")
        let full = String(repeating: "a", count: 63)
        // 2 × 64 + 8 for the apex leave 119 octets up to 255.
        let base = "\(full).\(full)"
        func long(_ first: String) -> DomainName { name("\(first).\(base).z.test") }
        #expect(name("a.z.test").immediateSuccessor(in: apex) == name(#"\000.a.z.test"#))
        #expect(apex.immediateSuccessor(in: apex) == name(#"\000.z.test"#))
        let rest = String(repeating: "b", count: 54)
        let at253 = long("\(rest).\(full.dropLast(0))".replacing(full, with: String(repeating: "c", count: 61)))
        #expect(at253.wire.count == 253)
        #expect(at253.immediateSuccessor(in: apex).wire.count == 255)
        let at254 = long("\(rest).\(String(repeating: "c", count: 62))")
        #expect(at254.immediateSuccessor(in: apex) == long("\(rest)\\000.\(String(repeating: "c", count: 62))"))
        let at255 = long("\(rest).\(full)")
        #expect(at255.immediateSuccessor(in: apex) == long("\(rest.dropLast())c.\(full)"))
        let at = String(repeating: "b", count: 53)
        #expect(long("\(at)@.\(full)").immediateSuccessor(in: apex) == long("\(at)[.\(full)"), "no upper case")
        let last = String(repeating: #"\255"#, count: 54)
        #expect(
            long("\(last).\(full)").immediateSuccessor(in: apex) == name("\(full.dropLast())b.\(base).z.test"),
            "after the last name below a label comes what follows that label"
        )
        for long in [at253, at254, at255, long("\(last).\(full)")] {
            #expect(long.canonicallyPrecedes(long.immediateSuccessor(in: apex)))
        }
    }

    @Test("the bitmap is the one of RFC 4034 section 4.3")
    func bitmap() {
        let types = [1, 15, 46, 47, 1234].map { RecordType(rawValue: $0) }
        let denial = Denial(next: name("host.example.com"), types: types)
        var expected: [UInt8] = [4] + Array("host".utf8) + [7] + Array("example".utf8) + [3] + Array("com".utf8) + [0]
        expected += [0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 4, 0x1b] + [UInt8](repeating: 0, count: 26) + [0x20]
        #expect(denial.data == .opaque(expected))
    }

    @Test("a signature of RFC 6605 is over what is signed here")
    func signedOctets() throws {
        // RFC 6605 section 6.1, made by its authors: that it verifies says that the signed octets are theirs.
        let fields: [UInt8] =
            [0, 1, 13, 3, 0, 0, 0x0e, 0x10] + Self.bigEndian(1_284_026_679) + Self.bigEndian(1_281_607_479)
            + [0xd9, 0x60] + name("example.net").wire
        let signature = try #require(
            Self.base64("qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==")
        )
        let key = try #require(
            Self.base64("GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==")
        )
        let owner = name("www.example.net")
        let validator = Validator(
            keys: [name("example.net"): [DNSKey(zone: name("example.net"), isKeySigning: true, publicKey: key)]],
            now: 1_282_000_000
        )
        let faults = validator.faults([
            ResourceRecord(owner: owner, type: .a, ttl: 3600, data: .a(0xc000_0201)),
            ResourceRecord(owner: owner, type: .rrsig, ttl: 3600, data: .opaque(fields + signature)),
        ])
        #expect(faults == [])
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xff) } }

    private static func base64(_ text: String) -> [UInt8]? { Data(base64Encoded: text).map { Array($0) } }
}
