package import DNSCore

/// The data of an NSEC record: what follows a name, and what is at it (RFC 4034 section 4.1).
package struct Denial: Hashable, Sendable {
    package var next: DomainName
    /// In any order, each once.
    package var types: Set<RecordType>

    package init(next: DomainName, types: some Sequence<RecordType>) {
        self.next = next
        self.types = Set(types)
    }

    package var data: RecordData {
        var octets = next.wire
        var window: [UInt8] = []
        var number: UInt16 = 0
        func close() {
            guard !window.isEmpty else { return }
            octets += [UInt8(number), UInt8(window.count)] + window
        }
        for type in types.map(\.rawValue).sorted() {
            if type >> 8 != number {
                close()
                window = []
                number = type >> 8
            }
            let index = Int(type & 0xff) / 8
            while window.count <= index { window.append(0) }
            window[index] |= 0x80 >> UInt8(type & 7)
        }
        close()
        return .opaque(octets)
    }
}

extension Denial {
    /// RFC 9824 section 3: nothing but `types` is at `name`, and nothing is between it and its immediate successor.
    ///
    /// - Parameter exists: false for a name that is not there, which has no types.
    static func compact(_ name: DomainName, in apex: DomainName, exists: Bool, types: [RecordType]) -> Denial {
        let own: [RecordType] = exists ? [.rrsig, .nsec] : [.rrsig, .nsec, .nxname]
        return Denial(next: name.immediateSuccessor(in: apex), types: types + own)
    }
}

extension DomainName {
    /// The name that follows at once in canonical order, within the zone: `\000` below this one, or, where that would be too
    /// long, the next larger of the longest names (RFC 4471 section 3.1.1), and after the last of all the apex.
    package func immediateSuccessor(in apex: DomainName) -> DomainName {
        if wire.count <= 253 { return DomainName(uncheckedWire: [1, 0] + wire) }
        var rest = wire[...]
        while rest.count > apex.wire.count {
            let length = Int(rest[rest.startIndex])
            var label = Array(rest.dropFirst().prefix(length))
            let parent = rest.dropFirst(1 + length)
            if label.count < 63, rest.count < 255 {
                return DomainName(uncheckedWire: [UInt8(label.count + 1)] + label + [0] + parent)
            }
            while let octet = label.popLast() {
                guard octet < 0xff else { continue }
                // Upper case is not between "@" and "[" in canonical order.
                label.append(octet == UInt8(ascii: "@") ? UInt8(ascii: "[") : octet + 1)
                return DomainName(uncheckedWire: [UInt8(label.count)] + label + parent)
            }
            // Nothing is left below the parent: go on beside it.
            rest = parent
        }
        return apex
    }
}
