/// What is asked: the one question of a query, its name lower-cased elsewhere.
struct Question {
    let type: RecordType
    let recordClass: RecordClass
    /// The length of the name in wire form, root label included.
    let nameLength: Int
    /// The offset of the first octet after the question.
    let end: Int

    /// Reads the question at offset 12 and leaves its name, lower-cased and padded, in `name`.
    ///
    /// `nil` when the name runs out of the message or over 255 octets or has a label of another kind than text. A
    /// compression pointer is such a label: there is nothing before the question that it could point to.
    @inline(__always)
    init?(_ message: Span<UInt8>, lowercasingInto name: UnsafeMutableRawPointer) {
        var offset = Header.size
        while true {
            guard offset < message.count else { return nil }
            let length = Int(message[offset])
            offset += 1
            if length == 0 { break }
            guard length < 64 else { return nil }
            offset += length
            guard offset - Header.size < 255 else { return nil }
        }
        guard offset + 4 <= message.count else { return nil }
        let nameLength = offset - Header.size
        message.withUnsafeBufferPointer { bytes in
            // The loop above has been through all of these octets; `name` has room for 255 and padding.
            name.copyMemory(from: bytes.baseAddress.unsafelyUnwrapped + Header.size, byteCount: nameLength)
        }
        NameBytes.lowercase(name, count: nameLength)
        self.nameLength = nameLength
        type = RecordType(rawValue: message.bigEndian(at: offset))
        recordClass = RecordClass(rawValue: message.bigEndian(at: offset + 2))
        end = offset + 4
    }
}
