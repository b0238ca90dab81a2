import Testing

@testable import ConsulSystem

@Suite struct JSONReaderTests {
    private func strings(_ text: String) throws -> [String] {
        try JSONReader.read(Array(text.utf8)) { (reader) throws(JSONReader.Malformed) in try reader.strings() }
    }

    @Test(
        "Strings are read with every escape",
        arguments: [
            (#"["a"]"#, "a"), (#"[""]"#, ""), (#"[null]"#, ""), (#"["\"\\\/\b\f\n\r\t"]"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (#"["\u00e9\u4e2d"]"#, "é中"), (#"["x\ud83d\ude00y"]"#, "x😀y"), (#"["\ud83d"]"#, "\u{fffd}"),
            (#"["\ude00z"]"#, "\u{fffd}z"), (#"["\ud83dx"]"#, "\u{fffd}x"), (#"  [ "é" ] "#, "é"),
            (#"["\ud83d\u0041"]"#, "\u{fffd}A"), (#"["\ud83d\ud83d\ude00"]"#, "\u{fffd}😀"),
        ]
    )
    func escapes(text: String, expected: String) throws {
        #expect(try strings(text) == [expected])
    }

    @Test(
        "What is no JSON, or is cut short, is malformed and never trapped on",
        arguments: [
            "", "[", #"["#, #"["a"#, #"["a""#, #"["a","#, #"["\"#, #"["\u"#, #"["\u12"#, #"["\u+123"]"#, #"["\x"]"#,
            "[\"\u{1}\"]", "[\"\\\u{1}\"]", #"["a"]]"#, #"["a" "b"]"#, "[1]", "{}", "nul", "<html>", #"["a"],"#,
            #"["\ud83d\u"]"#, #"["\ud83d\"#,
        ]
    )
    func malformed(text: String) {
        #expect(throws: JSONReader.Malformed.self) { try strings(text) }
    }

    @Test(
        "What is skipped is held to the grammar as well, for an answer that is broken there is broken",
        arguments: [
            "\"\u{0}\"", #""\x""#, #""\u12""#, #""\"#, "01", "+1", ".5", "1.", "1e", "1-2", "--1", "nulL", "[1 2]",
            "{null:1}", "{1:1}", #"{"a":1,}"#, #"{"a"}"#,
        ]
    )
    func skipped(text: String) {
        #expect(throws: JSONReader.Malformed.self) { try skip(text) }
    }

    @Test(
        "Values of every kind are skipped",
        arguments: ["0", "-0.5e+10", "1E-2", #""\ud83d\n""#, "null", "[true,{}]"]
    )
    func skips(text: String) throws {
        try skip(text)
    }

    private func skip(_ text: String) throws {
        try JSONReader.read(Array(text.utf8)) { (reader) throws(JSONReader.Malformed) in try reader.skip() }
    }

    @Test("The place of a mistake is in the text", arguments: [#"{"a":"\"#, #"{"a":"\u"#, "[", "[-"])
    func place(text: String) throws {
        let error = try #require(throws: JSONReader.Malformed.self) { try skip(text) }
        #expect(error.offset <= text.utf8.count)
    }

    @Test("Every prefix of an answer is malformed")
    func prefixes() throws {
        let body = try Recording("txn/node-service-check").body
        let end = try #require(body.lastIndex(of: UInt8(ascii: "}")))
        for length in 0..<end {
            #expect(throws: JSONReader.Malformed.self) { try TransactionAnswer.read(Array(body[..<length])) }
        }
    }

    @Test("Nesting without end is refused, not followed")
    func depth() {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: JSONReader.Malformed.self) {
            try JSONReader.read(deep) { (reader) throws(JSONReader.Malformed) in try reader.skip() }
        }
    }

    @Test(
        "Numbers that are none, or too large, are malformed",
        arguments: ["", "-", "1.5", "1e3", "99999999999999999999", "007", "-01", "- 1", "+1"]
    )
    func numbers(text: String) {
        #expect(throws: JSONReader.Malformed.self) {
            try JSONReader.read(Array(text.utf8)) { (reader) throws(JSONReader.Malformed) in try reader.int() }
        }
    }

    @Test(
        "What the writer writes, the reader reads",
        arguments: ["", "a\"b\\c", "\u{0}\n\u{1f}\u{7f}", "é中😀", "</script>"]
    )
    func roundTrip(text: String) throws {
        var writer = JSONWriter()
        writer.array { writer in
            writer.string(text)
            writer.string(text)
        }
        let read = try JSONReader.read(writer.bytes) { (reader) throws(JSONReader.Malformed) in try reader.strings() }
        #expect(read == [text, text])
    }
}
