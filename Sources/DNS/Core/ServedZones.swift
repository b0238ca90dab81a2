/// The zones served at one moment, as seen by a reader between the begin and the end of its epoch.
///
/// It can be borrowed but not kept: that is what bounds the lifetime of everything found through it.
package struct ServedZones: ~Copyable {
    /// A zone that holds a name.
    struct Match {
        let zone: ZoneImage
        /// The label by which counters know the zone.
        let label: UInt16
        /// How many octets of the name come before the apex.
        let cut: Int
        /// The apex in wire form, `apexLength` octets.
        let apex: UnsafeRawPointer
        let apexLength: Int
        /// Who may ask; `nil` for everyone.
        let access: AccessList.View?

        @inline(__always)
        func isOpen(to client: ClientAddress) -> Bool {
            guard let access else { return true }
            return access.contains(client)
        }

        /// Whether its records may go into answers to `client`.
        @inline(__always)
        func isVisible(to client: ClientAddress) -> Bool { zone.isReady && isOpen(to: client) }
    }

    let index: ZoneIndex

    /// The zone with the longest apex that is a suffix of `name`.
    ///
    /// - Parameters:
    ///   - name: in wire form and lower case, padded as `NameBytes` wants it.
    ///   - count: its length with the root label.
    @inline(__always)
    func find(_ name: UnsafeRawPointer, count: Int) -> Match? {
        index.find(name, count: count)
    }
}

/// A table of zones by apex, built once and never changed.
///
///     0    a bit per length that an apex has   32 bytes
///     32   hash key                            8 bytes
///     40   index mask                          8 bytes
///     48   slots, of type `Slot`
///          the access lists, of type `AccessList.Range`
///          the apexes in wire form, padded
///
/// Sendable although it points: it is constant, and `ZoneStore` keeps it and its zones until no reader can see them.
struct ZoneIndex: @unchecked Sendable {
    private struct Slot {
        var zone: UnsafeMutablePointer<ZoneImage.Fields>?
        var apex: UnsafeRawPointer?
        /// `nil` when everyone may ask.
        var access: UnsafePointer<AccessList.Range>?
        var accessCount: UInt32
        var label: UInt16
        var apexLength: UInt16

        static var none: Slot {
            Slot(zone: nil, apex: nil, access: nil, accessCount: 0, label: 0, apexLength: 0)
        }
    }

    private static let slotsOffset = 48

    let base: UnsafeMutableRawPointer

    init(base: UnsafeMutableRawPointer) { self.base = base }

    /// - Parameter zones: no two with one apex.
    init(_ zones: [(zone: Zone, label: UInt16, access: AccessList?)]) {
        var capacity = 4
        while capacity < 2 * zones.count { capacity *= 2 }
        let slotBytes = capacity * MemoryLayout<Slot>.stride
        let nameBytes = zones.reduce(0) { $0 + $1.zone.apex.wire.count + NameBytes.padding }
        let rangeCount = zones.reduce(0) { $0 + ($1.access?.ranges.count ?? 0) }
        let rangeBytes = rangeCount * MemoryLayout<AccessList.Range>.stride
        base = .allocate(byteCount: Self.slotsOffset + slotBytes + rangeBytes + nameBytes, alignment: 8)
        let key = UInt64.random(in: .min ... .max)
        for word in 0..<4 { base.storeBytes(of: 0, toByteOffset: 8 * word, as: UInt64.self) }
        base.storeBytes(of: key, toByteOffset: 32, as: UInt64.self)
        base.storeBytes(of: capacity - 1, toByteOffset: 40, as: Int.self)
        let slots = (base + Self.slotsOffset).bindMemory(to: Slot.self, capacity: capacity)
        slots.initialize(repeating: Slot.none, count: capacity)

        var nextRange = (base + Self.slotsOffset + slotBytes).bindMemory(
            to: AccessList.Range.self,
            capacity: rangeCount
        )
        var nextName = base + Self.slotsOffset + slotBytes + rangeBytes
        for (zone, label, access) in zones {
            let length = zone.apex.wire.count
            nextName.copyMemory(from: zone.apex.wire, byteCount: length)
            let word = base.load(fromByteOffset: length / 64 * 8, as: UInt64.self)
            base.storeBytes(of: word | 1 << UInt64(length % 64), toByteOffset: length / 64 * 8, as: UInt64.self)
            var position = Int(truncatingIfNeeded: NameBytes.hash(nextName, count: length, key: key)) & (capacity - 1)
            while slots[position].zone != nil { position = (position + 1) & (capacity - 1) }
            slots[position] = Slot(
                zone: zone.image.fields,
                apex: UnsafeRawPointer(nextName),
                access: access == nil ? nil : UnsafePointer(nextRange),
                accessCount: UInt32(access?.ranges.count ?? 0),
                label: label,
                apexLength: UInt16(length)
            )
            for range in access?.ranges ?? [] {
                nextRange.initialize(to: range)
                nextRange += 1
            }
            nextName += length + NameBytes.padding
        }
    }

    @inline(__always)
    func find(_ name: UnsafeRawPointer, count: Int) -> ServedZones.Match? {
        var cut = 0
        while cut < count {
            let length = count - cut
            let lengths = base.load(fromByteOffset: 8 * (length &>> 6), as: UInt64.self)
            if (lengths &>> UInt64(truncatingIfNeeded: length & 63)) & 1 != 0,
                let slot = slot(of: name + cut, count: length), let zone = slot.zone, let apex = slot.apex
            {
                return ServedZones.Match(
                    zone: ZoneImage(fields: zone),
                    label: slot.label,
                    cut: cut,
                    apex: apex,
                    apexLength: length,
                    access: slot.access.map { AccessList.View(ranges: $0, count: Int(slot.accessCount)) }
                )
            }
            cut += 1 + Int((name + cut).load(as: UInt8.self))
        }
        return nil
    }

    @inline(__always)
    private func slot(of apex: UnsafeRawPointer, count: Int) -> Slot? {
        let key = base.load(fromByteOffset: 32, as: UInt64.self)
        let mask = base.load(fromByteOffset: 40, as: Int.self)
        let slots = (base + Self.slotsOffset).assumingMemoryBound(to: Slot.self)
        var position = Int(truncatingIfNeeded: NameBytes.hash(apex, count: count, key: key)) & mask
        // At most half the slots are taken, so an empty one ends the search.
        while let candidate = slots[position].apex {
            if Int(slots[position].apexLength) == count, NameBytes.equal(candidate, apex, count: count) {
                return slots[position]
            }
            position = (position + 1) & mask
        }
        return nil
    }

    func free() { base.deallocate() }
}
