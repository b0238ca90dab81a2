import Testing

@testable import Sandbox

@Suite("JSON as Go reads and writes it")
struct GoJSONTests {
    @Test(
        "a syntax error is worded as Go words it",
        arguments: [
            ("", "EOF"), ("  ", "EOF"), ("{", "unexpected EOF"), ("[1,", "unexpected EOF"), ("\"a", "unexpected EOF"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("{x", "invalid character 'x' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 2}", "invalid character '2' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("trux", "invalid character 'x' in literal true"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("-x", "invalid character 'x' in numeric literal"),
        ]
    )
    func syntax(_ text: String, _ message: String) {
        #expect(throws: GoJSON.SyntaxError(message: message)) { try GoJSON(parsing: Array(text.utf8)) }
    }

    @Test("escapes, surrogate pairs and halves of them are decoded")
    func strings() throws {
        let text = #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x é""#
        #expect(try GoJSON(parsing: Array(text.utf8)) == .string("\"\\/\u{8}\u{c}\n\r\té😀\u{FFFD}x é"))
    }

    @Test("nesting beyond the limit is an error, not a crash")
    func depth() {
        #expect(throws: GoJSON.SyntaxError.self) {
            try GoJSON(parsing: Array(repeating: UInt8(ascii: "["), count: 100_000))
        }
    }

    @Test("what is written reads back the same, and markup characters are escaped", arguments: [false, true])
    func roundTrip(_ isIndented: Bool) throws {
        let odd = "<a href=\"x\">&\u{2028}\u{1}\t\\ Ü😀</a>"
        var writer = GoJSONWriter(isIndented: isIndented)
        writer.object { writer in
            writer.member("text", odd)
            writer.member("list", ["a", odd])
            writer.member("none", nil as [String]?)
            writer.emptyObject("empty")
            writer.member("number", UInt64.max)
            writer.member("map", ["b": "2", "a": "1"])
        }
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(!text.contains("<") && !text.contains("&") && !text.contains("\u{2028}"))
        #expect(text.contains("\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028\\u0001\\t\\\\ Ü😀"))
        #expect(
            try GoJSON(parsing: writer.bytes)
                == .object([
                    .init(name: "text", value: .string(odd)),
                    .init(name: "list", value: .array([.string("a"), .string(odd)])),
                    .init(name: "none", value: .null),
                    .init(name: "empty", value: .object([])),
                    .init(name: "number", value: .number("18446744073709551615")),
                    .init(
                        name: "map",
                        value: .object([.init(name: "a", value: .string("1")), .init(name: "b", value: .string("2"))])
                    ),
                ])
        )
    }

    @Test(
        "durations are read and written as Go does",
        arguments: [
            ("90m", "1h30m0s"), ("1h0m1.5s", "1h0m1.5s"), ("10s", "10s"), ("1500ms", "1.5s"), ("20ms", "20ms"),
            ("0", "0s"), ("-2m", "-2m0s"), ("1us", "1µs"), ("5ns", "5ns"),
        ]
    )
    func durations(_ text: String, _ shown: String) {
        #expect(GoDuration(text)?.description == shown)
    }

    @Test("what is no duration is none", arguments: ["", "10", "s", "10 s", "1x", "..s"])
    func notDurations(_ text: String) {
        #expect(GoDuration(text) == nil)
    }

    @Test("base 64 reads back what it wrote, at every length", arguments: 0...6)
    func base64(_ length: Int) {
        let bytes = (0..<length).map { UInt8($0 * 41 + 7) }
        let text = Base64.encode(bytes)
        #expect(text.utf8.count == (length + 2) / 3 * 4)
        #expect(Base64.decode(text) == bytes)
        #expect(Base64.decode(text + "x") == nil)
    }
}
