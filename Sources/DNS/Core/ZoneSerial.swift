/// Serials of zones and their arithmetic (RFC 1982): a circle of 32 bits, half of which is later than any one serial.
package enum ZoneSerial {
    /// How many serials the clock goes on in a second. A zone may change so often for as long as it likes without running ahead
    /// of the clock, so that one which begins anew begins above everything it has shown before; and a year without any change
    /// or restart is less than half the circle.
    package static let perSecond: UInt64 = 64

    package static func isLater(_ serial: UInt32, than other: UInt32) -> Bool {
        Int32(bitPattern: serial &- other) > 0
    }

    /// The serial of a moment.
    ///
    /// - Parameter milliseconds: since 1970.
    package static func at(milliseconds: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: milliseconds &* perSecond / 1000)
    }

    /// The serial after `serial`: the clock's where that is later, else the next one.
    package static func next(after serial: UInt32, clock: UInt32) -> UInt32 {
        isLater(clock, than: serial) ? clock : serial &+ 1
    }
}
