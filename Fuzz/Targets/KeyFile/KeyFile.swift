import DNSCore
import DNSSigning
import FuzzSupport

/// Any text as the two files of a key, parted by a line `--`. What reads must read back as it is written.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: [UInt8](input: start, count), as: UTF8.self)
    let parts = text.split(separator: "\n--\n", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let (first, second) = (parts[0], parts.count > 1 ? parts[1] : "")
    if let name = KeyFileName(publicFile: String(first.prefix { $0 != "\n" })) {
        require(name.publicFile == name.stem + ".key", "the name's parts are the name")
    }
    guard let name = KeyFileName(publicFile: "Kexample.net.+013+55648.key"),
        let pair = try? KeyFile.read(name, publicText: first, privateText: second)
    else { return 0 }
    let written = KeyFile.write(pair, created: 0)
    let again = try? KeyFile.read(name, publicText: written.publicText, privateText: written.privateText)
    require(again?.key == pair.key, "a key that was read is written so that it reads back")
    _ = (pair.timing.isActive(at: 0), pair.timing.isPublished(at: .max))
    return 0
}
