import DNSCore
import Glibc

extension QueryTime {
    /// This moment, to a few milliseconds: as the kernel has noted it at its last tick, which costs no call.
    static var now: QueryTime {
        var wall = timespec()
        var steady = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &wall)
        clock_gettime(CLOCK_MONOTONIC_COARSE, &steady)
        return QueryTime(
            seconds: UInt32(truncatingIfNeeded: wall.tv_sec),
            ticks: UInt32(truncatingIfNeeded: steady.tv_sec &* 1000 &+ steady.tv_nsec / 1_000_000)
        )
    }
}

extension Duration {
    /// As edns-tcp-keepalive has it, in units of 100 ms (RFC 7828 section 3.1).
    var keepalive: UInt16 {
        let (seconds, attoseconds) = components
        return UInt16(clamping: seconds * 10 + attoseconds / 100_000_000_000_000_000)
    }
}
