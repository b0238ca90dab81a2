/// What a system held when it was last read, from before this process began. It is not knowledge: it never enters a
/// ``Catalog``, and nothing may be concluded from what it lacks.
package struct RememberedSystem: Hashable, Sendable {
    package var services: [Service]
    /// When the system was last known to hold them: seconds since 1970, by the wall clock.
    package var lastCurrent: Int64

    package init(services: [Service], lastCurrent: Int64) {
        self.services = services
        self.lastCurrent = lastCurrent
    }
}
