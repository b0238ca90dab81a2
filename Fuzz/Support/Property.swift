/// Holds an input to a property. A property that does not hold ends the process: that is how libFuzzer learns of a
/// finding, and why it keeps the input.
package func require(_ holds: Bool, _ property: @autoclosure () -> String) {
    guard !holds else { return }
    fatalError(property())
}

/// The value of `body`, which must not throw.
package func requireSuccess<Value>(_ property: String, _ body: () throws -> Value) -> Value {
    do {
        return try body()
    } catch {
        fatalError("\(property): \(error)")
    }
}

/// Numbers that depend on an input alone, so that what is found once can be seen again.
package struct InputDraws: RandomNumberGenerator {
    private var state: UInt64

    package init(from input: [UInt8]) {
        // FNV-1a, and SplitMix64 from there.
        state = input.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// Cuts `bytes` into pieces as a network may: many of an octet or two, some long, none empty.
    package mutating func pieces(of bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let length =
                Int.random(in: 0..<3, using: &self) > 0
                ? Int.random(in: 1...4, using: &self)
                : Int.random(in: 1...rest.count, using: &self)
            pieces.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return pieces
    }
}

extension [UInt8] {
    /// A copy of what libFuzzer hands over, in memory of exactly its size: AddressSanitizer sees every access past it.
    package init(input start: UnsafePointer<UInt8>?, _ count: Int) {
        self.init(UnsafeBufferPointer(start: start, count: count))
    }
}
