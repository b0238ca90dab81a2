internal import ServiceCatalog

/// Lets the endpoints of a node share one place, as ``StringInterner`` lets them share its name.
struct PlaceInterner: Sendable {
    private static let slotCount = 1024

    private var slots: [EndpointPlace?] = []

    mutating func place(nodeName: String?, zone: String?) -> EndpointPlace? {
        guard nodeName != nil || zone != nil else { return nil }
        if slots.isEmpty { slots = Array(repeating: nil, count: Self.slotCount) }
        let slot = Int(truncatingIfNeeded: Self.hash(nodeName, zone) % UInt64(Self.slotCount))
        if let known = slots[slot], known.nodeName == nodeName, known.zone == zone { return known }
        let place = EndpointPlace(nodeName: nodeName, zone: zone)
        slots[slot] = place
        return place
    }

    /// FNV-1a: names are short, and differ at their ends.
    private static func hash(_ nodeName: String?, _ zone: String?) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in (nodeName ?? "").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in (zone ?? "").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
