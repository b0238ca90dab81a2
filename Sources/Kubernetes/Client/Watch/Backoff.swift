/// Growing, jittered waits between attempts, with the bounds client-go uses for its reflectors.
package struct Backoff: Hashable, Sendable {
    package var base: Duration
    package var ceiling: Duration
    private var attempts = 0

    package init(base: Duration = .milliseconds(800), ceiling: Duration = .seconds(30)) {
        self.base = base
        self.ceiling = ceiling
    }

    /// The next wait: a doubling step, of which the upper half is random so that many clients spread out.
    package mutating func next(using random: inout any RandomNumberGenerator & Sendable) -> Duration {
        var step = base
        for _ in 0..<attempts where step < ceiling { step *= 2 }
        attempts += 1
        return min(step, ceiling) * (0.5 + fraction(using: &random) / 2)
    }

    package mutating func reset() { attempts = 0 }
}

/// Evenly drawn from 0 up to but not including 1; total for any generator, be it constant.
func fraction(using random: inout any RandomNumberGenerator & Sendable) -> Double {
    Double(random.next() >> 11) * 0x1p-53
}
