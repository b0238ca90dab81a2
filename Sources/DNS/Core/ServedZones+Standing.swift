/// What the served zones hold at a name.
package struct NameStanding: Hashable, Sendable {
    /// The apex of the zone that the name belongs to.
    package let apex: DomainName
    package let isSigned: Bool
    /// Empty non-terminals exist.
    package let exists: Bool
    /// Of the sets at the name.
    package let types: [RecordType]
}

extension ServedZones {
    /// Where a name stands at this moment; `nil` outside the zones that can be answered from.
    package func standing(of name: DomainName) -> NameStanding? {
        withPaddedWire(name) { wire in
            guard let match = find(wire, count: name.wire.count), match.zone.isReady else { return nil }
            let block = match.zone.find(wire, count: match.cut)
            return NameStanding(
                apex: DomainName(
                    uncheckedWire: Array(UnsafeRawBufferPointer(start: match.apex, count: match.apexLength))
                ),
                isSigned: match.zone.isSigned,
                exists: block != nil,
                types: block.map { block in
                    (0..<block.setCount).map { RecordType(rawValue: block.set(at: $0).type) }
                } ?? []
            )
        }
    }

    private func withPaddedWire<Result>(_ name: DomainName, _ body: (UnsafeRawPointer) -> Result) -> Result {
        let size = 256 + NameBytes.padding
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            buffer.copyBytes(from: name.wire)
            // Not empty: the size is above.
            return body(UnsafeRawPointer(buffer.baseAddress.unsafelyUnwrapped))
        }
    }
}
