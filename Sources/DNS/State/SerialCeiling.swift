/// How far above a zone's serial its ceiling is kept (RFC 1982 arithmetic). Ceilings are raised in time, so that a process
/// that ends without warning has never used a serial above the one on disk.
package enum SerialCeiling {
    private static let headroom: UInt32 = 100_000

    /// The ceiling to write for a zone that is at `serial`: the known one while there is room below it.
    package static func raised(_ known: UInt32?, for serial: UInt32) -> UInt32 {
        guard let known, Int32(bitPattern: known &- serial) > Int32(headroom / 2), known &- serial <= headroom else {
            return serial &+ headroom
        }
        return known
    }

    /// The serial to begin with: the clock's, unless the zone may have been beyond it.
    package static func start(above ceiling: UInt32?, now: UInt32) -> UInt32 {
        guard let ceiling, Int32(bitPattern: ceiling &- now) >= 0 else { return now }
        return ceiling &+ 1
    }
}
