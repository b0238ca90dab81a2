/// Tells when secondaries are to take a signed zone anew although nothing in it has changed, so that they never come to give
/// out signatures that have expired.
///
/// A transfer gives out signatures that are good for five days at least (half of the shortest lifetime). A secondary in contact
/// takes the zone again after a day and the refresh time at the latest. One out of contact gives the zone up after the expire
/// time, a day, and so with more than two days left, which are for caches.
package struct ZoneRenewal: Sendable {
    /// Seconds for which a zone may stay at one serial.
    package static let interval: Int64 = 86_400

    private var serial: UInt32?
    private var since: Int64 = 0

    package init() {}

    /// Whether a zone has been at its serial for too long.
    ///
    /// - Parameter now: seconds since 1970; where the clock is put back, counting begins again.
    package mutating func isDue(at serial: UInt32, now: Int64) -> Bool {
        if serial != self.serial || now < since {
            (self.serial, since) = (serial, now)
        }
        return now - since >= Self.interval
    }
}
