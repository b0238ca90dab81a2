import DNSCore
import FuzzSupport

/// Any octets as a DNS message: whatever decodes, encodes to something that decodes to the same.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    let message: Message
    do throws(MessageError) {
        message = try Message(decoding: bytes)
    } catch {
        require((0...bytes.count).contains(error.offset), "an error's place is in the message")
        return 0
    }
    let encoded = message.encoded()
    let again = requireSuccess("what is encoded can be decoded") { try Message(decoding: encoded) }
    require(again == message, "decoding gives back what was encoded")
    require(again.encoded() == encoded, "equal messages are equal octets")
    return 0
}
