import Testing

@testable import Sandbox

@Suite("Consul filter expressions")
struct FilterTests {
    private static let service = ServiceRecord(
        id: "web-1",
        name: "web",
        tags: ["v1", "k8s"],
        address: "10.1.0.1",
        taggedAddresses: ["lan": ServiceAddress(address: "10.1.0.1", port: 80)],
        meta: ["owner": "east", "a.b/c": "dotted"],
        port: 8080
    )

    @Test(
        "accepts",
        arguments: [
            "Service == web", #"Service == "web""#, "Service != api", "Port == 8080", #""v1" in Tags"#,
            "v1 in Tags", "Tags contains k8s", #""v2" not in Tags"#, "Tags not contains v2", "Tags is not empty",
            #"Meta["owner"] == east"#, "Meta.owner == east", #"Meta["a.b/c"] == "dotted""#, "owner in Meta",
            "Meta.absent != x", "Meta.absent is empty", #"Service matches "^w.b$""#, #"Service not matches "^a""#,
            #"ID matches "(?i)^WEB""#, "EnableTagOverride == false", "Kind is empty",
            "TaggedAddresses.lan.Address == 10.1.0.1", "lan in TaggedAddresses", "Weights.Passing == 1",
            "not Service == api", "Service == api or Port == 8080", "Service == web and (Port == 1 or Port == 8080)",
            "not (Service == web and Port == 1)", "Address == `10.1.0.1`", #"Address contains "10.1""#,
        ]
    )
    func accepts(_ text: String) throws {
        #expect(try Filter(text, fields: ServiceRecord.filterFields)(Self.service))
    }

    @Test(
        "refuses",
        arguments: [
            "Service == api", "Port != 8080", "v2 in Tags", #"Meta["absent"] == east"#, "Meta.absent matches x",
            "Service == web and Port == 1", "Tags is empty", "not Service == web",
        ]
    )
    func refuses(_ text: String) throws {
        #expect(try !Filter(text, fields: ServiceRecord.filterFields)(Self.service))
    }

    @Test(
        "names what is wrong",
        arguments: [
            ("Nothing == 1", #"Selector "Nothing" is not valid"#),
            ("Meta.a.b == 1", #"Selector "Meta.a.b" is not valid"#),
            ("Port == x", #"strconv.ParseInt: parsing "x": invalid syntax"#),
            ("Port contains 8", #"Invalid match operator "Contains" for selector "Port""#),
            (
                "Port < 9",
                #"1:6 (5): no match found, expected: "!=", "==", "contains", "in", "is", "matches", "not" or [ \t\r\n]"#
            ),
        ]
    )
    func fails(_ text: String, _ reason: String) {
        #expect(throws: FilterExpression.Failure(reason)) {
            try Filter(text, fields: ServiceRecord.filterFields)
        }
    }

    @Test(
        "no text makes the parser trap",
        arguments: [
            "", "(", "\"", "a[", "a[\"b\"", "not", "a ==", "a is", "a not", "a in", "1 ==", "(a == b", "a == b c",
        ]
    )
    func broken(_ text: String) {
        #expect(throws: FilterExpression.Failure.self) { try Filter(text, fields: ServiceRecord.filterFields) }
    }
}
