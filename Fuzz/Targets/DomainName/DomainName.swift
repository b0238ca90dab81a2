import DNSCore
import FuzzSupport

/// Any text as a name, and any octets as its labels.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    if let name = DomainName(String(decoding: bytes, as: UTF8.self)) { check(name) }

    // A label of each line, the last one outermost.
    var name = DomainName.root
    for label in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        guard let longer = name.prefixed(by: label) else {
            require(
                !(1...63).contains(label.count) || name.wire.count + label.count + 1 > 255,
                "a label is refused for its length alone"
            )
            continue
        }
        require(longer.isSubdomain(of: name), "a longer name is below the one it was made of")
        require(!name.isSubdomain(of: longer), "a name is not below a longer one")
        name = longer
    }
    check(name)
    return 0
}

private func check(_ name: DomainName) {
    require((1...255).contains(name.wire.count), "a name has 1 to 255 octets")
    var offset = 0
    while name.wire[offset] != 0 {
        require(name.wire[offset] < 64, "a label has at most 63 octets")
        for byte in name.wire[(offset + 1)...].prefix(Int(name.wire[offset])) {
            require(!(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte), "names are in lower case")
        }
        offset += 1 + Int(name.wire[offset])
    }
    require(offset == name.wire.count - 1, "the root label ends a name")
    require(name.isSubdomain(of: name) && name.isSubdomain(of: .root), "a name is below itself and the root")

    let text = name.description
    require(text.utf8.allSatisfy { (0x21...0x7e).contains($0) }, "presentation form is printable ASCII")
    require(DomainName(text) == name, "presentation form reads back as the name")
    require(DomainName(String(text.dropLast())) == name || name == .root, "and so it does without the final dot")

    let message = Message(id: 0, questions: [.init(name: name, type: .a)])
    require((try? Message(decoding: message.encoded())) == message, "a name goes through a message unchanged")
}
