/// What a state file is, around its contents: 8 octets that name the format, the version (2), the kind (2), the length of
/// the contents (8), the CRC-32 of all that follows the first 8 octets but itself (4), and the contents. Numbers are
/// little-endian.
enum StateEnvelope {
    enum Kind: UInt16 {
        case system = 1
        case checkpoint = 2
    }

    static let version: UInt16 = 1
    static let headSize = 24
    private static let magic = Array("PORTOLAN".utf8)

    static func seal(_ contents: [UInt8], _ kind: Kind) -> (file: [UInt8], checksum: UInt32) {
        var file = magic
        file.reserveCapacity(headSize + contents.count)
        file.append(littleEndian: version)
        file.append(littleEndian: kind.rawValue)
        file.append(littleEndian: UInt64(contents.count))
        let checksum = checksum(head: file[8...], contents: contents[...])
        file.append(littleEndian: checksum)
        file += contents
        return (file, checksum)
    }

    /// The contents of a whole, unchanged file of this kind and version.
    static func open(
        _ file: [UInt8],
        _ kind: Kind
    ) throws(StateFileError) -> (contents: ArraySlice<UInt8>, checksum: UInt32) {
        guard file.starts(with: magic) else { throw .foreign }
        guard file.count >= headSize else { throw .truncated }
        let version: UInt16 = file.littleEndian(at: 8)
        guard version <= Self.version else { throw .newer(version: version) }
        guard version == Self.version, file.littleEndian(at: 10) == kind.rawValue else { throw .foreign }
        let length: UInt64 = file.littleEndian(at: 12)
        guard UInt64(file.count - headSize) >= length else { throw .truncated }
        guard UInt64(file.count - headSize) == length else { throw .corrupt }
        let contents = file[headSize...]
        let stated: UInt32 = file.littleEndian(at: 20)
        guard checksum(head: file[8..<20], contents: contents) == stated else { throw .corrupt }
        return (contents, stated)
    }

    private static func checksum(head: ArraySlice<UInt8>, contents: ArraySlice<UInt8>) -> UInt32 {
        var checksum = CRC32()
        checksum.take(head)
        checksum.take(contents)
        return checksum.value
    }
}

/// Why a state file is not used.
package enum StateFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not a state file, or not the one it is taken for.
    case foreign
    case newer(version: UInt16)
    case truncated
    /// The checksum does not fit, or the contents make no sense.
    case corrupt
    /// It was written for a system that was configured otherwise.
    case otherConfiguration
    /// The system's own words.
    case unreadable(String)

    package var description: String {
        switch self {
        case .foreign: "it is no state of this kind"
        case .newer(let version):
            "a later release wrote it (format \(version); this one reads \(StateEnvelope.version))"
        case .truncated: "its end is missing"
        case .corrupt: "its contents have been damaged"
        case .otherConfiguration: "the system was configured otherwise when it was written"
        case .unreadable(let reason): "it cannot be read: \(reason)"
        }
    }
}

/// The checksum of IEEE 802.3, as gzip has it.
struct CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xedb8_8320 }
    }

    private var state: UInt32 = .max

    var value: UInt32 { ~state }

    mutating func take(_ bytes: ArraySlice<UInt8>) {
        var state = state
        Self.table.withUnsafeBufferPointer { table in
            for byte in bytes { state = table[Int((state ^ UInt32(byte)) & 0xff)] ^ state >> 8 }
        }
        self.state = state
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    fileprivate func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(at index: Int) -> Value {
        (0..<(Value.bitWidth / 8)).reduce(0) { $0 | Value(self[index + $1]) << ($1 * 8) }
    }
}
