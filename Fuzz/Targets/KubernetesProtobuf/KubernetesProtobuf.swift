import FuzzObjects
import FuzzSupport
import KubernetesObjects

/// Any octets as protobuf from an API server: as a list, an object and a watch event of every kind. What is read alone is
/// read the same in a list and in an event.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    // As a whole answer, with and without the four octets that begin every object.
    ObjectReader(encoding: .protobuf) { _ in nil }.check(bytes)
    ObjectReader(encoding: .protobuf) { _ in nil }.check(magic + bytes)
    // As an object's message, in an envelope that says which kind it is.
    for kind in ["Service", "EndpointSlice", "Endpoints"] {
        ObjectReader(encoding: .protobuf) { object in
            ObjectReader.Wrapping(
                list: envelope("\(kind)List", field(1, field(2, Array("1".utf8))) + field(2, bytes) + field(2, bytes)),
                event: field(1, Array("ADDED".utf8)) + field(2, field(1, object))
            )
        }.check(envelope(kind, bytes))
    }
    return 0
}

private let magic: [UInt8] = [0x6b, 0x38, 0x73, 0]

private func envelope(_ kind: String, _ message: [UInt8]) -> [UInt8] {
    magic + field(1, field(2, Array(kind.utf8))) + field(2, message)
}

/// A length-delimited field.
private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    var bytes = [number << 3 | 2]
    var length = content.count
    while length >= 0x80 {
        bytes.append(UInt8(length & 0x7f | 0x80))
        length >>= 7
    }
    return bytes + [UInt8(length)] + content
}
