/// Delays that double from attempt to attempt, each shortened by a random share so that many clients do not return at
/// the same moment.
package struct Backoff: Sendable {
    package let base: Duration
    package let cap: Duration
    package private(set) var attempts = 0

    package init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// The delay before the next attempt: between half of and the full doubled delay, never above `cap`.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let full = min(cap, base * (1 << min(attempts, 20)))
        attempts += 1
        return full * Double.random(in: 0.5...1, using: &generator)
    }

    package mutating func reset() { attempts = 0 }
}

/// A small, fast generator that can be seeded, so that tests repeat.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// A token bucket.
package struct RateLimit: Sendable {
    package let perSecond: Double
    package let burst: Double
    private var tokens: Double
    private var filledAt: ContinuousClock.Instant?

    package init(perSecond: Double, burst: Double) {
        self.perSecond = perSecond
        self.burst = burst
        tokens = burst
    }

    /// `nil` when something may be sent now, else when it may. A batch may overdraw the bucket; the next one waits.
    package mutating func delay(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        if let filledAt {
            tokens = min(burst, tokens + filledAt.duration(to: now).inSeconds * perSecond)
        }
        filledAt = now
        return tokens > 0 ? nil : now + .seconds((1 - tokens) / perSecond)
    }

    package mutating func take(_ count: Int) { tokens -= Double(count) }
}

extension Duration {
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
