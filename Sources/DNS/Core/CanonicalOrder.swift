/// The order of names in a signed zone (RFC 4034 section 6.1): by their labels from the root on, each compared as octets.
extension NameBytes {
    /// Whether a name comes before another one. Both are in lower case, without root label, and below the same name.
    static func canonicallyPrecedes(
        _ left: UnsafeRawPointer,
        count leftCount: Int,
        _ right: UnsafeRawPointer,
        count rightCount: Int
    ) -> Bool {
        // A name has at most 127 labels, whose places are below 256.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { starts in
            let lefts = UnsafeMutableBufferPointer(rebasing: starts[..<128])
            let rights = UnsafeMutableBufferPointer(rebasing: starts[128...])
            var leftLabels = labels(of: left, count: leftCount, into: lefts)
            var rightLabels = labels(of: right, count: rightCount, into: rights)
            while leftLabels > 0, rightLabels > 0 {
                leftLabels -= 1
                rightLabels -= 1
                let difference = compareLabels(left + Int(lefts[leftLabels]), right + Int(rights[rightLabels]))
                if difference != 0 { return difference < 0 }
            }
            return leftLabels < rightLabels
        }
    }

    /// Notes where each label begins, and returns how many there are.
    private static func labels(
        of name: UnsafeRawPointer,
        count: Int,
        into starts: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        var labels = 0
        var offset = 0
        while offset < count, labels < starts.count {
            starts[labels] = UInt8(truncatingIfNeeded: offset)
            labels += 1
            offset += 1 + Int(name.load(fromByteOffset: offset, as: UInt8.self))
        }
        return labels
    }

    /// Below zero when the left label comes first, zero when they are equal. A label comes before those that begin with it.
    private static func compareLabels(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Int {
        let leftCount = Int(left.load(as: UInt8.self))
        let rightCount = Int(right.load(as: UInt8.self))
        for offset in 0..<min(leftCount, rightCount) {
            let octet = Int(left.load(fromByteOffset: 1 + offset, as: UInt8.self))
            let other = Int(right.load(fromByteOffset: 1 + offset, as: UInt8.self))
            if octet != other { return octet - other }
        }
        return leftCount - rightCount
    }
}

extension DomainName {
    /// True when this name comes before `other` in canonical order.
    package func canonicallyPrecedes(_ other: DomainName) -> Bool {
        wire.withUnsafeBytes { left in
            other.wire.withUnsafeBytes { right in
                guard let start = left.baseAddress, let otherStart = right.baseAddress else { return false }
                return NameBytes.canonicallyPrecedes(
                    start,
                    count: left.count - 1,
                    otherStart,
                    count: right.count - 1
                )
            }
        }
    }
}

/// Names of a zone, taken out in canonical order: a heap, so that a thread which wants the first ones does not wait until all
/// are sorted.
struct CanonicalNames {
    private var heap: [NameBlock]
    private var isOrdered = false

    /// - Parameter names: in any order; they are not read before ``next()``.
    init(_ names: [NameBlock]) { heap = names }

    /// Takes out the first name that is left.
    mutating func next() -> NameBlock? {
        if !isOrdered {
            for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
            isOrdered = true
        }
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last }
        heap[0] = last
        sink(0)
        return first
    }

    /// Moves a name down to where both below come after it.
    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var first = 2 * index + 1
            guard first < heap.count else { return }
            if first + 1 < heap.count, Self.precedes(heap[first + 1], heap[first]) { first += 1 }
            guard Self.precedes(heap[first], heap[index]) else { return }
            heap.swapAt(index, first)
            index = first
        }
    }

    private static func precedes(_ left: NameBlock, _ right: NameBlock) -> Bool {
        NameBytes.canonicallyPrecedes(left.name, count: left.nameLength, right.name, count: right.nameLength)
    }
}
