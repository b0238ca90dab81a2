import DNSCore
import DNSZones
import Testing

@Suite struct RecordTextTests {
    @Test(
        "Records are written as in a zone file",
        arguments: [
            (RecordType.a, RecordData.a(0x0a00_0001), "A 10.0.0.1"),
            (.aaaa, .aaaa(high: 0x2001_0db8_0000_0000, low: 1), "AAAA 2001:db8::1"),
            (.ns, .ns("ns.example"), "NS ns.example."),
            (.cname, .cname("a.example"), "CNAME a.example."),
            (.ptr, .ptr("b.example"), "PTR b.example."),
            (.srv, .srv(priority: 1, weight: 2, port: 3, target: "c.example"), "SRV 1 2 3 c.example."),
            (.txt, .txt([Array("a \"b\" \\".utf8), [0, 9, 200], []]), #"TXT "a \"b\" \\" "\000\009\200" """#),
            (.svcb, .opaque([0x0a, 0xff]), "SVCB \\# 2 0aff"),
            (RecordType(rawValue: 65280), .opaque([]), "TYPE65280 \\# 0"),
        ]
    )
    func text(type: RecordType, data: RecordData, expected: String) {
        let set = RecordSet(type: type, ttl: 30, data: [data, data])
        #expect(set.lines(owner: "x.example") == Array(repeating: "x.example. 30 IN \(expected)", count: 2))
        #expect(OwnerChange(owner: "x.example", sets: [set]).lines == set.lines(owner: "x.example"))
    }
}
