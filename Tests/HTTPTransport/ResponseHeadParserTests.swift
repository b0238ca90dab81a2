import Testing

@testable import HTTPTransport

@Suite struct ResponseHeadParserTests {
    private func parse(_ lines: [String]) -> (heads: [HTTPResponseHead], parser: ResponseHeadParser, tooLarge: Bool) {
        var parser = ResponseHeadParser()
        var heads: [HTTPResponseHead] = []
        for line in lines {
            switch Array(line.utf8).withUnsafeBytes({ parser.consume($0) }) {
            case .more: break
            case .complete(let head): heads.append(head)
            case .tooLarge: return (heads, parser, true)
            }
        }
        return (heads, parser, false)
    }

    @Test(
        "The status is read from the status line of each version",
        arguments: [
            ("HTTP/1.1 200 OK\r\n", 200), ("HTTP/1.0 404\r\n", 404), ("HTTP/2 503 \r\n", 503),
            ("HTTP/1.1 299 9\n", 299),
        ]
    )
    func status(line: String, status: Int) {
        #expect(parse([line, "\r\n"]).heads.map(\.status) == [status])
    }

    @Test("Fields keep order and spelling, lose blanks around them, and may repeat")
    func fields() {
        let head = parse([
            "HTTP/1.1 200 OK\r\n", "X-Consul-Index:  7 \r\n", "Warning: a\r\n", "warning:b:c\r\n", "Empty:\r\n", "\r\n",
        ]).heads.first
        #expect(head?.headers.fields.map(\.name) == ["X-Consul-Index", "Warning", "warning", "Empty"])
        #expect(head?.headers["x-consul-index"] == "7")
        #expect(head?.headers.values("Warning") == ["a", "b:c"])
        #expect(head?.headers["Empty"] == "")
    }

    @Test(
        "A folded line continues its field, without blanks around it",
        arguments: [
            (["A: b\r\n", "\t c\r\n"], "b c"), (["A:\r\n", " b\r\n"], "b"), (["A: b\r\n", " \r\n", "\tc\r\n"], "b c"),
        ]
    )
    func folding(lines: [String], value: String) {
        let head = parse(["HTTP/1.1 200 OK\r\n"] + lines + ["\r\n"]).heads.first
        #expect(head?.headers["A"] == value)
    }

    @Test("Interim heads are skipped, with their fields")
    func interim() {
        let heads = parse([
            "HTTP/1.1 103 Early Hints\r\n", "Link: x\r\n", "\r\n", "HTTP/1.1 100 Continue\r\n", "\r\n",
            "HTTP/1.1 201 Created\r\n", "A: b\r\n", "\r\n",
        ]).heads
        #expect(heads.map(\.status) == [201])
        #expect(heads.first?.headers.fields.map(\.name) == ["A"])
    }

    @Test("Trailers are no second head")
    func trailers() {
        let result = parse(["HTTP/1.1 200 OK\r\n", "\r\n", "Checksum: x\r\n", "\r\n"])
        #expect(result.heads.count == 1)
        #expect(result.heads.first?.headers["Checksum"] == nil)
        #expect(result.parser.isComplete)
    }

    @Test("Any line is a beginning, only the empty one completes")
    func beginning() {
        #expect(parse([]).parser.hasBegun == false)
        let begun = parse(["HTTP/1.1 200 OK\r\n", "A: b\r\n"]).parser
        #expect(begun.hasBegun)
        #expect(begun.isComplete == false)
    }

    @Test("A head beyond the limit is refused")
    func limit() {
        let line = "X: " + String(repeating: "x", count: 60_000) + "\r\n"
        #expect(parse(["HTTP/1.1 200 OK\r\n"] + Array(repeating: line, count: 4)).tooLarge == false)
        #expect(parse(["HTTP/1.1 200 OK\r\n"] + Array(repeating: line, count: 5)).tooLarge)
    }
}
