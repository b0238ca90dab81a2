internal import ServiceCatalog

/// Appends numbers and texts as state files have them: numbers as LEB128 varints, everything else with its length before it.
struct StateWriter {
    private(set) var bytes: [UInt8] = []

    mutating func reserveCapacity(_ count: Int) { bytes.reserveCapacity(count) }

    mutating func octet(_ value: UInt8) { bytes.append(value) }

    mutating func number(_ value: some FixedWidthInteger & UnsignedInteger) {
        var rest = UInt64(value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func count(_ value: Int) { number(UInt(value)) }

    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            count(utf8.count)
            bytes.append(contentsOf: utf8)
        }
    }

    mutating func list<Element>(_ elements: [Element], _ write: (inout StateWriter, Element) -> Void) {
        count(elements.count)
        for element in elements { write(&self, element) }
    }
}

/// Reads what ``StateWriter`` wrote, and trusts none of it: every access is checked, and no more memory is asked for than
/// the octets that are there can fill.
struct StateReader {
    private let bytes: ArraySlice<UInt8>
    private var index: Int
    /// By topology zone: endpoints share theirs, as in the catalog.
    var places: [String: EndpointPlace] = [:]

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    private var remaining: Int { bytes.endIndex - index }

    mutating func octet() throws(StateFileError) -> UInt8 {
        guard index < bytes.endIndex else { throw .corrupt }
        defer { index += 1 }
        return bytes[index]
    }

    mutating func number<Value: FixedWidthInteger & UnsignedInteger>() throws(StateFileError) -> Value {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            let byte = try octet()
            guard shift < 63 || byte <= 1 else { throw .corrupt }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 {
                guard let fitting = Value(exactly: value) else { throw .corrupt }
                return fitting
            }
        }
        throw .corrupt
    }

    /// How many things follow, each of at least one octet.
    mutating func count() throws(StateFileError) -> Int {
        let count: UInt32 = try number()
        guard Int(count) <= remaining else { throw .corrupt }
        return Int(count)
    }

    mutating func text() throws(StateFileError) -> String {
        let length = try count()
        defer { index += length }
        guard let text = String(validating: bytes[index..<(index + length)], as: UTF8.self) else { throw .corrupt }
        return text
    }

    mutating func list<Element>(
        _ read: (inout StateReader) throws(StateFileError) -> Element
    ) throws(StateFileError) -> [Element] {
        let count = try count()
        var elements: [Element] = []
        // An element may take more memory than octets, so not all of the count is believed at once.
        elements.reserveCapacity(min(count, 4096))
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    func end() throws(StateFileError) {
        guard remaining == 0 else { throw .corrupt }
    }
}
