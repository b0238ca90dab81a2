import FuzzSupport
import KubernetesObjects

@testable import ConsulSystem
@testable import DNSZones

/// Any octets as JSON: the three readers of it agree on what is JSON, and on what it says.
///
/// `JSONValue` reads what API servers and credential plugins answer, `JSONReader` what Consul does, and `JSONSyntax` looks
/// over what services have in their annotations.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    let value = try? JSONValue(parsing: bytes)
    if let value {
        let again = requireSuccess("what is encoded can be read") { try JSONValue(parsing: value.encoded) }
        require(again == value, "reading gives back what was encoded")
        require(again.encoded == value.encoded, "equal values are equal octets")
    }

    // The other two follow values less deep, and octets outside UTF-8 are repaired by all but the last.
    let isShallow =
        value.map { $0.depth <= 60 } ?? (bytes.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") } <= 60)
    guard isShallow else { return 0 }
    let syntax = JSONSyntax.kind(of: bytes)
    let isText = String(validating: bytes, as: UTF8.self) != nil
    require((syntax != nil) == (value != nil && isText), "JSONSyntax and JSONValue agree on what is JSON")
    require((syntax == .object) == (value?.isObject == true && isText), "and on what is an object")

    let isSkipped = reads(bytes) { (reader) throws(JSONReader.Malformed) in try reader.skip() } != nil
    require(isSkipped == (value != nil), "JSONReader and JSONValue agree on what is JSON")
    let strings = reads(bytes) { (reader) throws(JSONReader.Malformed) in try reader.strings() }
    require(strings == value?.strings, "and on what is a list of strings")
    let map = reads(bytes) { (reader) throws(JSONReader.Malformed) in try reader.stringMap() }
    require(map == value?.stringMap, "and on what is a map of strings")
    let number = reads(bytes) { (reader) throws(JSONReader.Malformed) in try reader.int() }
    require(number == value?.integer, "and on what is a whole number")
    return 0
}

private func reads<Value>(
    _ bytes: [UInt8],
    _ body: (inout JSONReader) throws(JSONReader.Malformed) -> Value
) -> Value? {
    do throws(JSONReader.Malformed) {
        return try JSONReader.read(bytes, body)
    } catch {
        require((0...bytes.count).contains(error.offset), "an error's place is in the input")
        return nil
    }
}

extension JSONValue {
    fileprivate var isObject: Bool { if case .object = self { true } else { false } }

    fileprivate var depth: Int {
        switch self {
        case .array(let elements): 1 + (elements.lazy.map(\.depth).max() ?? 0)
        case .object(let members): 1 + (members.values.lazy.map(\.depth).max() ?? 0)
        default: 1
        }
    }

    /// As Go reads it: null is the empty text.
    private var text: String? { self == .null ? "" : string }

    fileprivate var strings: [String]? {
        if self == .null { return [] }
        guard let texts = array?.map(\.text), !texts.contains(nil) else { return nil }
        return texts.compactMap { $0 }
    }

    fileprivate var stringMap: [String: String]? {
        if self == .null { return [:] }
        guard case .object(let members) = self, !members.values.contains(where: { $0.text == nil }) else { return nil }
        return members.compactMapValues(\.text)
    }
}
