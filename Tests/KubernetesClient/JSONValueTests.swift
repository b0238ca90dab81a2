import KubernetesObjects
import Testing

@testable import KubernetesClient

@Suite struct JSONValueTests {
    @Test(
        "what is read is written again, compact and sorted by key",
        arguments: [
            (#" {"b" : [1, -2.50, 1e400, true, null], "a":{}} "#, #"{"a":{},"b":[1,-2.50,1e400,true,null]}"#),
            (#""a\"\\\u0000\n\u00e4\/""#, #""a\"\\\u0000\u000aä/""#), ("[]", "[]"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "9223372036854775808"),
        ]
    )
    func roundTrip(text: String, written: String) throws {
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(String(decoding: value.encoded, as: UTF8.self) == written)
        #expect(try JSONValue(parsing: value.encoded) == value)
    }

    @Test("what is no JSON is refused", arguments: ["", "{", "{} {}", "[1,]", "nul", "\"a", "01", "{1:2}"])
    func refused(text: String) {
        #expect(throws: ObjectDecodingError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test("members are reached by key and set in place")
    func members() {
        var value: JSONValue = ["spec": ["replicas": 1, "paused": false], "list": ["a"]]
        #expect(value["spec"]?["replicas"]?.integer == 1)
        #expect(value["spec"]?["paused"]?.boolean == false)
        #expect(value["list"]?.array == ["a"])
        #expect(value["list"]?["x"] == nil)
        value["spec"]?["replicas"] = 2
        value["list"] = nil
        #expect(value == ["spec": ["replicas": 2, "paused": false]])
    }
}
