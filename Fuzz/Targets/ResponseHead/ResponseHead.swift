import FuzzSupport

@testable import HTTPTransport

/// Any octets as the header lines of a server's answers, informational ones and trailers among them.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    var parser = ResponseHeadParser()
    var head: HTTPResponseHead?
    var rest = bytes[...]
    while !rest.isEmpty {
        // libcurl hands over one line at a time, its end included.
        let line = rest.prefix(through: rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex - 1)
        rest = rest[line.endIndex...]
        switch line.withUnsafeBytes({ parser.consume($0) }) {
        case .more:
            break
        case .tooLarge:
            require(bytes.count > ResponseHeadParser.limit, "only what is beyond the limit is too large")
            return 0
        case .complete(let complete):
            require(head == nil, "there is one head")
            head = complete
        }
    }
    require(parser.hasBegun != bytes.isEmpty, "any line is a beginning")
    require(parser.isComplete == (head != nil), "a head is complete when it has been given")
    if let head { check(head, bytes.count) }
    return 0
}

private func check(_ head: HTTPResponseHead, _ count: Int) {
    require((200...999).contains(head.status), "a status has three digits and is final")
    var size = 0
    for (name, value) in head.headers.fields {
        for text in [name, value] {
            require(
                !text.utf8.contains(UInt8(ascii: "\r")) && !text.utf8.contains(UInt8(ascii: "\n")),
                "a field is a line"
            )
            require(text.utf8.first != UInt8(ascii: " ") && text.utf8.last != UInt8(ascii: " "), "blanks are cut off")
            size += text.utf8.count
        }
        require(head.headers.values(name).contains(value), "a field can be found by its name")
        require(head.headers[name.uppercased()] != nil || !name.utf8.allSatisfy { $0 < 0x80 }, "in any case")
    }
    // U+FFFD takes three octets, and may stand for one.
    require(size <= 3 * count, "a head is no longer than what came")
}
