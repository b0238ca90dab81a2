/// Octets of a message in the making, with the names that later ones can point back to.
struct MessageEncoder {
    private(set) var bytes: [UInt8] = []
    /// Where each name already in the message begins, suffixes included.
    private var names: [ArraySlice<UInt8>: Int] = [:]

    mutating func append(octets: some Sequence<UInt8>) { bytes.append(contentsOf: octets) }

    mutating func overwrite(at offset: Int, with value: UInt16) {
        bytes[offset] = UInt8(value >> 8)
        bytes[offset + 1] = UInt8(value & 0xff)
    }

    /// Takes back everything from `end` on.
    mutating func cut(to end: Int) {
        bytes.removeSubrange(end...)
        names = names.filter { $0.value < end }
    }

    mutating func append<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Notes a name that stands at `offset` in full, for later ones to point to.
    mutating func note(_ name: DomainName, at offset: Int) {
        var rest = name.wire[...]
        while let length = rest.first, length != 0 {
            names[rest] = offset + name.wire.count - rest.count
            rest = rest.dropFirst(1 + Int(length))
        }
    }

    mutating func append(compressing name: DomainName) {
        var rest = name.wire[...]
        while let length = rest.first, length != 0 {
            if let offset = names[rest] {
                append(0xC000 | UInt16(offset))
                return
            }
            if bytes.count < 0x4000 { names[rest] = bytes.count }
            bytes += rest.prefix(1 + Int(length))
            rest = rest.dropFirst(1 + Int(length))
        }
        bytes.append(0)
    }

    mutating func append(_ record: ResourceRecord) {
        append(compressing: record.owner)
        append(allButOwnerOf: record)
    }

    mutating func append(allButOwnerOf record: ResourceRecord) {
        append(record.type.rawValue)
        append(record.recordClass.rawValue)
        append(record.ttl)
        let length = bytes.count
        append(0 as UInt16)
        append(record.data)
        overwrite(at: length, with: UInt16(bytes.count - length - 2))
    }

    private mutating func append(_ data: RecordData) {
        switch data {
        case .a(let address):
            append(address)
        case .aaaa(let high, let low):
            append(high)
            append(low)
        case .ns(let name), .cname(let name), .ptr(let name):
            append(compressing: name)
        case .srv(let priority, let weight, let port, let target):
            append(priority)
            append(weight)
            append(port)
            bytes += target.wire
        case .txt(let strings):
            for string in strings {
                append(UInt8(string.count))
                bytes += string
            }
        case .soa(let authority):
            append(compressing: authority.primary)
            append(compressing: authority.mailbox)
            append(authority.serial)
            append(authority.refresh)
            append(authority.retry)
            append(authority.expire)
            append(authority.minimum)
        case .opaque(let octets):
            bytes += octets
        }
    }
}

extension ResourceRecord {
    /// The record in wire form from its type on, names in its data in full.
    var octetsAfterOwner: [UInt8] {
        var encoder = MessageEncoder()
        encoder.append(allButOwnerOf: self)
        return encoder.bytes
    }
}
