import FuzzObjects
import FuzzSupport
import KubernetesObjects

/// Any octets as JSON from an API server: as a list, an object and a watch event of every kind. What is read alone is
/// read the same in a list and in an event.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    ObjectReader(encoding: .json) { object in
        guard (try? JSONValue(parsing: object)) != nil else { return nil }
        let list = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["
        return ObjectReader.Wrapping(
            list: Array(list.utf8) + object + [UInt8(ascii: ",")] + object + Array("]}".utf8),
            event: Array("{\"type\":\"ADDED\",\"object\":".utf8) + object + [UInt8(ascii: "}")]
        )
    }.check(bytes)
    return 0
}
