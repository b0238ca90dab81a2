/// When a query is answered. Taken once for all that are answered together: none of what depends on it needs to know better.
package struct QueryTime: Hashable, Sendable {
    /// Since 1970, by the clock on the wall, which replicas share.
    package var seconds: UInt32
    /// Milliseconds since any moment, by a clock that never goes back; they wrap.
    package var ticks: UInt32

    package init(seconds: UInt32, ticks: UInt32) {
        self.seconds = seconds
        self.ticks = ticks
    }
}
